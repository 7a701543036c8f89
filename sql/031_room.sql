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

-- As before (025), and: no batches at all are committed too, which changes nothing. A lane that opens does that, so that the first batch
-- does not wait until all this is compiled and planned.
CREATE OR REPLACE FUNCTION fairlead.send_commit(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_first bigint,
	p_batches bigint[], p_hashes bytea[], p_raws bytea[], p_fees numeric[], p_tips numeric[],
	p_items bigint[], p_item_batch bigint[], p_reasons text[] DEFAULT NULL, p_name text DEFAULT NULL, p_costs numeric[] DEFAULT NULL,
	p_limit numeric DEFAULT NULL, p_limit_ms bigint DEFAULT NULL, p_spend numeric DEFAULT NULL, p_spend_ms bigint DEFAULT NULL) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	v_at     bigint;
	v_bad    bigint;
	v_k      int := cardinality(p_batches);
	v_seq    bigint;
	v_link   bytea;
	v_links  bytea[];
	v_name   text;
	v_text   text;
	v_now    timestamptz;
BEGIN
	v_at := fairlead.hold(p_lane, p_epoch);
	PERFORM fairlead.lane_is_of(p_lane, p_signer);
	IF v_at <> p_first THEN
		RAISE EXCEPTION 'lane % stands at nonce %, not at %', p_lane, v_at, p_first USING ERRCODE = 'FL005';
	END IF;
	v_now := clock_timestamp();
	v_text := concat_ws('|', 'attempt', p_chain, encode(p_signer, 'hex'), 'send', fairlead.unix_us(v_now));
	SELECT coalesce(p_name, l.signer), l.links, l.link INTO v_name, v_seq, v_link FROM fairlead.lane l WHERE l.name = p_lane;
	PERFORM fairlead.may_sign(v_name);
	PERFORM fairlead.use(v_name, 'limit', v_k, p_limit, p_limit_ms, true);
	IF p_spend IS NOT NULL THEN
		PERFORM fairlead.use(v_name, 'spend', (SELECT sum(c) FROM unnest(p_costs) c), p_spend, p_spend_ms, true);
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

	v_links := fairlead.chain_links(v_link, ARRAY(
		SELECT concat_ws('|', v_text, v_seq + g.i, p_first + g.i - 1, 1, encode(g.hash, 'hex'), g.fee, g.tip, s.items, g.reason)
		  FROM unnest(p_batches, p_hashes, p_fees, p_tips, p_reasons) WITH ORDINALITY g(batch, hash, fee, tip, reason, i)
		  JOIN (SELECT o.batch, array_agg(o.item)::text AS items
		          FROM (SELECT x.item, x.batch FROM unnest(p_items, p_item_batch) x(item, batch) ORDER BY x.batch, x.item) o
		         GROUP BY o.batch) s ON s.batch = g.batch
		 ORDER BY g.i));
	INSERT INTO fairlead.slot (chain, signer, nonce, batch)
	SELECT p_chain, p_signer, p_first + g.i - 1, g.batch FROM unnest(p_batches) WITH ORDINALITY g(batch, i);
	UPDATE fairlead.batch SET state = 'bound', reason = NULL WHERE id = ANY (p_batches);
	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, at, reason, seq, link)
	SELECT p_chain, p_signer, p_first + g.i - 1, 1, g.hash, g.raw, g.fee, g.tip, 'send', v_now, p_reasons[g.i], v_seq + g.i, g.link
	  FROM unnest(p_hashes, p_raws, p_fees, p_tips, v_links) WITH ORDINALITY g(hash, raw, fee, tip, link, i);
	INSERT INTO fairlead.attempt_item (hash, item)
	SELECT b.hash, g.item
	  FROM unnest(p_items, p_item_batch) g(item, batch)
	  JOIN unnest(p_batches, p_hashes) b(batch, hash) ON b.batch = g.batch;
	UPDATE fairlead.lane SET at = at + v_k, made = made + v_k, links = v_seq + v_k, link = v_links[v_k] WHERE name = p_lane AND v_k > 0;
	RETURN v_k;
END $$;
