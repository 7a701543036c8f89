-- What has been read, and how surely (R6): each range carries the level that it reached. Ranges that touch and have one level
-- are one row. source: '' is all that the chain's lane reads; else the one whose history is read by itself.
CREATE TABLE fairlead.range (
	chain  smallint NOT NULL REFERENCES fairlead.chain,
	source text NOT NULL DEFAULT '',
	first  bigint NOT NULL,
	last   bigint NOT NULL,
	level  text NOT NULL CHECK (level IN ('none', 'bloom', 'sources', 'receipts')),
	events bigint NOT NULL DEFAULT 0,
	at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, source, first),
	CHECK (first <= last)
) WITH (fillfactor = 40, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

CREATE FUNCTION fairlead.note_range(p_chain smallint, p_source text, p_first bigint, p_last bigint, p_level text, p_events bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE fairlead.range SET last = p_last, events = events + p_events, at = clock_timestamp()
	 WHERE chain = p_chain AND source = p_source AND last = p_first - 1 AND level = p_level;
	IF NOT FOUND THEN
		INSERT INTO fairlead.range AS r (chain, source, first, last, level, events)
		VALUES (p_chain, p_source, p_first, p_last, p_level, p_events)
		ON CONFLICT (chain, source, first) DO UPDATE
		   SET last = greatest(r.last, EXCLUDED.last), level = EXCLUDED.level, events = EXCLUDED.events, at = clock_timestamp();
	END IF;
END $$;

-- What a reorg took is not read any more.
CREATE FUNCTION fairlead.cut_ranges(p_chain smallint, p_from bigint) RETURNS void LANGUAGE sql AS $$
	DELETE FROM fairlead.range WHERE chain = p_chain AND first >= p_from;
	UPDATE fairlead.range SET last = p_from - 1 WHERE chain = p_chain AND last >= p_from;
$$;

CREATE VIEW fairlead.ranges AS
SELECT c.name AS chain, r.source, r.first, r.last, r.last - r.first + 1 AS blocks, r.level, r.events, r.at
  FROM fairlead.range r JOIN fairlead.chain c ON c.id = r.chain;

-- The level at which a block was read: for a rule or a view that wants proved events only. NULL: not read.
CREATE FUNCTION fairlead.proof(p_chain smallint, p_block bigint) RETURNS text STABLE LANGUAGE sql AS $$
	SELECT level FROM fairlead.range WHERE chain = p_chain AND source = '' AND first <= p_block AND last >= p_block
	 ORDER BY first DESC LIMIT 1
$$;

-- Every event that was ever stored, in one order, with what became of it: live (its block was the child of the cursor when it was
-- read at the head), swept (read in any other way), final, retracted (taken back by a reorg).
CREATE VIEW fairlead.events AS
SELECT e._seq AS seq, c.name AS chain, d.title AS event, e._block AS block, e._log AS log, e._at AS at, e._id AS id, e._tx AS tx,
       e._address AS address, e._block_hash AS block_hash,
       CASE WHEN e._block <= c.final THEN 'final' WHEN e._swept THEN 'swept' ELSE 'live' END AS state,
       e._late AS late, fairlead.proof(e._chain, e._block) AS proof
  FROM fairlead.event e JOIN fairlead.decl d ON d.rel = e.tableoid JOIN fairlead.chain c ON c.id = e._chain
UNION ALL
SELECT r.seq, c.name, d.title, r.block, (r.image->>'_log')::int, (r.image->>'_at')::timestamptz, r.id, (r.image->>'_tx')::bytea,
       (r.image->>'_address')::bytea, r.block_hash, 'retracted', (r.image->>'_late')::bool, NULL
  FROM fairlead.retraction r JOIN fairlead.decl d ON d.rel = r.rel JOIN fairlead.chain c ON c.id = r.chain;

-- When the last sweep ended, up to which block, and what it found that live reading had missed.
ALTER TABLE fairlead.chain ADD COLUMN last_sweep timestamptz, ADD COLUMN swept_to bigint, ADD COLUMN sweep_found bigint NOT NULL DEFAULT 0;

-- As before, but lane.backend stays: the history is written on another connection than the lease's, which ends with it, and a
-- taker believes a holder dead whose backend is gone.
CREATE OR REPLACE FUNCTION fairlead.advance(p_chain smallint, p_epoch bigint, p_final bigint, p_floor bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	c       fairlead.chain;
	d       record;
	v_at    bigint;
	v_seq   bigint;
	v_floor bigint;
BEGIN
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	UPDATE fairlead.lane SET until = clock_timestamp() + interval '10s' WHERE name = 'listen:' || c.name AND epoch = p_epoch
	RETURNING at INTO v_at;
	IF v_at IS NULL THEN
		PERFORM fairlead.fenced('listen:' || c.name, p_epoch);
	END IF;
	v_floor := greatest(c.floor, p_floor);
	IF v_floor > c.floor THEN
		FOR d IN SELECT rel FROM fairlead.decl WHERE chain = p_chain LOOP
			EXECUTE format('SELECT least($3, min(_seq)) FROM %s WHERE _seq >= $1 AND _block > $2', d.rel)
				INTO v_seq USING c.floor_seq, v_floor, v_seq;
		END LOOP;
		v_seq := coalesce(v_seq, v_at + 1);
	END IF;
	UPDATE fairlead.chain
	   SET final = greatest(final, p_final), floor = v_floor, floor_seq = greatest(floor_seq, v_seq)
	 WHERE id = p_chain AND (final < p_final OR floor < v_floor);
END $$;

-- Rights of this file's own.
SELECT fairlead.grant_to(ARRAY['listener'], 'INSERT, UPDATE, DELETE ON fairlead.range');
SELECT fairlead.grant_engine();
