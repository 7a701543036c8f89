-- Messages: what rules and requests publish. Whoever publishes writes the row in its own transaction, so it is said after commit or
-- never. Several write (lanes, requests), so this is a queue (INV-3): the leader of lane clock gives numbers, dense and ascending, to
-- what is committed, in order of id; who serves reads by number, from a log that only one fenced writer makes longer. The messages of
-- one lane keep their order; two lanes, or a lane and a request, have none between them.
--
-- A reorg does not delete: what it takes back is said again, newest first, as retracted.

CREATE TABLE fairlead.message (
	id        bigint GENERATED ALWAYS AS IDENTITY, -- as it was written. No index holds all of it: it would be walked for the few that wait
	seq       bigint UNIQUE,                    -- its number; null: not given yet
	topic     text NOT NULL,
	type      text,                             -- as `type:` says; null: the topic says it
	data      jsonb NOT NULL,
	chain     smallint,
	cause     bigint,                           -- number of the event in the chain's log; null: of a request, of what only happened
	stood     bigint,                           -- where the lane stood: a reorg from there on takes it back. null: nothing does (any more)
	retracted bool NOT NULL DEFAULT false,      -- takes back an earlier one of the same topic, type and data
	at        timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX message_waits ON fairlead.message (id) WHERE seq IS NULL;
CREATE INDEX message_stood ON fairlead.message (chain, stood) WHERE stood IS NOT NULL;

-- The last number. It outlives the messages, so that no number is given twice.
CREATE TABLE fairlead.message_log (
	one bool PRIMARY KEY DEFAULT true CHECK (one),
	at  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 40);
INSERT INTO fairlead.message_log DEFAULT VALUES;

-- Up to which event the rules `at: final` of a chain have published. Their position is under the undo and goes back with any reorg that
-- reaches to where the lane stood; what they said of events that stay final stays said.
CREATE TABLE fairlead.message_final (
	chain smallint PRIMARY KEY REFERENCES fairlead.chain,
	at    bigint NOT NULL
) WITH (fillfactor = 40);

-- What the rules may publish, for people and for AsyncAPI; written by the compiler.
CREATE TABLE fairlead.topic (
	n       int PRIMARY KEY,
	rule    text NOT NULL,
	topic   text NOT NULL,                      -- as written: lock:{lockId}
	type    text,                               -- as written
	cause   text NOT NULL,                      -- AccessControl.SignatureRevoked · net.swept
	final   bool NOT NULL,                      -- at: final
	schema  jsonb NOT NULL                      -- JSON Schema of its data
);

CREATE FUNCTION fairlead.publish(p_topic text, p_type text, p_data jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO fairlead.message (topic, type, data) VALUES (p_topic, p_type, p_data)
$$;

-- Gives numbers to the oldest that wait, p_limit at most. last: the newest number; n: how many were given.
CREATE FUNCTION fairlead.number_messages(p_epoch bigint, p_limit int, OUT last bigint, OUT n bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	SELECT l.at INTO last FROM fairlead.message_log l;
	-- a literal LIMIT: as a parameter it is planned as a tenth of the table
	EXECUTE format('WITH w AS (SELECT id, row_number() OVER (ORDER BY id) AS k
		                         FROM (SELECT id FROM fairlead.message WHERE seq IS NULL ORDER BY id LIMIT %s) x)
		UPDATE fairlead.message m SET seq = $1 + w.k FROM w WHERE m.id = w.id AND m.seq IS NULL', p_limit) USING last;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n > 0 THEN
		last := last + n;
		UPDATE fairlead.message_log l SET at = number_messages.last;
	END IF;
END $$;

-- A reorg takes back the numbers from p_first on: newest first, as the images are replayed. Those that wait for their number too: an
-- id is never skipped. In the transaction of the replay.
CREATE FUNCTION fairlead.take_back_messages(p_chain smallint, p_first bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE v_n int;
BEGIN
	UPDATE fairlead.message_final SET at = p_first - 1 WHERE chain = p_chain AND at >= p_first;
	WITH gone AS (
		UPDATE fairlead.message SET stood = NULL WHERE chain = p_chain AND stood >= p_first
		RETURNING id, topic, type, data, chain, cause
	)
	INSERT INTO fairlead.message (topic, type, data, chain, cause, retracted)
	SELECT topic, type, data, chain, cause, true FROM gone ORDER BY id DESC;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_n;
END $$;

-- Old messages go from the beginning, without a hole, so that who resumes within what is left misses nothing. One that has no number,
-- or that a reorg can still take back, stays, and so does all behind it.
CREATE FUNCTION fairlead.prune_messages(p_epoch bigint, p_keep interval, p_step int DEFAULT 50000) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	c       record;
	v_seq   bigint;
	v_stood bigint;
	v_stays bigint;
	v_rows  int;
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	SELECT seq INTO v_seq FROM fairlead.message
	 WHERE seq IS NOT NULL AND at >= clock_timestamp() - p_keep ORDER BY seq LIMIT 1;
	SELECT coalesce(v_seq, l.at + 1) INTO v_seq FROM fairlead.message_log l;
	FOR c IN SELECT id, name, floor_seq FROM fairlead.chain LOOP
		SELECT least(c.floor_seq, min(o.first_seq)) INTO v_stood FROM fairlead.reorg o
		 WHERE o.chain = c.id AND o.seq > (SELECT at FROM fairlead.lane WHERE name = 'apply:' || c.name);
		SELECT min(seq) INTO v_stays FROM fairlead.message
		 WHERE chain = c.id AND stood >= v_stood AND seq < v_seq;
		v_seq := least(v_seq, v_stays);
	END LOOP;
	DELETE FROM fairlead.message
	 WHERE seq = ANY (ARRAY(SELECT seq FROM fairlead.message WHERE seq < v_seq ORDER BY seq LIMIT p_step));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_rows;
END $$;

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_messages() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.message, fairlead.message_log, fairlead.message_final, fairlead.topic');
	PERFORM fairlead.grant_to(ARRAY['batcher', 'reconciler'], 'INSERT, UPDATE ON fairlead.message');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'INSERT, UPDATE ON fairlead.message_final');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'DELETE ON fairlead.message');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'UPDATE ON fairlead.message_log');
END $$;
SELECT fairlead.grant_messages();
