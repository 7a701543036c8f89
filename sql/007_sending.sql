-- The send path, set-wise: many slots a statement. Every function begins with the fence of its lane.

CREATE FUNCTION fairlead.lane_is_of(p_lane text, p_signer bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF right(lower(p_lane), 42) <> '0x' || encode(p_signer, 'hex') THEN
		RAISE EXCEPTION 'lane % does not send for 0x%', p_lane, encode(p_signer, 'hex') USING ERRCODE = 'FL004';
	END IF;
END $$;

-- Nonces, signed bytes and item sets of k batches in one commit (S4): batch i gets nonce p_first + i - 1. The item sets must be
-- exactly what the batches hold now, less what was taken back; else nothing happens: FL005, compose again. Returns k.
CREATE FUNCTION fairlead.send_commit(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_first bigint,
	p_batches bigint[], p_hashes bytea[], p_raws bytea[], p_fees numeric[], p_tips numeric[],
	p_items bigint[], p_item_batch bigint[]) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	v_at  bigint;
	v_bad bigint;
	v_k   int := cardinality(p_batches);
BEGIN
	v_at := fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	IF v_at <> p_first THEN
		RAISE EXCEPTION 'lane % stands at nonce %, not at %', p_lane, v_at, p_first USING ERRCODE = 'FL005';
	END IF;
	-- Other lanes of the pool, unbatch and items_settle lock the same rows: it is one or the other.
	PERFORM FROM fairlead.batch WHERE id = ANY (p_batches) ORDER BY id FOR UPDATE;
	SELECT g.id INTO v_bad
	  FROM unnest(p_batches) g(id)
	  LEFT JOIN LATERAL (SELECT state, chain FROM fairlead.batch WHERE id = g.id OFFSET 0) b ON true
	 WHERE (b.state = 'ready' AND b.chain = p_chain) IS NOT TRUE OR g.id <> ALL (p_item_batch) LIMIT 1;
	IF NOT FOUND THEN
		SELECT coalesce(g.batch, h.batch) INTO v_bad
		  FROM unnest(p_items, p_item_batch) g(item, batch)
		  FULL JOIN (SELECT i.id, b.id AS batch FROM unnest(p_batches) b(id)
		              CROSS JOIN LATERAL (SELECT id FROM fairlead.item
		                                   WHERE batch = b.id AND state = 'batched' AND cause IS NOT NULL OFFSET 0) i) h
		    ON h.id = g.item AND h.batch = g.batch
		 WHERE g.item IS NULL OR h.id IS NULL LIMIT 1;
	END IF;
	IF FOUND THEN
		RAISE EXCEPTION 'batch % changed', v_bad USING ERRCODE = 'FL005';
	END IF;

	INSERT INTO fairlead.slot (chain, signer, nonce, batch)
	SELECT p_chain, p_signer, p_first + g.i - 1, g.batch FROM unnest(p_batches) WITH ORDINALITY g(batch, i);
	UPDATE fairlead.batch SET state = 'bound', reason = NULL WHERE id = ANY (p_batches);
	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind)
	SELECT p_chain, p_signer, p_first + g.i - 1, 1, g.hash, g.raw, g.fee, g.tip, 'send'
	  FROM unnest(p_hashes, p_raws, p_fees, p_tips) WITH ORDINALITY g(hash, raw, fee, tip, i);
	INSERT INTO fairlead.attempt_item (hash, item)
	SELECT b.hash, g.item
	  FROM unnest(p_items, p_item_batch) g(item, batch)
	  JOIN unnest(p_batches, p_hashes) b(batch, hash) ON b.batch = g.batch;
	UPDATE fairlead.lane SET at = at + v_k, made = made + v_k WHERE name = p_lane;
	RETURN v_k;
END $$;

-- One more signed attempt for each of some open slots: a bump (the item set of an earlier attempt, even where an item was taken
-- back since: the calldata is what was signed before), a cancel (no items), a re-composed one or a first send of a slot that has
-- none (items of the slot's batch that have a cause). Returns how many.
CREATE FUNCTION fairlead.attempt_add(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonces bigint[], p_kinds text[],
	p_hashes bytea[], p_raws bytea[], p_fees numeric[], p_tips numeric[], p_items bigint[], p_item_nonce bigint[]) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE v_bad bigint;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	SELECT g.nonce INTO v_bad
	  FROM unnest(p_nonces) g(nonce)
	  LEFT JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (p_chain, p_signer, g.nonce) AND s.closed IS NULL
	 WHERE s.nonce IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'slot %/% is closed or unknown', p_chain, v_bad USING ERRCODE = 'FL004';
	END IF;

	-- A bump repeats the set of an earlier attempt; everything else is made of what the batch holds and has a cause.
	SELECT g.nonce INTO v_bad
	  FROM unnest(p_nonces, p_kinds) g(nonce, kind)
	  JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (p_chain, p_signer, g.nonce)
	  CROSS JOIN LATERAL (SELECT coalesce(array_agg(x.item ORDER BY x.item), '{}') AS items
	                        FROM unnest(p_items, p_item_nonce) x(item, nonce) WHERE x.nonce = g.nonce) w
	 WHERE CASE
	       WHEN g.kind = 'cancel' THEN cardinality(w.items) > 0
	       WHEN g.kind = 'bump' AND EXISTS (
	            SELECT FROM fairlead.attempt a
	             WHERE (a.chain, a.signer, a.nonce) = (p_chain, p_signer, g.nonce)
	               AND w.items = ARRAY(SELECT item FROM fairlead.attempt_item x WHERE x.hash = a.hash ORDER BY item)) THEN false
	       ELSE cardinality(w.items) = 0
	            OR EXISTS (SELECT FROM unnest(w.items) u(id)
	                        WHERE NOT EXISTS (SELECT FROM fairlead.item i
	                                           WHERE i.id = u.id AND i.batch = s.batch AND i.state = 'batched' AND i.cause IS NOT NULL))
	       END LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the items of slot %/% changed', p_chain, v_bad USING ERRCODE = 'FL005';
	END IF;

	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind)
	SELECT p_chain, p_signer, g.nonce,
	       (SELECT coalesce(max(a.n), 0) + 1 FROM fairlead.attempt a WHERE (a.chain, a.signer, a.nonce) = (p_chain, p_signer, g.nonce)),
	       g.hash, g.raw, g.fee, g.tip, g.kind
	  FROM unnest(p_nonces, p_kinds, p_hashes, p_raws, p_fees, p_tips) g(nonce, kind, hash, raw, fee, tip);
	INSERT INTO fairlead.attempt_item (hash, item)
	SELECT s.hash, g.item
	  FROM unnest(p_items, p_item_nonce) g(item, nonce)
	  LEFT JOIN unnest(p_nonces, p_hashes) s(nonce, hash) ON s.nonce = g.nonce;
	RETURN cardinality(p_nonces);
END $$;

-- What the endpoints answered.
CREATE FUNCTION fairlead.sent(p_lane text, p_epoch bigint, p_hashes bytea[], p_endpoints text[], p_answers text[]) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE v_n int;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	INSERT INTO fairlead.sending (hash, endpoint, answer)
	SELECT g.hash, g.endpoint, g.answer FROM unnest(p_hashes, p_endpoints, p_answers) WITH ORDINALITY g(hash, endpoint, answer, i)
	 ORDER BY g.i;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_n;
END $$;

-- Receipts as they were read. The same one again changes nothing. Returns how many were new.
CREATE FUNCTION fairlead.verdicts_add(p_lane text, p_epoch bigint, p_hashes bytea[], p_block_hashes bytea[], p_chain smallint,
	p_blocks bigint[], p_ok bool[], p_gas bigint[], p_prices numeric[]) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE v_n int;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	INSERT INTO fairlead.verdict (hash, block_hash, chain, block, ok, gas_used, price)
	SELECT g.hash, g.block_hash, p_chain, g.block, g.ok, g.gas, g.price
	  FROM unnest(p_hashes, p_block_hashes, p_blocks, p_ok, p_gas, p_prices) g(hash, block_hash, block, ok, gas, price)
	ON CONFLICT (hash, block_hash) DO NOTHING;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	IF v_n > 0 THEN
		UPDATE fairlead.batch SET mined = clock_timestamp()
		 WHERE mined IS NULL
		   AND id = ANY (ARRAY(SELECT s.batch FROM fairlead.attempt a
		                         JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (a.chain, a.signer, a.nonce)
		                        WHERE a.hash = ANY (p_hashes) AND s.batch IS NOT NULL));
	END IF;
	RETURN v_n;
END $$;

-- What a submitter found out about items of batches that are ready (no slot is bound to them):
--   already  the chain shows it done (S7): p_hashes, p_blocks name the block that did; taken back when that block is
--   parked   it fails alone, by a revert (S6): a closed failure (S9), tried again later; dead when its tries are used up
--   dead     for good
--   waiting  given back as it was
-- Items of batches that are no longer ready are left alone. A batch that loses its last item is dropped. Returns how many moved.
CREATE FUNCTION fairlead.items_settle(p_lane text, p_epoch bigint, p_items bigint[], p_states text[], p_reasons text[], p_hashes bytea[],
	p_blocks bigint[] DEFAULT NULL) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	v_batches bigint[];
	v_n       int;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	v_batches := ARRAY(SELECT DISTINCT batch FROM fairlead.item WHERE id = ANY (p_items) AND state = 'batched');
	PERFORM FROM fairlead.batch WHERE id = ANY (v_batches) ORDER BY id FOR UPDATE;
	WITH given AS (
		SELECT i.id, g.reason, g.hash, g.block, i.batch, d.tries AS tries_max, d.retry_first_ms, d.retry_max_ms, d.retry_grow,
		       CASE WHEN g.state NOT IN ('already', 'parked', 'dead', 'waiting') THEN 'no such state' -- refused by the table
		            WHEN i.cause IS NULL THEN 'void'
		            WHEN g.state = 'parked' AND i.tries + 1 >= d.tries THEN 'dead'
		            ELSE g.state END AS state,
		       i.tries + (g.state = 'parked')::int AS tries
		  FROM unnest(p_items, p_states, p_reasons, p_hashes, p_blocks) g(id, state, reason, hash, block)
		  JOIN fairlead.item i ON i.id = g.id AND i.state = 'batched'
		  JOIN fairlead.batch b ON b.id = i.batch AND b.state = 'ready'
		  LEFT JOIN fairlead.batch_decl d ON d.name = i.batch_of
	), moved AS (
		UPDATE fairlead.item i
		   SET state = g.state, batch = NULL, reason = g.reason, tries = g.tries,
		       not_before = CASE WHEN g.state = 'parked'
		           THEN clock_timestamp() + fairlead.retry_after(g.retry_first_ms, g.retry_max_ms, g.retry_grow, g.tries) END,
		       shown = CASE WHEN g.state = 'already' THEN g.hash END,
		       shown_block = CASE WHEN g.state = 'already' THEN g.block END
		  FROM given g WHERE i.id = g.id
		RETURNING i.id, i.batch_of, i.key, i.state, i.reason, i.tries, g.batch
	), dead AS (
		INSERT INTO fairlead.dead_letter (lane, item, what, message, tries)
		SELECT p_lane, id, 'item ' || batch_of || ' ' || key, reason, tries FROM moved WHERE state = 'dead'
	), shrunk AS (
		UPDATE fairlead.batch b
		   SET items = b.items - m.n, state = CASE WHEN b.items = m.n THEN 'dropped' ELSE b.state END,
		       reason = CASE WHEN b.items = m.n THEN 'no item is left in it' ELSE b.reason END
		  FROM (SELECT batch, count(*) AS n FROM moved GROUP BY batch) m WHERE b.id = m.batch
	)
	SELECT count(*) INTO v_n FROM moved;
	RETURN v_n;
END $$;

-- S1: what the slots of these batches were closed by, carried over to their items and batches. done: the winner's items are done,
-- the others are free. Reverted: the winner's items have failed once more, all are free. Anything else: all are free.
CREATE FUNCTION fairlead.release(p_batches bigint[], OUT done int, OUT freed int, OUT dead int) LANGUAGE sql AS $$
	WITH closed AS (
		SELECT s.batch, s.closed, s.winner, s.closed_block FROM fairlead.slot s
		 WHERE s.batch = ANY (p_batches) AND s.closed IS NOT NULL
	), fate AS (
		SELECT i.id, c.batch, c.closed, c.winner, c.closed_block,
		       i.tries + (c.closed = 'reverted' AND x.item IS NOT NULL)::int AS tries,
		       x.item IS NOT NULL AND c.closed = 'reverted' AS lost,
		       CASE WHEN c.closed = 'done' AND x.item IS NOT NULL THEN 'done'
		            WHEN i.cause IS NULL THEN 'void'
		            WHEN c.closed = 'reverted' AND x.item IS NOT NULL AND i.tries + 1 >= coalesce(d.tries, 3) THEN 'dead'
		            ELSE 'waiting' END AS state,
		       CASE WHEN NOT coalesce(d.strict, false) THEN (SELECT l.at FROM fairlead.lane l WHERE l.name = 'apply:' || n.name) END AS behind,
		       fairlead.retry_after(coalesce(d.retry_first_ms, 5000), coalesce(d.retry_max_ms, 0), coalesce(d.retry_grow, true),
		           i.tries + 1) AS pause
		  FROM closed c
		  CROSS JOIN LATERAL (SELECT * FROM fairlead.item WHERE batch = c.batch AND state = 'batched' OFFSET 0) i
		  JOIN fairlead.chain n ON n.id = i.chain
		  LEFT JOIN fairlead.attempt_item x ON x.hash = c.winner AND x.item = i.id
		  LEFT JOIN fairlead.batch_decl d ON d.name = i.batch_of
	), moved AS (
		UPDATE fairlead.item i
		   SET state = f.state, tries = f.tries,
		       batch = CASE WHEN f.state = 'done' THEN i.batch END,
		       behind = CASE WHEN f.state = 'waiting' THEN f.behind ELSE i.behind END,
		       not_before = CASE WHEN f.state = 'waiting' AND f.lost THEN clock_timestamp() + f.pause END,
		       reason = CASE WHEN f.lost THEN format('transaction 0x%s reverted in block %s', encode(f.winner, 'hex'), f.closed_block) END
		  FROM fate f WHERE i.id = f.id
		RETURNING i.id, i.batch_of, i.key, i.state, i.reason, i.tries
	), letters AS (
		INSERT INTO fairlead.dead_letter (lane, item, what, message, tries)
		SELECT 'clock', id, 'item ' || batch_of || ' ' || key, reason, tries FROM moved WHERE state = 'dead'
	), ended AS (
		UPDATE fairlead.batch b
		   SET state = CASE WHEN c.closed = 'done' THEN 'done' ELSE 'failed' END,
		       reason = CASE c.closed WHEN 'done' THEN NULL
		                     WHEN 'reverted' THEN 'reverted in block ' || c.closed_block
		                     WHEN 'cancelled' THEN 'cancelled in block ' || c.closed_block
		                     ELSE 'its nonce was used by something else up to block ' || c.closed_block END
		  FROM closed c WHERE b.id = c.batch AND b.state = 'bound'
		RETURNING b.name, b.state
	), counted AS (
		UPDATE fairlead.batch_decl d SET done = d.done + e.done, failed = d.failed + e.failed
		  FROM (SELECT name, count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed
		          FROM ended GROUP BY name) e
		 WHERE d.name = e.name
	)
	SELECT count(*) FILTER (WHERE state = 'done')::int, count(*) FILTER (WHERE state IN ('waiting', 'void'))::int,
	       count(*) FILTER (WHERE state = 'dead')::int
	  FROM moved
$$;

-- A block that is final and was not kept by the listener (a transaction mined below the window, while the fleet was down): the
-- header as an endpoint gives it, so that a verdict there can be held against it. Never for a block that stands already, nor above
-- the floor, where the listener's own word counts.
CREATE FUNCTION fairlead.anchor(p_epoch bigint, p_chain smallint, p_number bigint, p_hash bytea, p_parent bytea, p_at timestamptz)
RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	INSERT INTO fairlead.block (chain, number, hash, parent, at)
	SELECT c.id, p_number, p_hash, p_parent, p_at FROM fairlead.chain c
	 WHERE c.id = p_chain AND p_number <= c.floor AND p_number <= c.done
	ON CONFLICT DO NOTHING;
	RETURN FOUND;
END $$;

-- Closes what final blocks decided, set-wise, under lane clock: every verdict whose block is final and ours becomes final, its slot
-- closes, its items are done or free. Items that were skipped as already done wait again when the block that showed it is gone.
-- At most p_limit verdicts a call: call again while closed = p_limit. A verdict that was taken back while its slot is open stays as
-- it is: another block may still decide.
CREATE FUNCTION fairlead.finalise(p_epoch bigint, p_chain smallint, p_limit int)
RETURNS TABLE (closed int, done int, freed int, dead int, batches bigint[]) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	v_chain   fairlead.chain;
	v_closed  int;
	v_batches bigint[];
	v_done    int;
	v_freed   int;
	v_dead    int;
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	SELECT * INTO v_chain FROM fairlead.chain WHERE id = p_chain;
	UPDATE fairlead.item i
	   SET state = CASE WHEN b.hash = i.shown THEN i.state WHEN i.cause IS NULL THEN 'void' ELSE 'waiting' END,
	       reason = CASE WHEN b.hash = i.shown THEN i.reason END,
	       shown = CASE WHEN b.hash = i.shown THEN i.shown END,
	       shown_block = NULL
	  FROM fairlead.block b
	 WHERE i.chain = p_chain AND i.state = 'already' AND i.shown_block IS NOT NULL
	   AND b.chain = i.chain AND b.number = i.shown_block AND (b.hash <> i.shown OR b.number <= v_chain.final);

	WITH decided AS (
		SELECT v.hash, v.block_hash, v.block, v.ok
		  FROM fairlead.verdict v
		  JOIN fairlead.block b ON (b.chain, b.number, b.hash) = (v.chain, v.block, v.block_hash)
		 WHERE v.chain = p_chain AND NOT v.final AND NOT v.gone AND v.block <= v_chain.final
		 ORDER BY v.block LIMIT p_limit
	), marked AS (
		UPDATE fairlead.verdict v SET final = true FROM decided d WHERE (v.hash, v.block_hash) = (d.hash, d.block_hash)
	), shut AS (
		UPDATE fairlead.slot s
		   SET closed = CASE WHEN NOT d.ok THEN 'reverted' WHEN a.kind = 'cancel' THEN 'cancelled' ELSE 'done' END,
		       closed_block = d.block, closed_hash = d.block_hash, winner = d.hash
		  FROM decided d JOIN fairlead.attempt a ON a.hash = d.hash
		 WHERE (s.chain, s.signer, s.nonce) = (a.chain, a.signer, a.nonce) AND s.closed IS NULL
		RETURNING s.batch
	)
	SELECT count(*), coalesce(array_agg(batch ORDER BY batch) FILTER (WHERE batch IS NOT NULL), '{}') INTO v_closed, v_batches FROM shut;

	-- Other verdicts of the same slots were at blocks that are gone.
	UPDATE fairlead.verdict v SET gone = true
	 WHERE v.chain = p_chain AND NOT v.final AND NOT v.gone AND v.block <= v_chain.final
	   AND (SELECT s.closed IS NOT NULL FROM fairlead.attempt a
	          JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (a.chain, a.signer, a.nonce) WHERE a.hash = v.hash)
	   AND NOT EXISTS (SELECT FROM fairlead.block b WHERE (b.chain, b.number, b.hash) = (v.chain, v.block, v.block_hash));

	SELECT r.done, r.freed, r.dead INTO v_done, v_freed, v_dead FROM fairlead.release(v_batches) r;
	RETURN QUERY SELECT v_closed, v_done, v_freed, v_dead, v_batches;
END $$;

-- One slot, by its own proof (S2): the final block in which something that is not ours, or a cancel, consumed the nonce. p_lane:
-- the slot's own lane, or clock. Returns how many items are free.
CREATE FUNCTION fairlead.close(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonce bigint, p_how text, p_winner bytea,
	p_block bigint, p_block_hash bytea) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	v_batch bigint;
	v_freed int := 0;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	IF p_lane <> 'clock' THEN
		PERFORM fairlead.lane_is_of(p_lane, p_signer);
	END IF;
	UPDATE fairlead.slot SET closed = p_how, winner = p_winner, closed_block = p_block, closed_hash = p_block_hash
	 WHERE (chain, signer, nonce) = (p_chain, p_signer, p_nonce) RETURNING batch INTO v_batch;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'slot %/% is unknown', p_chain, p_nonce USING ERRCODE = 'FL004';
	END IF;
	IF v_batch IS NOT NULL THEN
		SELECT r.freed INTO v_freed FROM fairlead.release(ARRAY[v_batch]) r;
	END IF;
	RETURN v_freed;
END $$;
