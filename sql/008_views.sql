-- What the fleet knows about itself. Every view is O(rows shown), never O(history): totals stand in rows that a commit updates
-- anyway, and what waits is counted in a partial index, up to 100,001.

CREATE TABLE fairlead.counter (                 -- not UNLOGGED: a read replica can't read those
	program text NOT NULL,
	name    text NOT NULL,
	labels  jsonb NOT NULL DEFAULT '{}',
	value   double precision NOT NULL,
	at      timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (program, name, labels)
) WITH (fillfactor = 50);

CREATE TABLE fairlead.clock (                   -- rules with every:
	name        text PRIMARY KEY,
	last_run    timestamptz,
	last_ok     timestamptz,
	next_due    timestamptz,
	differences bigint NOT NULL DEFAULT 0,      -- found by the last run
	error       text,                           -- of the last run, NULL if it was well
	retired     timestamptz
) WITH (fillfactor = 50);

CREATE FUNCTION fairlead.word(p_ok bool) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT CASE p_ok WHEN true THEN 'healthy' WHEN false THEN 'unhealthy' ELSE 'unknown' END
$$;

CREATE VIEW fairlead.chains AS
SELECT c.id, c.name, c.network, c.head, c.done, c.head - c.done AS behind,
       c.halted IS NULL AND l.until > clock_timestamp() AND c.rpc_ok AND coalesce(c.head - c.done <= c.healthy, false) AS healthy,
       c.final, c.floor,
       c.listening AND l.until > clock_timestamp() AS listening,
       c.catching_up, c.sweeping,
       c.rpc_ok AND l.until > clock_timestamp() AS rpc_ok,
       c.reconnects, c.subscription, l.at AS seq, a.at AS applied, l.at - a.at AS lag, c.halted
  FROM fairlead.chain c
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
  JOIN fairlead.lane a ON a.name = 'apply:' || c.name
 WHERE c.retired IS NULL;

CREATE VIEW fairlead.contracts AS
SELECT k.name, c.name AS chain, k.addresses[1] AS address, k.addresses
  FROM fairlead.contract k JOIN fairlead.chain c ON c.id = k.chain
 WHERE k.retired IS NULL;

CREATE VIEW fairlead.sources AS
SELECT d.title AS event, c.name AS chain, d.live, d.swept, d.last_live, d.last_swept AS last_sweep, d.retired,
       greatest(l.at - a.at, 0) AS pending
  FROM fairlead.decl d
  JOIN fairlead.chain c ON c.id = d.chain
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
  JOIN fairlead.lane a ON a.name = 'apply:' || c.name;

CREATE VIEW fairlead.batches AS
SELECT d.name, c.name AS chain, d.pool, d.due,
       (SELECT count(*) FROM (SELECT FROM fairlead.item i WHERE i.batch_of = d.name AND i.state = 'waiting' LIMIT 100001) s) AS pending,
       (SELECT count(*) FROM (SELECT FROM fairlead.item i WHERE i.batch_of = d.name AND i.state = 'parked' LIMIT 100001) s) AS parked,
       (SELECT count(*) FROM (SELECT FROM fairlead.batch b
                               WHERE b.pool = d.pool AND b.name = d.name AND b.state = 'ready' LIMIT 100001) s) AS ready,
       (SELECT count(*) FROM (SELECT FROM fairlead.batch b WHERE b.name = d.name AND b.state = 'bound' LIMIT 100001) s) AS sending,
       d.done, d.failed
  FROM fairlead.batch_decl d JOIN fairlead.chain c ON c.id = d.chain
 WHERE d.retired IS NULL;

CREATE VIEW fairlead.queues AS
SELECT 'apply' AS name, coalesce(sum(greatest(l.at - a.at, 0)), 0)::bigint AS waiting, 0::bigint AS active,
       coalesce(sum(a.made), 0)::bigint AS completed, coalesce(sum(a.failed), 0)::bigint AS failed
  FROM fairlead.chain c
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
  JOIN fairlead.lane a ON a.name = 'apply:' || c.name
UNION ALL
SELECT 'send', (SELECT count(*) FROM (SELECT FROM fairlead.batch WHERE state = 'ready' LIMIT 100001) s),
       (SELECT count(*) FROM (SELECT FROM fairlead.batch WHERE state = 'bound' LIMIT 100001) s),
       coalesce(sum(done), 0)::bigint, coalesce(sum(failed), 0)::bigint
  FROM fairlead.batch_decl;

-- A batch and what became of it: its newest attempt, and the receipt that was not taken back.
CREATE VIEW fairlead.txs AS
SELECT b.id AS batch, b.name, b.state, b.reason, s.closed, b.items, c.name AS chain, '0x' || encode(s.signer, 'hex') AS signer, s.nonce,
       a.n AS attempts, a.kind, '0x' || encode(coalesce(v.hash, a.hash), 'hex') AS tx, a.fee, b.at, a.at AS signed, b.mined,
       v.block, v.ok, v.standing, coalesce(v.final, false) AS final, v.price * v.gas_used AS cost
  FROM fairlead.batch b
  JOIN fairlead.chain c ON c.id = b.chain
  LEFT JOIN fairlead.slot s ON s.batch = b.id
  LEFT JOIN LATERAL (SELECT * FROM fairlead.attempt a
                      WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce) ORDER BY a.n DESC LIMIT 1) a ON true
  LEFT JOIN LATERAL (SELECT v.* FROM fairlead.attempt x
                       JOIN fairlead.standing v ON v.hash = x.hash AND v.standing <> 'taken back'
                      WHERE (x.chain, x.signer, x.nonce) = (s.chain, s.signer, s.nonce)
                      ORDER BY v.final DESC, v.at DESC LIMIT 1) v ON true;

CREATE VIEW fairlead.dead AS
SELECT id, at, lane, what, sqlstate, message, tries, seq, item FROM fairlead.dead_letter WHERE cured IS NULL;

CREATE VIEW fairlead.counters AS
SELECT name, labels || jsonb_build_object('program', program) AS labels, value FROM fairlead.counter;

CREATE VIEW fairlead.self AS
SELECT a.name, a.profile, a.version, v.schema, a.at AS installed,
       coalesce(extract(epoch FROM clock_timestamp()
           - (SELECT min(since) FROM fairlead.lane WHERE until > clock_timestamp())), 0) AS uptime -- s; of what has worked longest
  FROM fairlead.version v CROSS JOIN fairlead.application a;

-- One line, one life: newest first by id, `WHERE id < :cursor ORDER BY id DESC LIMIT n`. Times in ms from the item's birth to the
-- first receipt; fees in gwei, one an attempt.
CREATE VIEW fairlead.lives AS
SELECT i.id, i.batch_of, i.key, i.state, i.reason, i.tries, i.made, c.name AS chain,
       e.title AS event, e._block AS event_block, e._log AS event_log, e._at AS event_at, i.cause,
       i.batch, s.nonce, '0x' || encode(s.signer, 'hex') AS signer, a.fees, a.kinds,
       '0x' || encode(coalesce(v.hash, a.last), 'hex') AS tx,
       v.block AS mined_block, b.mined, v.ok, v.standing, s.closed IS NOT NULL AS final,
       round(extract(epoch FROM b.mined - i.made) * 1000)::bigint AS ms
  FROM fairlead.item i
  JOIN fairlead.chain c ON c.id = i.chain
  LEFT JOIN fairlead.batch b ON b.id = i.batch
  LEFT JOIN fairlead.slot s ON s.batch = i.batch
  LEFT JOIN LATERAL (SELECT d.title, e._block, e._log, e._at
                       FROM fairlead.event e JOIN fairlead.decl d ON d.rel = e.tableoid
                      WHERE e._chain = i.chain AND e._seq = i.cause LIMIT 1) e ON true
  LEFT JOIN LATERAL (SELECT array_agg(trim_scale(a.fee / 1000000000::numeric(78, 9)) ORDER BY a.n) AS fees,
                            array_agg(a.kind ORDER BY a.n) AS kinds, (array_agg(a.hash ORDER BY a.n DESC))[1] AS last
                       FROM fairlead.attempt a WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce)) a ON true
  LEFT JOIN LATERAL (SELECT v.* FROM fairlead.attempt x
                       JOIN fairlead.standing v ON v.hash = x.hash AND v.standing <> 'taken back'
                      WHERE (x.chain, x.signer, x.nonce) = (s.chain, s.signer, s.nonce)
                      ORDER BY v.final DESC, v.at DESC LIMIT 1) v ON true;

-- Housekeeping in small steps, each its own transaction, under lane clock. Returns how many rows went.
--   images   needed below the window too, while the lane has not come to the reorg entry that takes them back
--   blocks   needed while a receipt or a "done already" that is not final was read at them: else it could not be judged
CREATE FUNCTION fairlead.prune(p_epoch bigint, p_chain smallint, p_keep_blocks bigint, p_step int DEFAULT 5000) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
	c       fairlead.chain;
	v_seq   bigint;
	v_block bigint;
	v_rows  int;
	v_total int := 0;
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	SELECT least(c.floor_seq, min(o.first_seq)) INTO v_seq FROM fairlead.reorg o
	 WHERE o.chain = p_chain AND o.seq > (SELECT at FROM fairlead.lane WHERE name = 'apply:' || c.name);
	DELETE FROM fairlead.undo
	 WHERE ctid = ANY (ARRAY(SELECT ctid FROM fairlead.undo WHERE chain = p_chain AND seq < v_seq LIMIT p_step));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	v_total := v_total + v_rows;

	SELECT least(c.floor - p_keep_blocks, min(block)) INTO v_block FROM fairlead.verdict
	 WHERE chain = p_chain AND NOT final AND NOT gone;
	SELECT least(v_block, min(shown_block)) INTO v_block FROM fairlead.item
	 WHERE chain = p_chain AND state = 'already' AND shown_block IS NOT NULL;
	UPDATE fairlead.block SET prev = NULL WHERE chain = p_chain AND number = v_block AND prev IS NOT NULL;
	DELETE FROM fairlead.block WHERE chain = p_chain AND number < v_block;
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	v_total := v_total + v_rows;
	DELETE FROM fairlead.account WHERE chain = p_chain AND block < v_block;
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_total + v_rows;
END $$;
