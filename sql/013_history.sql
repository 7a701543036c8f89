-- What is asked for later. A contract, an event, an address or a wider `where:` that the file gains while its chain is already read has
-- a past that the chain's lane has gone by. That past is read as a HISTORY: a log of its own beside the chain's (lane
-- listen:<chain>+<n>, applied by apply:<chain>+<n>), in the chain's own order, while the chain's lane goes on with the new file from
-- its cursor on (CHAIN R4).
--
-- Numbers. The n-th history of a chain counts up from -(n * 2^44): below zero, so that none is the chain's, ORDER BY _seq puts the
-- past first, and every floor_seq stands above them. Histories hold blocks at or below the floor only: no reorg takes them and no
-- rule that runs on them writes an image. What lies between the floor and the place where the new file began waits for the floor; a
-- reorg below that place gives the blocks to the chain's lane, which reads them again with the new file.

ALTER TABLE fairlead.decl
	ADD COLUMN asked      bytea,                -- digest of what the chain's lane asks for; null: it does not ask for this event
	ADD COLUMN asked_from bigint,               -- first block that was asked for; null: the chain's began
	ADD COLUMN again_from bigint;               -- from here on it was asked without children that are known now (factories)
UPDATE fairlead.decl SET asked = '';            -- from before there was a digest: taken for what the file says

CREATE TABLE fairlead.history (
	chain  smallint NOT NULL REFERENCES fairlead.chain,
	n      int NOT NULL CHECK (n > 0),
	decls  smallint[] NOT NULL,                 -- whose past it is; one that is asked for anew, or no more, leaves it
	first  bigint NOT NULL,
	last   bigint NOT NULL,                     -- behind it the chain's lane reads; shrinks with a reorg below it
	done   bigint NOT NULL,
	events bigint NOT NULL DEFAULT 0,           -- found, those that stood there already included
	begun  timestamptz NOT NULL DEFAULT clock_timestamp(),
	ended  timestamptz,                         -- it has come to the chain's lane, or nobody wants it any more
	PRIMARY KEY (chain, n)
) WITH (fillfactor = 40, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX history_open ON fairlead.history (chain, n) WHERE ended IS NULL;

CREATE FUNCTION fairlead.history_lane(p_kind text, p_chain text, p_n int) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT p_kind || ':' || p_chain || '+' || p_n
$$;
-- The number behind which the n-th history counts up.
CREATE FUNCTION fairlead.history_base(p_n int) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
	SELECT -(p_n::bigint << 44)
$$;

-- A reorg or a reseat takes back the blocks from p_from on: the chain's lane reads them again, with all that the file asks for.
CREATE OR REPLACE FUNCTION fairlead.cut_ranges(p_chain smallint, p_from bigint) RETURNS void LANGUAGE sql AS $$
	DELETE FROM fairlead.range WHERE chain = p_chain AND first >= p_from;
	UPDATE fairlead.range SET last = p_from - 1 WHERE chain = p_chain AND last >= p_from;
	UPDATE fairlead.history SET last = p_from - 1, ended = CASE WHEN done >= p_from - 1 THEN clock_timestamp() END
	 WHERE chain = p_chain AND ended IS NULL AND last >= p_from;
$$;

-- The past of these declarations: they leave the open histories, where that is read already or not wanted any more.
CREATE FUNCTION fairlead.history_without(p_chain smallint, p_decls smallint[]) RETURNS void LANGUAGE sql AS $$
	UPDATE fairlead.history h
	   SET decls = k.decls, ended = CASE WHEN k.decls = '{}' THEN clock_timestamp() END
	  FROM (SELECT o.n, ARRAY(SELECT x FROM unnest(o.decls) x WHERE x <> ALL (p_decls)) AS decls
	          FROM fairlead.history o WHERE o.chain = p_chain AND o.ended IS NULL AND o.decls && p_decls) k
	 WHERE h.chain = p_chain AND h.n = k.n
$$;

-- What the chain's lane asks for from its cursor on: one place of the arrays an event, p_starts -1 where it begins at the newest
-- block. What it did not ask for so far becomes histories, one for each stretch of blocks. Behind the fence, when the lane begins.
CREATE FUNCTION fairlead.asks(p_chain text, p_contracts text[], p_events text[], p_asked bytea[], p_starts bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	c      fairlead.chain;
	g      record;
	v_n    int;
	v_gone smallint[];
BEGIN
	SELECT * INTO STRICT c FROM fairlead.chain WHERE name = p_chain;
	WITH gone AS (
		UPDATE fairlead.decl d SET asked = NULL, asked_from = NULL, again_from = NULL
		 WHERE d.chain = c.id AND d.asked IS NOT NULL
		   AND NOT EXISTS (SELECT FROM unnest(p_contracts, p_events) w(contract, event) WHERE (w.contract, w.event) = (d.contract, d.event))
		RETURNING d.id
	) SELECT array_agg(id) INTO v_gone FROM gone;
	IF v_gone IS NOT NULL THEN
		PERFORM fairlead.history_without(c.id, v_gone);
	END IF;
	FOR g IN
		WITH w AS (
			SELECT d.id, u.asked, d.asked_from, d.again_from, d.asked IS DISTINCT FROM u.asked AND d.asked IS DISTINCT FROM '' AS other,
			       d.asked IS NULL AS new, nullif(u.start, -1) AS start, coalesce(d.asked_from, c.began, 0) AS had
			  FROM unnest(p_contracts, p_events, p_asked, p_starts) u(contract, event, asked, start)
			  JOIN fairlead.decl d ON (d.contract, d.event) = (u.contract, u.event)
			 WHERE d.asked IS DISTINCT FROM u.asked OR d.again_from IS NOT NULL
			    OR u.start BETWEEN 0 AND coalesce(d.asked_from, c.began, 0) - 1
		), want AS (
			SELECT w.*, CASE WHEN c.began IS NULL AND c.done < 0 THEN NULL           -- nothing was read: nothing is late
			                 WHEN other THEN CASE WHEN start IS NOT NULL THEN start WHEN NOT new THEN had END
			                 WHEN start < had THEN start
			                 ELSE again_from END AS first,
			       CASE WHEN NOT other AND start < had AND again_from IS NULL THEN least(had - 1, c.done) ELSE c.done END AS last
			  FROM w
		), said AS (
			UPDATE fairlead.decl d
			   SET asked = want.asked, again_from = NULL,
			       asked_from = CASE WHEN c.began IS NULL AND c.done < 0 THEN NULL
			                         WHEN want.other THEN least(want.first, c.done + 1)
			                         WHEN want.first IS NOT NULL THEN least(want.first, want.had)
			                         ELSE d.asked_from END
			  FROM want WHERE d.id = want.id
		)
		SELECT first, last, array_agg(id ORDER BY id) AS decls, array_agg(id) FILTER (WHERE other) AS whole
		  FROM want WHERE first <= last GROUP BY first, last ORDER BY first, last
	LOOP
		PERFORM fairlead.history_without(c.id, g.whole);
		SELECT coalesce(max(n), 0) + 1 INTO v_n FROM fairlead.history WHERE chain = c.id;
		INSERT INTO fairlead.history (chain, n, decls, first, last, done) VALUES (c.id, v_n, g.decls, g.first, g.last, g.first - 1);
		INSERT INTO fairlead.lane (name, at) VALUES (fairlead.history_lane('listen', c.name, v_n), fairlead.history_base(v_n));
	END LOOP;
END $$;

-- One commit of a history: its cursor, numbers and counters. Its lane has no lease of its own: whoever holds the chain's lane writes
-- it too, and shares that row's lock until COMMIT (INV-8). p_again: declarations (contract, event) whose children it has found.
CREATE FUNCTION fairlead.history_step(p_chain smallint, p_epoch bigint, p_n int, p_from bigint, p_done bigint, p_at bigint,
	p_events bigint, p_contracts text[], p_titles text[]) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	c     fairlead.chain;
	h     fairlead.history;
	v_has bool;
BEGIN
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	SELECT true INTO v_has FROM fairlead.lane WHERE name = 'listen:' || c.name AND epoch = p_epoch FOR SHARE;
	IF v_has IS NULL THEN
		PERFORM fairlead.fenced('listen:' || c.name, p_epoch);
	END IF;
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	UPDATE fairlead.history
	   SET done = p_done, events = events + p_events, ended = CASE WHEN p_done >= last THEN clock_timestamp() END
	 WHERE chain = p_chain AND n = p_n AND ended IS NULL AND done = p_from - 1 AND p_done <= least(last, c.floor)
	RETURNING * INTO h;
	IF h.n IS NULL THEN
		RAISE EXCEPTION 'history % of chain % does not stand before block %, or block % is above its end or the floor', p_n, c.name, p_from, p_done
			USING ERRCODE = 'FL005';
	END IF;
	UPDATE fairlead.lane SET at = p_at WHERE name = fairlead.history_lane('listen', c.name, p_n);
	PERFORM fairlead.note_range(p_chain, p_n::text, p_from, p_done, 'none', p_events);
	IF h.ended IS NOT NULL AND h.last < c.done THEN
		UPDATE fairlead.decl d SET again_from = least(d.again_from, h.last + 1)
		  FROM unnest(p_contracts, p_titles) w(contract, event) WHERE (d.contract, d.event) = (w.contract, w.event);
	END IF;
	RETURN h.ended IS NOT NULL;
END $$;

-- The batcher's side of it: the fence of the chain's lane, and where the history's own stands.
CREATE FUNCTION fairlead.history_hold(p_chain text, p_epoch bigint, p_n int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_at bigint;
BEGIN
	PERFORM fairlead.hold('apply:' || p_chain, p_epoch);
	SELECT at INTO v_at FROM fairlead.lane WHERE name = fairlead.history_lane('apply', p_chain, p_n);
	IF v_at IS NULL THEN
		v_at := fairlead.history_base(p_n);
		INSERT INTO fairlead.lane (name, at) VALUES (fairlead.history_lane('apply', p_chain, p_n), v_at);
	END IF;
	RETURN v_at;
END $$;

CREATE FUNCTION fairlead.history_bury(p_chain text, p_epoch bigint, p_n int, p_seq bigint, p_state text, p_text text, p_tries int)
RETURNS bool LANGUAGE plpgsql AS $$
DECLARE v_lane text := fairlead.history_lane('apply', p_chain, p_n);
BEGIN
	IF fairlead.history_hold(p_chain, p_epoch, p_n) <> p_seq - 1 THEN
		RETURN false;                           -- done before
	END IF;
	INSERT INTO fairlead.dead_letter (lane, seq, what, sqlstate, message, tries)
	SELECT v_lane, e._seq, e.tableoid::regclass || ' 0x' || encode(e._id, 'hex'), p_state, p_text, p_tries
	  FROM fairlead.event e JOIN fairlead.chain c ON c.id = e._chain WHERE c.name = p_chain AND e._seq = p_seq;
	UPDATE fairlead.lane SET at = p_seq, failed = failed + 1 WHERE name = v_lane;
	RETURN true;
END $$;

-- The replay takes the cause from an item that an image names; but a cause below zero is an event of a history, which stands.
CREATE FUNCTION fairlead.item_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.cause := OLD.cause;
	NEW.state := OLD.state;
	RETURN NEW;
END $$;
CREATE TRIGGER item_keeps BEFORE UPDATE OF cause ON fairlead.item FOR EACH ROW
	WHEN (OLD.cause < 0 AND NEW.cause IS NULL) EXECUTE FUNCTION fairlead.item_keeps();
ALTER TABLE fairlead.item ENABLE ALWAYS TRIGGER item_keeps; -- the replay switches ordinary ones off

-- What is read and not applied yet: of the chain's log and of its histories.
CREATE VIEW fairlead.histories AS
SELECT h.chain AS chain_id, c.name AS chain, h.n, ARRAY(SELECT d.title FROM fairlead.decl d WHERE d.id = ANY (h.decls) ORDER BY d.id) AS events,
       h.first, h.last, h.done, CASE WHEN h.ended IS NULL THEN h.last - h.done ELSE 0 END AS blocks_left, h.events AS found,
       l.at AS seq, coalesce(a.at, fairlead.history_base(h.n)) AS applied, l.at - coalesce(a.at, fairlead.history_base(h.n)) AS lag,
       h.begun, h.ended
  FROM fairlead.history h
  JOIN fairlead.chain c ON c.id = h.chain
  JOIN fairlead.lane l ON l.name = fairlead.history_lane('listen', c.name, h.n)
  LEFT JOIN fairlead.lane a ON a.name = fairlead.history_lane('apply', c.name, h.n)
 ORDER BY h.chain, h.n;

CREATE OR REPLACE VIEW fairlead.chains AS
SELECT c.id, c.name, c.network, c.head, c.done, c.head - c.done AS behind,
       c.halted IS NULL AND l.until > clock_timestamp() AND c.rpc_ok AND coalesce(c.head - c.done <= c.healthy, false) AS healthy,
       c.final, c.floor,
       c.listening AND l.until > clock_timestamp() AS listening,
       c.catching_up, c.sweeping,
       c.rpc_ok AND l.until > clock_timestamp() AS rpc_ok,
       c.reconnects, c.subscription, l.at AS seq, a.at AS applied, l.at - a.at + h.lag AS lag, c.halted,
       h.blocks_left AS history_left            -- blocks of what was asked for later
  FROM fairlead.chain c
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
  JOIN fairlead.lane a ON a.name = 'apply:' || c.name
 CROSS JOIN LATERAL (SELECT coalesce(sum(x.lag), 0)::bigint AS lag, coalesce(sum(x.blocks_left), 0)::bigint AS blocks_left
                       FROM fairlead.histories x WHERE x.chain_id = c.id) h
 WHERE c.retired IS NULL;

CREATE OR REPLACE VIEW fairlead.sources AS
SELECT d.title AS event, c.name AS chain, d.live, d.swept, d.last_live, d.last_swept AS last_sweep, d.retired,
       greatest(l.at - a.at, 0) + h.lag AS pending,
       h.done AS history_done, h.blocks_left AS history_left -- null: nothing of it is read by itself
  FROM fairlead.decl d
  JOIN fairlead.chain c ON c.id = d.chain
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
  JOIN fairlead.lane a ON a.name = 'apply:' || c.name
 CROSS JOIN LATERAL (SELECT coalesce(sum(x.lag), 0)::bigint AS lag, min(x.done) FILTER (WHERE x.ended IS NULL) AS done,
                            (sum(x.blocks_left) FILTER (WHERE x.ended IS NULL))::bigint AS blocks_left
                       FROM fairlead.histories x JOIN fairlead.history y ON (y.chain, y.n) = (x.chain_id, x.n)
                      WHERE x.chain_id = c.id AND d.id = ANY (y.decls)) h;

CREATE OR REPLACE VIEW fairlead.queues AS
SELECT 'apply' AS name,
       coalesce(sum(greatest(l.at - a.at, 0)), 0)::bigint + (SELECT coalesce(sum(h.lag), 0)::bigint FROM fairlead.histories h) AS waiting,
       0::bigint AS active,
       (SELECT coalesce(sum(x.made), 0)::bigint FROM fairlead.lane x WHERE x.name LIKE 'apply:%') AS completed,
       (SELECT coalesce(sum(x.failed), 0)::bigint FROM fairlead.lane x WHERE x.name LIKE 'apply:%') AS failed
  FROM fairlead.chain c
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
  JOIN fairlead.lane a ON a.name = 'apply:' || c.name
UNION ALL
SELECT 'send', (SELECT count(*) FROM (SELECT FROM fairlead.batch WHERE state = 'ready' LIMIT 100001) s),
       (SELECT count(*) FROM (SELECT FROM fairlead.batch WHERE state = 'bound' LIMIT 100001) s),
       coalesce(sum(done), 0)::bigint, coalesce(sum(failed), 0)::bigint
  FROM fairlead.batch_decl;

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_history() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.history, fairlead.histories');
	PERFORM fairlead.grant_to(ARRAY['listener'], 'INSERT, UPDATE ON fairlead.history');
END $$;
SELECT fairlead.grant_history();
