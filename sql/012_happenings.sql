-- What happens beside the log: a chain begins to be read, a sweep ends, a transaction is mined. Rules name it (`on: main.swept`,
-- `on: reveal.mined`), so it is a queue in PostgreSQL: whoever makes it true writes the row in the same transaction, and the batcher's
-- lane of the chain runs the rules in order of id, each in one transaction with the row's end.
--
-- CHAIN.final is not here: it is the log itself up to the final block, and runs as rules `at: final` do (fairlead_app.final_<chain>).

-- What some rule of the file names; written by install. Everything else costs one look here.
CREATE TABLE fairlead.wanted (
	kind    text NOT NULL,                      -- start live sweep swept reorg · sent mined failed final orphaned
	subject text NOT NULL,                      -- the name of the chain, or of the batch
	chain   smallint NOT NULL,                  -- whose lane runs the rules
	PRIMARY KEY (kind, subject)
);

CREATE TABLE fairlead.happening (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	chain   smallint NOT NULL,
	seq     bigint NOT NULL DEFAULT -1,         -- comes behind this number of the log and before the next; -1: at any time
	kind    text NOT NULL,
	subject text NOT NULL,
	item    bigint REFERENCES fairlead.item,    -- of a batch: once an item
	data    jsonb NOT NULL DEFAULT '{}',        -- tx from block hash time (epoch) found ok error, where they are known
	state   text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')), -- what was done is gone
	at      timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX happening_waits ON fairlead.happening (chain, id) WHERE state = 'waiting';
CREATE INDEX happening_seq ON fairlead.happening (chain, seq) WHERE state = 'waiting' AND seq >= 0;

-- What is wanted now. What waited for a rule that is gone waits no longer. The end of an item costs a look only where one is wanted.
CREATE FUNCTION fairlead.want(p_kinds text[], p_subjects text[], p_chains text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_ends bool;
BEGIN
	DELETE FROM fairlead.wanted;
	INSERT INTO fairlead.wanted (kind, subject, chain)
	SELECT DISTINCT w.kind, w.subject, c.id FROM unnest(p_kinds, p_subjects, p_chains) w(kind, subject, chain)
	  JOIN fairlead.chain c ON c.name = w.chain;
	DELETE FROM fairlead.happening h WHERE h.state = 'waiting'
	   AND NOT EXISTS (SELECT FROM fairlead.wanted w WHERE (w.kind, w.subject) = (h.kind, h.subject));
	v_ends := EXISTS (SELECT FROM fairlead.wanted WHERE kind IN ('final', 'failed'));
	IF v_ends <> (SELECT tgenabled <> 'D' FROM pg_trigger WHERE tgrelid = 'fairlead.item'::regclass AND tgname = 'item_ends') THEN
		EXECUTE format('ALTER TABLE fairlead.item %s TRIGGER item_ends', CASE WHEN v_ends THEN 'ENABLE' ELSE 'DISABLE' END);
	END IF;
END $$;

CREATE FUNCTION fairlead.wants(p_kind text, p_subject text) RETURNS bool STABLE LANGUAGE sql AS $$
	SELECT EXISTS (SELECT FROM fairlead.wanted WHERE kind = p_kind AND subject = p_subject)
$$;

-- Something happened to a chain; the listener says so, in the transaction that makes it true. It stands in the log where the
-- listener's lane stands.
CREATE FUNCTION fairlead.happen(p_chain smallint, p_kind text, p_data jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO fairlead.happening (chain, seq, kind, subject, data)
	SELECT c.id, l.at, p_kind, c.name, jsonb_strip_nulls(p_data)
	  FROM fairlead.chain c JOIN fairlead.lane l ON l.name = 'listen:' || c.name
	 WHERE c.id = p_chain AND EXISTS (SELECT FROM fairlead.wanted w WHERE w.kind = p_kind AND w.subject = c.name)
$$;

-- It failed three times alone (A8).
CREATE FUNCTION fairlead.happening_bury(p_lane text, p_epoch bigint, p_id bigint, p_state text, p_text text, p_tries int) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE h fairlead.happening;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	UPDATE fairlead.happening SET state = 'dead' WHERE id = p_id AND state = 'waiting' RETURNING * INTO h;
	IF h.id IS NULL THEN
		RETURN false;
	END IF;
	INSERT INTO fairlead.dead_letter (lane, item, what, sqlstate, message, tries)
	VALUES (p_lane, h.item, h.subject || '.' || h.kind || ' ' || h.data, p_state, p_text, p_tries);
	UPDATE fairlead.lane SET failed = failed + 1 WHERE name = p_lane;
	RETURN true;
END $$;

-- CHAIN.reorg: once for each transaction that a reorg takes events of. A reseat takes nothing away: all of it comes back.
CREATE FUNCTION fairlead.retraction_tells() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM fairlead.wanted WHERE kind = 'reorg') THEN
		INSERT INTO fairlead.happening (chain, seq, kind, subject, data)
		SELECT t.chain, t.reorg, 'reorg', c.name, jsonb_build_object('tx', t.tx, 'block', t.block,
		           'hash', '0x' || encode(t.block_hash, 'hex'), 'time', extract(epoch FROM t.at)::bigint)
		  FROM (SELECT DISTINCT chain, reorg, block, block_hash, (image->>'_at')::timestamptz AS at,
		               '0x' || encode((image->>'_tx')::bytea, 'hex') AS tx FROM fresh) t
		  JOIN fairlead.chain c ON c.id = t.chain
		  JOIN fairlead.wanted w ON w.kind = 'reorg' AND w.subject = c.name
		  JOIN fairlead.reorg o ON o.chain = t.chain AND o.seq = t.reorg AND o.reason = 'reorg'
		 WHERE NOT EXISTS (SELECT FROM fairlead.happening h
		                    WHERE h.chain = t.chain AND h.state = 'waiting' AND h.seq = t.reorg AND h.data->>'tx' = t.tx)
		 ORDER BY t.block DESC;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER retraction_tells AFTER INSERT ON fairlead.retraction REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.retraction_tells();

-- INV-7, P9: an item that was acted on and whose event was taken back. It is listed while its transaction stands as mined and no
-- event stands behind it; told: when it was said.
CREATE TABLE fairlead.orphan (
	item  bigint PRIMARY KEY REFERENCES fairlead.item,
	reorg bigint,                               -- the entry of the chain's log that took its event
	told  timestamptz
);
CREATE INDEX orphan_untold ON fairlead.orphan (item) WHERE told IS NULL;

CREATE FUNCTION fairlead.item_lost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO fairlead.orphan AS o (item, reorg)
	SELECT NEW.id, (SELECT min(r.seq) FROM fairlead.reorg r WHERE r.chain = NEW.chain AND r.seq > l.at)
	  FROM fairlead.chain c JOIN fairlead.lane l ON l.name = 'apply:' || c.name WHERE c.id = NEW.chain
	ON CONFLICT (item) DO UPDATE SET reorg = EXCLUDED.reorg, told = NULL;
	RETURN NULL;
END $$;
CREATE TRIGGER item_lost AFTER UPDATE OF cause ON fairlead.item FOR EACH ROW
	WHEN (OLD.cause IS NOT NULL AND NEW.cause IS NULL AND NEW.state IN ('batched', 'done')) EXECUTE FUNCTION fairlead.item_lost();
-- The replay, which takes causes back, runs with ordinary triggers off.
ALTER TABLE fairlead.item ENABLE ALWAYS TRIGGER item_lost;

CREATE VIEW fairlead.orphaned AS
SELECT i.batch_of AS batch, i.key, c.name AS chain, '0x' || encode(a.hash, 'hex') AS tx, a.block, o.reorg, o.told, i.state, i.id AS item,
       i.chain AS chain_id, a.signer, a.block_hash
  FROM fairlead.orphan o
  JOIN fairlead.item i ON i.id = o.item AND i.cause IS NULL AND i.state IN ('batched', 'done')
  JOIN fairlead.chain c ON c.id = i.chain
  JOIN LATERAL (SELECT t.hash, t.signer, v.block, v.block_hash
                  FROM fairlead.slot s
                  JOIN fairlead.attempt t ON (t.chain, t.signer, t.nonce) = (s.chain, s.signer, s.nonce)
                  JOIN fairlead.attempt_item x ON x.hash = t.hash AND x.item = i.id
                  JOIN fairlead.standing v ON v.hash = t.hash AND v.ok AND v.standing <> 'taken back'
                 WHERE s.batch = i.batch AND (s.closed IS NULL OR s.winner = t.hash)
                 ORDER BY v.final DESC, v.block DESC LIMIT 1) a ON true;

-- After the grace (S3): items that lost their cause leave a batch that no slot is bound to. Binding locks the same batch row, so it
-- is one or the other. What is bound stays until its slot closes, and stands in item_orphan: the submitter re-composes without it.
-- What is mined already can't be helped any more: it is listed and told. Returns how many items left.
CREATE OR REPLACE FUNCTION fairlead.unbatch(p_lane text, p_epoch bigint) RETURNS int LANGUAGE plpgsql AS $$
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
		       reason = CASE WHEN items = v_left THEN 'every item was taken back' ELSE reason END
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

-- What the rules of a batch may ask of a transaction. The block's time only where that block is kept.
CREATE FUNCTION fairlead.tx_data(p_chain smallint, p_tx text, p_signer bytea, p_block bigint, p_block_hash bytea, p_ok bool, p_error text)
RETURNS jsonb STABLE LANGUAGE sql AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('tx', p_tx, 'from', '0x' || encode(p_signer, 'hex'), 'block', p_block,
		'hash', '0x' || encode(p_block_hash, 'hex'), 'ok', p_ok, 'error', p_error,
		'time', (SELECT extract(epoch FROM b.at)::bigint FROM fairlead.block b
		          WHERE (b.chain, b.number, b.hash) = (p_chain, p_block, p_block_hash))))
$$;

-- What the endpoints answered. NAME.sent: the first time that one of them takes an attempt of the slot that holds the item.
CREATE OR REPLACE FUNCTION fairlead.sent(p_lane text, p_epoch bigint, p_hashes bytea[], p_endpoints text[], p_answers text[]) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE v_n int;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	IF EXISTS (SELECT FROM fairlead.wanted WHERE kind = 'sent') THEN
		INSERT INTO fairlead.happening (chain, kind, subject, item, data)
		SELECT w.chain, w.kind, w.subject, i.id,
		       fairlead.tx_data(a.chain, '0x' || encode(a.hash, 'hex'), a.signer, NULL, NULL, NULL, NULL)
		  FROM (SELECT DISTINCT hash FROM unnest(p_hashes, p_answers) u(hash, answer) WHERE answer IS NULL) g
		  JOIN fairlead.attempt a ON a.hash = g.hash
		  JOIN fairlead.attempt_item x ON x.hash = a.hash
		  JOIN fairlead.item i ON i.id = x.item
		  JOIN fairlead.wanted w ON w.kind = 'sent' AND w.subject = i.batch_of
		 WHERE NOT EXISTS (SELECT FROM fairlead.attempt b JOIN fairlead.sending s ON s.hash = b.hash AND s.answer IS NULL
		                     JOIN fairlead.attempt_item y ON y.hash = b.hash AND y.item = i.id
		                    WHERE (b.chain, b.signer, b.nonce) = (a.chain, a.signer, a.nonce))
		 ORDER BY a.nonce, i.id;
	END IF;
	INSERT INTO fairlead.sending (hash, endpoint, answer)
	SELECT g.hash, g.endpoint, g.answer FROM unnest(p_hashes, p_endpoints, p_answers) WITH ORDINALITY g(hash, endpoint, answer, i)
	 ORDER BY g.i;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_n;
END $$;

-- NAME.mined: a receipt of success was read, in this block; again when a reorg moves it to another one. Not final yet.
CREATE FUNCTION fairlead.verdict_tells() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM fairlead.wanted WHERE kind = 'mined') THEN
		INSERT INTO fairlead.happening (chain, kind, subject, item, data)
		SELECT w.chain, w.kind, w.subject, i.id,
		       fairlead.tx_data(v.chain, '0x' || encode(v.hash, 'hex'), a.signer, v.block, v.block_hash, v.ok, NULL)
		  FROM fresh v
		  JOIN fairlead.attempt a ON a.hash = v.hash
		  JOIN fairlead.attempt_item x ON x.hash = v.hash
		  JOIN fairlead.item i ON i.id = x.item
		  JOIN fairlead.wanted w ON w.kind = 'mined' AND w.subject = i.batch_of
		 WHERE v.ok ORDER BY v.block, a.nonce, i.id;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER verdict_tells AFTER INSERT ON fairlead.verdict REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.verdict_tells();

-- NAME.final: the item is done, by a final block. NAME.failed: it is dead, its tries are used up.
CREATE FUNCTION fairlead.item_ends() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_kind text := CASE NEW.state WHEN 'done' THEN 'final' ELSE 'failed' END;
BEGIN
	IF fairlead.wants(v_kind, NEW.batch_of) THEN
		INSERT INTO fairlead.happening (chain, kind, subject, item, data)
		SELECT w.chain, w.kind, w.subject, NEW.id,
		       fairlead.tx_data(s.chain, '0x' || encode(s.winner, 'hex'), s.signer, s.closed_block, s.closed_hash,
		                        CASE WHEN s.batch IS NOT NULL THEN NEW.state = 'done' END, CASE WHEN NEW.state = 'dead' THEN NEW.reason END)
		  FROM fairlead.wanted w LEFT JOIN fairlead.slot s ON s.batch = OLD.batch AND s.closed IS NOT NULL
		 WHERE w.kind = v_kind AND w.subject = NEW.batch_of;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER item_ends AFTER UPDATE OF state ON fairlead.item FOR EACH ROW
	WHEN (NEW.state IN ('done', 'dead') AND OLD.state <> NEW.state) EXECUTE FUNCTION fairlead.item_ends();
ALTER TABLE fairlead.item DISABLE TRIGGER item_ends; -- fairlead.want switches it

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_happenings() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.wanted, fairlead.happening, fairlead.orphan, fairlead.orphaned');
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler'], 'INSERT ON fairlead.happening');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'UPDATE, DELETE ON fairlead.happening');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'INSERT, UPDATE ON fairlead.orphan');
END $$;
SELECT fairlead.grant_happenings();
