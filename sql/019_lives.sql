-- What people see: reasons as codes and numbers, what was unusual about a life, counts that are kept and not computed a view, and who
-- acted by hand. Nothing here decides anything: the engine reads none of it.

-- A reason: `code key="value" …`, values as JSON strings; common/base/sentence.h says it in words. Old rows hold prose, which is its own
-- sentence.
CREATE FUNCTION fairlead.reason(p_code text, VARIADIC p_pairs text[]) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT p_code || coalesce(string_agg(format(' %s=%s', p_pairs[i], to_json(p_pairs[i + 1])), '' ORDER BY i)
	                              FILTER (WHERE p_pairs[i + 1] IS NOT NULL), '')
	  FROM generate_series(1, cardinality(p_pairs), 2) i
$$;

-- The value of one key of a reason; NULL: not there.
CREATE FUNCTION fairlead.reason_of(p_reason text, p_key text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE WHEN v LIKE '"%' THEN v::jsonb #>> '{}' ELSE v END
	  FROM (SELECT substring(p_reason FROM ' ' || p_key || '=("(?:[^"\\]|\\.)*"|\S+)') AS v) s
$$;
-- For those that read PostgreSQL, not the page: rules (:error) and dead letters.
CREATE FUNCTION fairlead.reason_said(p_reason text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE WHEN p_reason LIKE 'reverted tx=%' THEN
	            format('transaction %s reverted in block %s', fairlead.reason_of(p_reason, 'tx'), fairlead.reason_of(p_reason, 'block'))
	            WHEN p_reason LIKE 'refused text=%' THEN fairlead.reason_of(p_reason, 'text')
	            ELSE p_reason END
$$;

-- Why it was signed: base fee, what was offered before.
ALTER TABLE fairlead.attempt ADD COLUMN reason text;

CREATE OR REPLACE FUNCTION fairlead.items_settle(p_lane text, p_epoch bigint, p_items bigint[], p_states text[], p_reasons text[], p_hashes bytea[],
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
		SELECT p_lane, id, 'item ' || batch_of || ' ' || key, fairlead.reason_said(reason), tries FROM moved WHERE state = 'dead'
	), shrunk AS (
		UPDATE fairlead.batch b
		   SET items = b.items - m.n, state = CASE WHEN b.items = m.n THEN 'dropped' ELSE b.state END,
		       reason = CASE WHEN b.items = m.n THEN 'batch_empty' ELSE b.reason END
		  FROM (SELECT batch, count(*) AS n FROM moved GROUP BY batch) m WHERE b.id = m.batch
	)
	SELECT count(*) INTO v_n FROM moved;
	RETURN v_n;
END $$;

CREATE OR REPLACE FUNCTION fairlead.release(p_batches bigint[], OUT done int, OUT freed int, OUT dead int) LANGUAGE sql AS $$
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
		       reason = CASE WHEN f.lost THEN format('reverted tx=0x%s block=%s', encode(f.winner, 'hex'), f.closed_block) END
		  FROM fate f WHERE i.id = f.id
		RETURNING i.id, i.batch_of, i.key, i.state, i.reason, i.tries
	), letters AS (
		INSERT INTO fairlead.dead_letter (lane, item, what, message, tries)
		SELECT 'clock', id, 'item ' || batch_of || ' ' || key, fairlead.reason_said(reason), tries FROM moved WHERE state = 'dead'
	), ended AS (
		UPDATE fairlead.batch b
		   SET state = CASE WHEN c.closed = 'done' THEN 'done' ELSE 'failed' END,
		       reason = CASE c.closed WHEN 'done' THEN NULL
		                     WHEN 'reverted' THEN 'batch_reverted block=' || c.closed_block
		                     WHEN 'cancelled' THEN 'batch_cancelled block=' || c.closed_block
		                     ELSE 'batch_foreign block=' || c.closed_block END
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

CREATE OR REPLACE FUNCTION fairlead.item_ends() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_kind text := CASE NEW.state WHEN 'done' THEN 'final' ELSE 'failed' END;
BEGIN
	IF fairlead.wants(v_kind, NEW.batch_of) THEN
		INSERT INTO fairlead.happening (chain, kind, subject, item, data)
		SELECT w.chain, w.kind, w.subject, NEW.id,
		       fairlead.tx_data(s.chain, '0x' || encode(s.winner, 'hex'), s.signer, s.closed_block, s.closed_hash,
		                        CASE WHEN s.batch IS NOT NULL THEN NEW.state = 'done' END, CASE WHEN NEW.state = 'dead' THEN fairlead.reason_said(NEW.reason) END)
		  FROM fairlead.wanted w LEFT JOIN fairlead.slot s ON s.batch = OLD.batch AND s.closed IS NOT NULL
		 WHERE w.kind = v_kind AND w.subject = NEW.batch_of;
	END IF;
	RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION fairlead.unbatch_lost(p_lane text, p_epoch bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	b       record;
	v_left  int;
	v_total int := 0;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	FOR b IN SELECT id FROM fairlead.batch
	          WHERE state = 'ready' AND id IN (SELECT batch FROM fairlead.item WHERE cause IS NULL AND state = 'batched')
	          ORDER BY id FOR UPDATE LOOP
		UPDATE fairlead.item SET state = 'void', batch = NULL WHERE batch = b.id AND cause IS NULL;
		GET DIAGNOSTICS v_left = ROW_COUNT;
		v_total := v_total + v_left;
		UPDATE fairlead.batch
		   SET items = items - v_left, state = CASE WHEN items = v_left THEN 'dropped' ELSE state END,
		       reason = CASE WHEN items = v_left THEN 'batch_taken' ELSE reason END
		 WHERE id = b.id;
	END LOOP;
	WITH found AS (
		SELECT f.* FROM fairlead.orphaned f WHERE f.told IS NULL AND 'apply:' || f.chain = p_lane
	), said AS (
		UPDATE fairlead.orphan o SET told = clock_timestamp() FROM found f WHERE o.item = f.item
	), listed AS (
		INSERT INTO fairlead.odd (kind, what)
		SELECT 'orphaned', format('%s %s: transaction %s of block %s acted on an event that reorg entry %s of %s took back',
		           f.batch, f.key, f.tx, f.block, f.reorg, f.chain) FROM found f ORDER BY f.item
	)
	INSERT INTO fairlead.happening (chain, kind, subject, item, data)
	SELECT w.chain, w.kind, w.subject, f.item, fairlead.tx_data(f.chain_id, f.tx, f.signer, f.block, f.block_hash, true, NULL)
	  FROM found f JOIN fairlead.wanted w ON w.kind = 'orphaned' AND w.subject = f.batch ORDER BY f.item;
	RETURN v_total;
END $$;

DROP FUNCTION fairlead.send_commit(text, bigint, smallint, bytea, bigint, bigint[], bytea[], bytea[], numeric[], numeric[], bigint[], bigint[]);
CREATE FUNCTION fairlead.send_commit(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_first bigint,
	p_batches bigint[], p_hashes bytea[], p_raws bytea[], p_fees numeric[], p_tips numeric[],
	p_items bigint[], p_item_batch bigint[], p_reasons text[] DEFAULT NULL) RETURNS int
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
	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, reason)
	SELECT p_chain, p_signer, p_first + g.i - 1, 1, g.hash, g.raw, g.fee, g.tip, 'send', p_reasons[g.i]
	  FROM unnest(p_hashes, p_raws, p_fees, p_tips) WITH ORDINALITY g(hash, raw, fee, tip, i);
	INSERT INTO fairlead.attempt_item (hash, item)
	SELECT b.hash, g.item
	  FROM unnest(p_items, p_item_batch) g(item, batch)
	  JOIN unnest(p_batches, p_hashes) b(batch, hash) ON b.batch = g.batch;
	UPDATE fairlead.lane SET at = at + v_k, made = made + v_k WHERE name = p_lane;
	RETURN v_k;
END $$;

DROP FUNCTION fairlead.attempt_add(text, bigint, smallint, bytea, bigint[], text[], bytea[], bytea[], numeric[], numeric[], bigint[], bigint[]);
CREATE FUNCTION fairlead.attempt_add(p_lane text, p_epoch bigint, p_chain smallint, p_signer bytea, p_nonces bigint[], p_kinds text[],
	p_hashes bytea[], p_raws bytea[], p_fees numeric[], p_tips numeric[], p_items bigint[], p_item_nonce bigint[],
	p_reasons text[] DEFAULT NULL) RETURNS int
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

	INSERT INTO fairlead.attempt (chain, signer, nonce, n, hash, raw, fee, tip, kind, reason)
	SELECT p_chain, p_signer, g.nonce,
	       (SELECT coalesce(max(a.n), 0) + 1 FROM fairlead.attempt a WHERE (a.chain, a.signer, a.nonce) = (p_chain, p_signer, g.nonce)),
	       g.hash, g.raw, g.fee, g.tip, g.kind, p_reasons[g.i]
	  FROM unnest(p_nonces, p_kinds, p_hashes, p_raws, p_fees, p_tips) WITH ORDINALITY g(nonce, kind, hash, raw, fee, tip, i);
	INSERT INTO fairlead.attempt_item (hash, item)
	SELECT s.hash, g.item
	  FROM unnest(p_items, p_item_nonce) g(item, nonce)
	  LEFT JOIN unnest(p_nonces, p_hashes) s(nonce, hash) ON s.nonce = g.nonce;
	RETURN cardinality(p_nonces);
END $$;

-- ── what was unusual about a life ──

-- marks: 1 waited as parked · 2 taken back · 4 its price was raised · 8 a try failed · 16 nothing to do · 32 by hand. turned: when it last
-- left the ordinary way.
ALTER TABLE fairlead.item ADD COLUMN marks smallint NOT NULL DEFAULT 0, ADD COLUMN turned timestamptz;
CREATE INDEX item_marked ON fairlead.item (id) WHERE marks <> 0;
CREATE INDEX item_taken ON fairlead.item (id) WHERE marks & 2 <> 0;
CREATE INDEX item_stopped ON fairlead.item (id) WHERE state IN ('parked', 'dead');
-- Which items an event has: their ids and causes grow together, so a summary of page ranges finds them, and costs a write nothing.
CREATE INDEX item_cause ON fairlead.item USING brin (cause) WITH (pages_per_range = 32, autosummarize = on);

-- The turns of a life that its row does not keep: one row each, of the few that are unusual.
CREATE TABLE fairlead.turn (
	id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	item   bigint NOT NULL,
	at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	state  text NOT NULL,                       -- what it became; raised: a higher price
	was    text,                                -- what it was
	reason text,
	batch  bigint,                              -- that it left
	first  bool NOT NULL                        -- the life was an ordinary one before
);
CREATE INDEX turn_item ON fairlead.turn (item, id);
CREATE INDEX turn_at ON fairlead.turn (at);
-- The newest hour and day of them, for plots: they grow with time.
CREATE INDEX verdict_at ON fairlead.verdict USING brin (at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX attempt_at ON fairlead.attempt USING brin (at) WITH (pages_per_range = 16, autosummarize = on);

CREATE FUNCTION fairlead.item_turns() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	v_first bool := OLD.marks = 0;
	v_void  bool := NEW.cause IS NULL AND OLD.cause IS NOT NULL AND NOT fairlead.reseating(NEW.chain); -- what a reseat takes comes back
BEGIN
	NEW.marks := OLD.marks | NEW.marks
	           | CASE WHEN NEW.state = 'parked' THEN 1 ELSE 0 END
	           | CASE WHEN v_void THEN 2 ELSE 0 END
	           | CASE WHEN NEW.tries > OLD.tries THEN 8 ELSE 0 END
	           | CASE WHEN NEW.state = 'already' THEN 16 ELSE 0 END;
	NEW.turned := clock_timestamp();
	INSERT INTO fairlead.turn (item, state, was, reason, batch, first)
	VALUES (NEW.id, CASE WHEN v_void THEN 'taken' ELSE NEW.state END, OLD.state, coalesce(NEW.reason, OLD.reason), OLD.batch,
	        v_first AND NEW.marks <> 0);
	RETURN NEW;
END $$;
CREATE TRIGGER item_turns BEFORE UPDATE OF state, cause ON fairlead.item FOR EACH ROW
	WHEN ((NEW.state <> OLD.state AND (NEW.state IN ('parked', 'dead', 'already', 'void', 'waiting'))) OR (OLD.cause IS NOT NULL AND NEW.cause IS NULL))
	EXECUTE FUNCTION fairlead.item_turns();
-- The replay, which takes causes back, runs with ordinary triggers off.
ALTER TABLE fairlead.item ENABLE ALWAYS TRIGGER item_turns;

-- A higher price is unusual, for each item that it pays for.
CREATE FUNCTION fairlead.attempt_raises() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM fresh WHERE n > 1) THEN
		WITH raised AS (
			SELECT i.id, f.reason, i.marks = 0 AS first
			  FROM fresh f JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (f.chain, f.signer, f.nonce)
			  JOIN fairlead.item i ON i.batch = s.batch
			 WHERE f.n > 1 AND i.marks & 4 = 0 ORDER BY i.id
		), marked AS (
			UPDATE fairlead.item i SET marks = i.marks | 4 FROM raised r WHERE i.id = r.id
		)
		INSERT INTO fairlead.turn (item, state, reason, first) SELECT id, 'raised', reason, first FROM raised;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER attempt_raises AFTER INSERT ON fairlead.attempt REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.attempt_raises();

-- ── counts ──

-- A quarter of an hour: lives that began in it, and what happened in it.
CREATE TABLE fairlead.quarter (
	at      timestamptz PRIMARY KEY,
	lives   bigint NOT NULL DEFAULT 0,
	odd     bigint NOT NULL DEFAULT 0,
	parked  bigint NOT NULL DEFAULT 0,
	taken   bigint NOT NULL DEFAULT 0,
	dead    bigint NOT NULL DEFAULT 0,
	newest  bigint,                             -- id of its newest life
	slow_ms bigint NOT NULL DEFAULT 0           -- the longest that the fleet was stuck in it
) WITH (fillfactor = 70);
-- Up to where they are counted, and the sums of all quarters.
CREATE TABLE fairlead.tally (
	one   bool PRIMARY KEY DEFAULT true CHECK (one),
	item  bigint NOT NULL DEFAULT 0,
	turn  bigint NOT NULL DEFAULT 0,
	lives bigint NOT NULL DEFAULT 0,
	odd   bigint NOT NULL DEFAULT 0,
	taken bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO fairlead.tally DEFAULT VALUES;

CREATE FUNCTION fairlead.quarter_of(p timestamptz) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS $$
	SELECT to_timestamp(floor(extract(epoch FROM p) / 900) * 900)
$$;

-- Counts what is older than p_age, so that no transaction with a lower id is still under way; at most p_step rows. Under lane clock.
CREATE FUNCTION fairlead.count_lives(p_epoch bigint, p_age interval DEFAULT '30 s', p_step int DEFAULT 50000) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	t      fairlead.tally;
	v_item bigint;
	v_turn bigint;
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	SELECT * INTO t FROM fairlead.tally;
	SELECT max(id) INTO v_item FROM (SELECT id FROM fairlead.item WHERE id > t.item ORDER BY id LIMIT p_step) s;
	SELECT max(id) INTO v_turn FROM (SELECT id FROM fairlead.turn WHERE id > t.turn ORDER BY id LIMIT p_step) s;
	SELECT coalesce(min(id) - 1, v_item) INTO v_item FROM fairlead.item
	 WHERE id > t.item AND id <= v_item AND made > clock_timestamp() - p_age;
	SELECT coalesce(min(id) - 1, v_turn) INTO v_turn FROM fairlead.turn
	 WHERE id > t.turn AND id <= v_turn AND at > clock_timestamp() - p_age;
	v_item := coalesce(v_item, t.item);
	v_turn := coalesce(v_turn, t.turn);
	IF v_item = t.item AND v_turn = t.turn THEN
		RETURN 0;
	END IF;
	INSERT INTO fairlead.quarter AS q (at, lives, newest)
	SELECT fairlead.quarter_of(made), count(*), max(id) FROM fairlead.item WHERE id > t.item AND id <= v_item GROUP BY 1
	ON CONFLICT (at) DO UPDATE SET lives = q.lives + EXCLUDED.lives, newest = greatest(q.newest, EXCLUDED.newest);
	INSERT INTO fairlead.quarter AS q (at, odd, parked, taken, dead)
	SELECT fairlead.quarter_of(at), count(*) FILTER (WHERE first), count(*) FILTER (WHERE state = 'parked'),
	       count(*) FILTER (WHERE state = 'taken'), count(*) FILTER (WHERE state = 'dead')
	  FROM fairlead.turn WHERE id > t.turn AND id <= v_turn GROUP BY 1
	ON CONFLICT (at) DO UPDATE SET odd = q.odd + EXCLUDED.odd, parked = q.parked + EXCLUDED.parked, taken = q.taken + EXCLUDED.taken,
	                               dead = q.dead + EXCLUDED.dead;
	UPDATE fairlead.tally y
	   SET item = v_item, turn = v_turn,
	       lives = y.lives + (SELECT count(*) FROM fairlead.item WHERE id > t.item AND id <= v_item),
	       odd = y.odd + s.odd, taken = y.taken + s.taken
	  FROM (SELECT count(*) FILTER (WHERE first) AS odd, count(*) FILTER (WHERE state = 'taken') AS taken
	          FROM fairlead.turn WHERE id > t.turn AND id <= v_turn) s;
	RETURN v_item - t.item + v_turn - t.turn;
END $$;

-- What stood still, as the clock saw it while it lasted: the marks of a day.
CREATE TABLE fairlead.stuck (
	id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at     timestamptz NOT NULL,                -- since when
	ms     bigint NOT NULL,                     -- how long, so far
	reason text NOT NULL
);
CREATE INDEX stuck_at ON fairlead.stuck (at);
CREATE FUNCTION fairlead.was_stuck(p_epoch bigint, p_since_ms bigint, p_ms bigint, p_reason text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_at timestamptz := to_timestamp(p_since_ms / 1000.0);
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	UPDATE fairlead.stuck SET ms = greatest(ms, p_ms) WHERE at BETWEEN v_at - interval '2 s' AND v_at + interval '2 s';
	IF NOT FOUND THEN
		INSERT INTO fairlead.stuck (at, ms, reason) VALUES (v_at, p_ms, p_reason);
	END IF;
END $$;

-- ── by hand ──

CREATE TABLE fairlead.act (
	id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at   timestamptz NOT NULL DEFAULT clock_timestamp(),
	who  text NOT NULL,
	what text NOT NULL CHECK (what IN ('retry', 'drop', 'flush', 'replay')),
	item bigint,
	dead bigint,                                -- the dead letter
	of   text NOT NULL,                         -- as it was asked
	text text NOT NULL                          -- what it did
);
CREATE INDEX act_item ON fairlead.act (item, id) WHERE item IS NOT NULL;
CREATE INDEX act_dead ON fairlead.act (dead, id) WHERE dead IS NOT NULL;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fairlead.act EXECUTE FUNCTION fairlead.append_only();

-- These items go back into the queue, whatever stopped them; only those that a person may send back. Returns their batches.
CREATE FUNCTION fairlead.act_retry(p_who text, p_of text, p_items bigint[]) RETURNS TABLE (batch_of text, n bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY WITH moved AS (
		UPDATE fairlead.item i SET state = 'waiting', reason = NULL, not_before = NULL, tries = 0, marks = i.marks | 32
		 WHERE i.id = ANY (p_items) AND i.state IN ('parked', 'dead') AND i.cause IS NOT NULL
		RETURNING i.id, i.batch_of
	), cured AS (
		UPDATE fairlead.dead_letter d SET cured = clock_timestamp() FROM moved m WHERE d.item = m.id AND d.cured IS NULL
	), told AS (
		INSERT INTO fairlead.act (who, what, item, of, text) SELECT p_who, 'retry', m.id, p_of, 'It waits for the next batch.' FROM moved m
	) SELECT m.batch_of, count(*) FROM moved m GROUP BY 1;
END $$;

-- Never sent: an item that no batch holds is put away for good. Its key stays spent (INV-4).
CREATE FUNCTION fairlead.act_drop(p_who text, p_of text, p_items bigint[], p_dead bigint[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_n bigint;
BEGIN
	WITH moved AS (
		UPDATE fairlead.item i SET state = 'dead', reason = fairlead.reason('dropped', 'who', p_who, 'text', i.reason), not_before = NULL,
		       marks = i.marks | 32
		 WHERE i.id = ANY (p_items) AND i.state IN ('parked', 'dead', 'waiting')
		RETURNING i.id
	), letters AS (
		UPDATE fairlead.dead_letter d SET cured = clock_timestamp()
		 WHERE d.cured IS NULL AND (d.id = ANY (p_dead) OR d.item IN (SELECT m.id FROM moved m))
		RETURNING d.id, d.item
	), told AS (
		INSERT INTO fairlead.act (who, what, item, dead, of, text)
		SELECT p_who, 'drop', m.id, NULL::bigint, p_of, 'It will not be sent.' FROM moved m
		UNION ALL
		SELECT p_who, 'drop', NULL, l.id, p_of, 'It will not be tried again.' FROM letters l WHERE l.item IS NULL
	) SELECT (SELECT count(*) FROM moved) + (SELECT count(*) FROM letters l WHERE l.item IS NULL) INTO v_n;
	RETURN v_n;
END $$;

-- What waits for a batch has waited long enough. Returns how many.
CREATE FUNCTION fairlead.act_flush(p_who text, p_batch text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_n bigint;
BEGIN
	UPDATE fairlead.item i SET at = i.at - d.wait_ms * interval '1 ms'
	  FROM fairlead.batch_decl d,
	       (SELECT id FROM fairlead.item WHERE batch_of = p_batch AND state = 'waiting' ORDER BY turn, ordinal, id LIMIT 10000
	           FOR UPDATE SKIP LOCKED) w
	 WHERE i.id = w.id AND d.name = p_batch;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	INSERT INTO fairlead.act (who, what, of, text) VALUES (p_who, 'flush', p_batch, v_n || ' leave now.');
	RETURN v_n;
END $$;

-- ── the lives, as they are shown ──

CREATE FUNCTION fairlead.unix_ms(p timestamptz) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE WHEN isfinite(p) THEN floor(extract(epoch FROM p) * 1000)::bigint END
$$;

-- One line, one life. The columns of fairlead.lives, and what the page needs beside them; times as Unix ms.
CREATE VIEW fairlead.lives_shown AS
SELECT i.id, i.batch_of, i.key, i.state, i.reason, i.marks, i.tries, i.cause, i.chain AS chain_id, c.head, c.final AS chain_final,
       fairlead.unix_ms(i.made) AS made, fairlead.unix_ms(i.turned) AS turned, fairlead.unix_ms(d.due) AS due,
       e.event, e._block AS event_block, e._log AS event_log, fairlead.unix_ms(e._at) AS event_at, encode(e._tx, 'hex') AS event_tx,
       i.batch, s.nonce, encode(s.signer, 'hex') AS signer, s.closed, a.fees, fairlead.unix_ms(a.first) AS first_sent,
       fairlead.unix_ms(a.last) AS last_sent, v.block AS mined_block, fairlead.unix_ms(b.mined) AS mined, v.ok, b.state AS batch_state
  FROM fairlead.item i
  JOIN fairlead.chain c ON c.id = i.chain
  LEFT JOIN fairlead.batch_decl d ON d.name = i.batch_of AND i.state = 'waiting'
  LEFT JOIN fairlead.batch b ON b.id = i.batch
  LEFT JOIN fairlead.slot s ON s.batch = i.batch
  LEFT JOIN LATERAL (SELECT x.title AS event, e._block, e._log, e._at, e._tx
                       FROM fairlead.event e JOIN fairlead.decl x ON x.rel = e.tableoid
                      WHERE e._chain = i.chain AND e._seq = i.cause LIMIT 1) e ON i.cause <> 0
  LEFT JOIN LATERAL (SELECT string_agg(a.fee::text, ' ' ORDER BY a.n) AS fees, min(a.at) AS first, max(a.at) AS last
                       FROM fairlead.attempt a WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce)) a ON s.nonce IS NOT NULL
  LEFT JOIN LATERAL (SELECT v.block, v.ok FROM fairlead.attempt x
                       JOIN fairlead.standing v ON v.hash = x.hash AND v.standing <> 'taken back'
                      WHERE (x.chain, x.signer, x.nonce) = (s.chain, s.signer, s.nonce)
                      ORDER BY v.final DESC, v.at DESC LIMIT 1) v ON b.mined IS NOT NULL;

-- Rights. Again at each install, as grant_engine. The acts are the reconciler's alone.
CREATE FUNCTION fairlead.grant_lives() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.turn, fairlead.quarter, fairlead.tally, fairlead.stuck, fairlead.act, fairlead.lives_shown');
	PERFORM fairlead.grant_to(ARRAY['gateway'], 'SELECT (reason) ON fairlead.attempt');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'INSERT, UPDATE, DELETE ON fairlead.quarter, fairlead.tally, fairlead.stuck');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'DELETE ON fairlead.turn');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'EXECUTE ON FUNCTION fairlead.act_retry(text, text, bigint[])');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'EXECUTE ON FUNCTION fairlead.act_drop(text, text, bigint[], bigint[])');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'EXECUTE ON FUNCTION fairlead.act_flush(text, text)');
END $$;
REVOKE ALL ON FUNCTION fairlead.act_retry(text, text, bigint[]), fairlead.act_drop(text, text, bigint[], bigint[]),
	fairlead.act_flush(text, text) FROM PUBLIC;
SELECT fairlead.grant_lives();
