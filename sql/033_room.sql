-- A batch's row is written five times in its life (claimed, bound, mined, done): half of a page is left for that, so that what follows
-- a write finds its place beside the row, in no index. Pages that are full already stay as they are.
ALTER TABLE fairlead.batch SET (fillfactor = 50);

-- As before (027), but the batches that receipts are of are looked up one by one, by whole keys, whatever the statistics say (006).
CREATE OR REPLACE FUNCTION fairlead.verdicts_add(p_lane text, p_epoch bigint, p_hashes bytea[], p_block_hashes bytea[], p_chain smallint,
	p_blocks bigint[], p_ok bool[], p_gas bigint[], p_prices numeric[], p_l1_fees numeric[] DEFAULT NULL) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE v_n int;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	INSERT INTO fairlead.verdict (hash, block_hash, chain, block, ok, gas_used, price, l1_fee)
	SELECT g.hash, g.block_hash, p_chain, g.block, g.ok, g.gas, g.price, g.l1_fee
	  FROM unnest(p_hashes, p_block_hashes, p_blocks, p_ok, p_gas, p_prices, p_l1_fees)
	       g(hash, block_hash, block, ok, gas, price, l1_fee)
	ON CONFLICT (hash, block_hash) DO NOTHING;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	IF v_n > 0 THEN
		UPDATE fairlead.batch SET mined = clock_timestamp()
		 WHERE mined IS NULL
		   AND id = ANY (ARRAY(SELECT s.batch FROM unnest(p_hashes) g(hash)
		                        CROSS JOIN LATERAL (SELECT chain, signer, nonce FROM fairlead.attempt WHERE hash = g.hash OFFSET 0) a
		                        CROSS JOIN LATERAL (SELECT batch FROM fairlead.slot
		                                             WHERE (chain, signer, nonce) = (a.chain, a.signer, a.nonce) OFFSET 0) s
		                        WHERE s.batch IS NOT NULL));
	END IF;
	RETURN v_n;
END $$;
