-- What is never deleted: a fence that updates a lane's row and compares its epoch in the same breath (chain_step) has then nothing else
-- to find wrong than another holder.
CREATE FUNCTION fairlead.stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never deleted', TG_RELID::regclass USING ERRCODE = 'FL003';
END $$;
CREATE TRIGGER lane_stays BEFORE DELETE OR TRUNCATE ON fairlead.lane EXECUTE FUNCTION fairlead.stays();
CREATE TRIGGER chain_stays BEFORE DELETE OR TRUNCATE ON fairlead.chain EXECUTE FUNCTION fairlead.stays();

-- A block of the window is stored beside the update of its chain's row: to look that row up once more is
-- of no use.
ALTER TABLE fairlead.block DROP CONSTRAINT block_chain_fkey;
