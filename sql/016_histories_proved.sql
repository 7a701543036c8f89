-- A history reaches the level of its chain's `completeness:` like any other range (INV-9): each of its commits says how surely each
-- stretch of its blocks was read.

DROP FUNCTION fairlead.history_step(smallint, bigint, int, bigint, bigint, bigint, bigint, text[], text[]);
-- As before (013); the blocks p_from..p_done are the stretches that end at p_lasts, in order: their levels and how many events they had.
CREATE FUNCTION fairlead.history_step(p_chain smallint, p_epoch bigint, p_n int, p_from bigint, p_done bigint, p_at bigint,
	p_lasts bigint[], p_levels text[], p_events bigint[], p_contracts text[], p_titles text[]) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	c       fairlead.chain;
	h       fairlead.history;
	s       record;
	v_has   bool;
	v_first bigint := p_from;
BEGIN
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	SELECT true INTO v_has FROM fairlead.lane WHERE name = 'listen:' || c.name AND epoch = p_epoch FOR SHARE;
	IF v_has IS NULL THEN
		PERFORM fairlead.fenced('listen:' || c.name, p_epoch);
	END IF;
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	UPDATE fairlead.history
	   SET done = p_done, events = events + (SELECT coalesce(sum(x), 0) FROM unnest(p_events) x),
	       ended = CASE WHEN p_done >= last THEN clock_timestamp() END
	 WHERE chain = p_chain AND n = p_n AND ended IS NULL AND done = p_from - 1 AND p_done <= least(last, c.floor)
	RETURNING * INTO h;
	IF h.n IS NULL THEN
		RAISE EXCEPTION 'history % of chain % does not stand before block %, or block % is above its end or the floor', p_n, c.name, p_from, p_done
			USING ERRCODE = 'FL005';
	END IF;
	UPDATE fairlead.lane SET at = p_at WHERE name = fairlead.history_lane('listen', c.name, p_n);
	FOR s IN SELECT x.last, x.level, x.events FROM unnest(p_lasts, p_levels, p_events) WITH ORDINALITY x(last, level, events, i) ORDER BY i LOOP
		PERFORM fairlead.note_range(p_chain, p_n::text, v_first, s.last, s.level, s.events);
		v_first := s.last + 1;
	END LOOP;
	IF h.ended IS NOT NULL AND h.last < c.done THEN
		UPDATE fairlead.decl d SET again_from = least(d.again_from, h.last + 1)
		  FROM unnest(p_contracts, p_titles) w(contract, event) WHERE (d.contract, d.event) = (w.contract, w.event);
	END IF;
	RETURN h.ended IS NOT NULL;
END $$;

-- The level at which an event was read: by the chain's lane, or by the history that its number belongs to.
CREATE FUNCTION fairlead.proof(p_chain smallint, p_block bigint, p_seq bigint) RETURNS text STABLE LANGUAGE sql AS $$
	SELECT level FROM fairlead.range
	 WHERE chain = p_chain AND source = CASE WHEN p_seq < 0 THEN ((-p_seq >> 44) + 1)::text ELSE '' END
	   AND first <= p_block AND last >= p_block
	 ORDER BY first DESC LIMIT 1
$$;

CREATE OR REPLACE VIEW fairlead.events AS
SELECT e._seq AS seq, c.name AS chain, d.title AS event, e._block AS block, e._log AS log, e._at AS at, e._id AS id, e._tx AS tx,
       e._address AS address, e._block_hash AS block_hash,
       CASE WHEN e._block <= c.final THEN 'final' WHEN e._swept THEN 'swept' ELSE 'live' END AS state,
       e._late AS late, fairlead.proof(e._chain, e._block, e._seq) AS proof
  FROM fairlead.event e JOIN fairlead.decl d ON d.rel = e.tableoid JOIN fairlead.chain c ON c.id = e._chain
UNION ALL
SELECT r.seq, c.name, d.title, r.block, (r.image->>'_log')::int, (r.image->>'_at')::timestamptz, r.id, (r.image->>'_tx')::bytea,
       (r.image->>'_address')::bytea, r.block_hash, 'retracted', (r.image->>'_late')::bool, NULL
  FROM fairlead.retraction r JOIN fairlead.decl d ON d.rel = r.rel JOIN fairlead.chain c ON c.id = r.chain;
