-- What a step says that finds the cursor elsewhere than it left it: commits were lost (a crash of PostgreSQL took back some that had
-- not waited for the disk, an older copy stands in its place), and to go on would leave a hole (INV-9). The truth is read again then.
CREATE FUNCTION fairlead.elsewhere(p_chain text, p_done bigint, p_since bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the cursor of chain % stands at block %, not at block %: PostgreSQL has lost commits', p_chain, p_done, p_since
		USING ERRCODE = 'FL005';
END $$;
SELECT fairlead.grant_engine();
