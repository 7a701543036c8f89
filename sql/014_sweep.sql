-- Sweeps (CHAIN R4): what live reading has missed. Inside the window it is re-seated: an entry of reason `reseat` takes the log back to
-- the lowest missing block, the cursor goes back, and all is read again in chain order. A reseat is open until the cursor is where it
-- stood before; what its entry took and what comes back unchanged is as it was, and nothing that hangs on it is given up meanwhile.

ALTER TABLE fairlead.chain
	ADD COLUMN reseat_to  bigint,               -- the cursor when the open reseat began; null: none is open
	ADD COLUMN reseat_seq bigint,               -- its entry, the first of them when there are several
	ADD COLUMN reseat_at  bigint;               -- number of the log at which the last one was whole again

-- As before, and: the counters of the declarations lose what leaves their tables (live or swept, each for itself), the blocks taken
-- back are to be swept again, and a reseat stands open.
CREATE OR REPLACE FUNCTION fairlead.retract(p_chain smallint, p_epoch bigint, p_from bigint, p_reason text DEFAULT 'reorg') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	c       fairlead.chain;
	d       record;
	v_at    bigint;
	v_first bigint;
	v_entry bigint;
	v_rows  int;
	v_swept int;
	v_total int := 0;
BEGIN
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	v_at := fairlead.hold('listen:' || c.name, p_epoch);
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	IF p_from <= c.floor THEN
		RAISE EXCEPTION 'reorg of chain % from block %, the window begins above %', c.name, p_from, c.floor USING ERRCODE = 'FL002';
	END IF;
	-- Through the index of numbers: the window only, never a scan of the child.
	FOR d IN SELECT rel FROM fairlead.decl WHERE chain = p_chain LOOP
		EXECUTE format('SELECT least($3, min(_seq)) FROM %s WHERE _seq >= $1 AND _block >= $2', d.rel)
			INTO v_first USING c.floor_seq, p_from, v_first;
	END LOOP;
	v_entry := v_at + 1;
	v_first := coalesce(v_first, v_entry);
	v_at := v_entry;
	INSERT INTO fairlead.reorg (chain, seq, first_seq, from_block, reason, was_final)
	VALUES (p_chain, v_entry, v_first, p_from, p_reason, p_from <= c.final);
	FOR d IN SELECT id, rel FROM fairlead.decl WHERE chain = p_chain LOOP
		EXECUTE format(
			'WITH gone AS (DELETE FROM %1$s e WHERE _seq >= $1 AND _block >= $2 RETURNING e.*), kept AS (
			 INSERT INTO fairlead.retraction (chain, reorg, seq, id, rel, block, block_hash, image)
			 SELECT _chain, $3, _seq, _id, $4, _block, _block_hash, to_jsonb(gone) FROM gone)
			 SELECT count(*), count(*) FILTER (WHERE _swept) FROM gone', d.rel)
			INTO v_rows, v_swept USING v_first, p_from, v_entry, d.rel;
		UPDATE fairlead.decl SET live = live - (v_rows - v_swept), swept = swept - v_swept WHERE id = d.id AND v_rows > 0;
		v_total := v_total + v_rows;
	END LOOP;
	UPDATE fairlead.reorg SET events = v_total WHERE chain = p_chain AND seq = v_entry;
	FOR d IN SELECT tableoid::regclass AS rel, _seq AS seq FROM fairlead.event
	          WHERE _chain = p_chain AND _seq >= v_first ORDER BY _block, _log LOOP
		v_at := v_at + 1;
		EXECUTE format('UPDATE %s SET _seq = $1 WHERE _seq = $2', d.rel) USING v_at, d.seq;
	END LOOP;
	DELETE FROM fairlead.undecoded WHERE chain = p_chain AND block >= p_from;
	DELETE FROM fairlead.block WHERE chain = p_chain AND number >= p_from;
	UPDATE fairlead.lane SET at = v_at WHERE name = 'listen:' || c.name;
	UPDATE fairlead.chain
	   SET done = least(done, p_from - 1), swept_to = CASE WHEN swept_to >= p_from THEN p_from - 1 ELSE swept_to END,
	       reseat_to = CASE WHEN p_reason = 'reseat' THEN greatest(reseat_to, done)
	                        WHEN reseat_to >= p_from THEN p_from - 1 ELSE reseat_to END,
	       reseat_seq = CASE WHEN p_reason = 'reseat' THEN least(reseat_seq, v_entry) ELSE reseat_seq END
	 WHERE id = p_chain;
	PERFORM fairlead.reseated(p_chain, p_from, p_from - 1);
	RETURN v_at;
END $$;

-- The blocks p_first..p_last were read again in this transaction. What an open reseat took of them and what is back in the same
-- block was live if it was live before: it counts once, as what it was. Ends the reseat where the cursor has come back.
CREATE FUNCTION fairlead.reseated(p_chain smallint, p_first bigint, p_last bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c      fairlead.chain;
	d      record;
	v_rows int;
BEGIN
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	IF c.reseat_to IS NULL THEN
		RETURN;
	END IF;
	FOR d IN SELECT id, rel FROM fairlead.decl WHERE chain = p_chain AND p_first <= p_last LOOP
		EXECUTE format(
			'UPDATE %s e SET _swept = false FROM fairlead.retraction t
			  WHERE t.chain = $1 AND t.seq >= (SELECT min(o.first_seq) FROM fairlead.reorg o WHERE o.chain = $1 AND o.seq >= $2)
			    AND t.reorg >= $2 AND t.rel = $3 AND t.block BETWEEN $4 AND $5 AND NOT (t.image->>''_swept'')::bool
			    AND e._block = t.block AND e._id = t.id AND e._block_hash = t.block_hash AND e._swept', d.rel)
			USING p_chain, c.reseat_seq, d.rel, p_first, p_last;
		GET DIAGNOSTICS v_rows = ROW_COUNT;
		UPDATE fairlead.decl SET live = live + v_rows, swept = swept - v_rows WHERE id = d.id AND v_rows > 0;
	END LOOP;
	UPDATE fairlead.chain x
	   SET reseat_to = NULL, reseat_seq = NULL, reseat_at = l.at
	  FROM fairlead.lane l WHERE l.name = 'listen:' || x.name AND x.id = p_chain AND x.done >= x.reseat_to;
END $$;

-- Is what a reseat took still on its way back to the rules? Then an item without a cause has only not got it back yet.
CREATE FUNCTION fairlead.reseating(p_chain smallint) RETURNS bool STABLE LANGUAGE sql AS $$
	SELECT EXISTS (SELECT FROM fairlead.chain c JOIN fairlead.lane a ON a.name = 'apply:' || c.name
	                WHERE c.id = p_chain AND (c.reseat_to IS NOT NULL OR a.at < c.reseat_at))
$$;

-- Which of these logs are not stored? The places of the arrays, from 1. What lies below the first block that the declaration is asked
-- for is not missed.
CREATE FUNCTION fairlead.missing(p_rel regclass, p_blocks bigint[], p_ids bytea[]) RETURNS SETOF bigint STABLE LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT x.i FROM unnest($1, $2) WITH ORDINALITY x(n, id, i)
		WHERE NOT EXISTS (SELECT FROM %s e WHERE e._block = x.n AND e._id = x.id) AND x.n >= $3', p_rel)
		USING p_blocks, p_ids, (SELECT coalesce(d.asked_from, 0) FROM fairlead.decl d WHERE d.rel = p_rel);
END $$;

-- A sweep found events that reading had missed.
CREATE FUNCTION fairlead.missed(p_chain smallint, p_events bigint, p_what text) RETURNS void LANGUAGE sql AS $$
	UPDATE fairlead.chain SET sweep_found = sweep_found + p_events WHERE id = p_chain;
	INSERT INTO fairlead.odd (kind, what) VALUES ('missed', p_what);
$$;

-- After the grace (S3), as before; but while a reseat is open nothing was lost yet: the event comes back in the same moment.
ALTER FUNCTION fairlead.unbatch(text, bigint) RENAME TO unbatch_lost;
CREATE FUNCTION fairlead.unbatch(p_lane text, p_epoch bigint) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	IF EXISTS (SELECT FROM fairlead.chain c WHERE 'apply:' || c.name = p_lane AND fairlead.reseating(c.id)) THEN
		RETURN 0;
	END IF;
	RETURN fairlead.unbatch_lost(p_lane, p_epoch);
END $$;
