-- Who consumed a nonce (S2), and what PostgreSQL must have if it lost nothing (S4, P8).

-- What was found out about a nonce that none of our attempts consumed, one row for each block that it was found in. A note: nothing
-- is decided by it. For a slot it was read in a final block; for a nonce that no slot has, in the newest one.
CREATE TABLE fairlead.consumed (
	chain      smallint NOT NULL REFERENCES fairlead.chain,
	signer     bytea NOT NULL CHECK (octet_length(signer) = 20),
	nonce      bigint NOT NULL CHECK (nonce >= 0),
	block      bigint NOT NULL,
	block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
	kind       text NOT NULL CHECK (kind IN ('transaction', 'authorization', 'delegated', 'deposit', 'unknown')),
	tx         bytea CHECK (octet_length(tx) = 32),  -- the transaction that did it; NULL where no single one can be named
	by         bytea CHECK (octet_length(by) = 20),  -- who sent that
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, signer, nonce, block_hash),
	CHECK ((tx IS NULL) = (by IS NULL))
);

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_truth() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'], 'SELECT ON fairlead.consumed');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, UPDATE ON fairlead.consumed');
END $$;
SELECT fairlead.grant_truth();

CREATE FUNCTION fairlead.note_consumed(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonce bigint, p_block bigint,
	p_block_hash bytea, p_kind text, p_tx bytea, p_by bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	INSERT INTO fairlead.consumed (chain, signer, nonce, block, block_hash, kind, tx, by)
	VALUES (p_chain, p_signer, p_nonce, p_block, p_block_hash, p_kind, p_tx, p_by)
	ON CONFLICT (chain, signer, nonce, block_hash) DO UPDATE SET kind = EXCLUDED.kind, tx = EXCLUDED.tx, by = EXCLUDED.by;
END $$;

-- fairlead.anchor under a lane of one's own: a final block that the listener did not keep. Never for a block that stands already, nor
-- above the floor, where the listener's own word counts. A submitter has no right on blocks but this.
CREATE FUNCTION fairlead.anchor_of(p_lane text, p_epoch bigint, p_chain smallint, p_number bigint, p_hash bytea, p_parent bytea,
	p_at timestamptz) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	INSERT INTO fairlead.block (chain, number, hash, parent, at)
	SELECT c.id, p_number, p_hash, p_parent, p_at FROM fairlead.chain c
	 WHERE c.id = p_chain AND p_number <= c.floor AND p_number <= c.done
	ON CONFLICT DO NOTHING;
	RETURN FOUND;
END $$;

-- S2: a slot whose nonce something else consumed in that final block; its items are free. Refused (FL004) unless the block is the
-- chain's own and final. Returns how many items are free.
CREATE FUNCTION fairlead.foreign_close(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonce bigint, p_block bigint,
	p_block_hash bytea, p_parent bytea, p_time bigint, p_kind text, p_tx bytea, p_by bytea) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.note_consumed(p_lane, p_epoch, p_chain, p_signer, p_nonce, p_block, p_block_hash, p_kind, p_tx, p_by);
	IF EXISTS (SELECT FROM fairlead.attempt WHERE hash = p_tx) THEN
		RAISE EXCEPTION 'nonce %/% was consumed by an attempt of ours', p_chain, p_nonce USING ERRCODE = 'FL004';
	END IF;
	PERFORM fairlead.anchor_of(p_lane, p_epoch, p_chain, p_block, p_block_hash, p_parent, to_timestamp(p_time));
	RETURN fairlead.close(p_lane, p_epoch, p_chain, p_signer, p_nonce, 'foreign', NULL, p_block, p_block_hash);
END $$;
