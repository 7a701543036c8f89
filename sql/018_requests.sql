-- What requests leave behind: jobs (the steps behind `reply`), stored answers (`once`), items that are posts, and wishes (catchup, flush,
-- run, replay). All of it is written by functions that run with the owner's rights, so a gateway whose role can write no table of the
-- engine can still serve; each checks what it is given.

CREATE SEQUENCE fairlead.job_id;               -- job.id: never given twice, also to requests that leave no job

CREATE TABLE fairlead.job (
	id         bigint PRIMARY KEY,
	route      text NOT NULL,                   -- "POST /tips"
	digest     bytea NOT NULL,                  -- of the steps as they were: a job runs on what it was written for
	step       int NOT NULL,                    -- the next one
	names      jsonb NOT NULL,                  -- [[name, is JSON, text or null], …]
	state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')), -- what is done is gone
	tries      int NOT NULL DEFAULT 0,          -- of this step
	poison     int NOT NULL DEFAULT 0,          -- tries that failed by what the step says, not by the world
	not_before timestamptz,
	holder     text,                            -- who runs it, until then
	until      timestamptz,
	reason     text,
	request    text,
	trace      text,
	at         timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX job_waits ON fairlead.job (id) WHERE state = 'waiting';

-- Stored answers. A row without a status belongs to a request that runs, or was cut off: who asks again goes on behind the last step
-- that is committed.
CREATE TABLE fairlead.answer (
	route  text NOT NULL,
	who    text NOT NULL,                       -- the auth that let it in, and its subject; '' for everybody
	key    text NOT NULL CHECK (octet_length(key) <= 255),
	digest bytea NOT NULL,                      -- of what was asked
	status int,
	type   text,
	body   bytea,
	step   int NOT NULL DEFAULT 0,
	names  jsonb,
	steps  bytea NOT NULL,                      -- of the route as it was: what was cut off goes on in the same steps
	turn   int NOT NULL DEFAULT 0,              -- who goes on with it takes the next one: the one before can't write any more
	until  timestamptz,                         -- running, until then
	at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (route, who, key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX answer_at ON fairlead.answer (at);

-- A wish stands until it is done; wished again meanwhile it is the same one.
CREATE TABLE fairlead.wish (
	id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind       text NOT NULL CHECK (kind IN ('catchup', 'flush', 'run', 'replay')),
	subject    text NOT NULL,                   -- the name of the chain, the batch, the rule
	from_block bigint,                          -- catchup, replay; null: where it is read anyway; 0 and below: the start
	began      timestamptz,                     -- who obeys has seen it
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	UNIQUE (kind, subject)
);

ALTER TABLE fairlead.item ADD COLUMN trace text; -- traceparent of the request that posted it

CREATE FUNCTION fairlead.wish_for(p_kind text, p_subject text, p_from bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
	IF NOT (CASE p_kind
	       WHEN 'catchup' THEN EXISTS (SELECT FROM fairlead.chain WHERE name = p_subject AND retired IS NULL)
	       WHEN 'flush' THEN EXISTS (SELECT FROM fairlead.batch_decl WHERE name = p_subject AND retired IS NULL)
	       ELSE p_kind IN ('run', 'replay') END) THEN
		RAISE EXCEPTION 'there is no % to %', p_subject, p_kind USING ERRCODE = 'FL005';
	END IF;
	INSERT INTO fairlead.wish AS w (kind, subject, from_block) VALUES (p_kind, p_subject, p_from)
	ON CONFLICT (kind, subject) DO UPDATE
	   SET from_block = CASE WHEN w.began IS NULL THEN least(w.from_block, EXCLUDED.from_block) ELSE w.from_block END
	RETURNING id INTO v_id;
	PERFORM pg_notify('fairlead_wish', p_kind || ':' || p_subject);
	RETURN v_id;
END $$;

-- A post: one item a key, ever (INV-4); a void one lives again. Returns whether there is a new one.
CREATE FUNCTION fairlead.post_item(p_batch text, p_key text, p_args jsonb, p_trace text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	v_chain smallint;
	v_rows  int;
BEGIN
	SELECT chain INTO v_chain FROM fairlead.batch_decl WHERE name = p_batch AND retired IS NULL;
	IF v_chain IS NULL THEN
		RAISE EXCEPTION 'no batch is named %', p_batch USING ERRCODE = 'FL005';
	END IF;
	IF p_key IS NULL THEN
		RAISE EXCEPTION 'the key of an item of % is null', p_batch USING ERRCODE = 'null_value_not_allowed';
	END IF;
	INSERT INTO fairlead.item AS t (batch_of, key, chain, cause, args, trace) VALUES (p_batch, p_key, v_chain, 0, p_args, p_trace)
	ON CONFLICT (batch_of, key) DO UPDATE
	   SET cause = 0, args = CASE WHEN t.state = 'void' THEN EXCLUDED.args ELSE t.args END,
	       reason = CASE WHEN t.state = 'void' THEN NULL ELSE t.reason END,
	       state = CASE WHEN t.state = 'void' THEN 'waiting' ELSE t.state END, trace = EXCLUDED.trace
	 WHERE t.cause IS NULL;
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	IF v_rows > 0 THEN
		PERFORM pg_notify('fairlead_wish', 'item:' || p_batch);
	END IF;
	RETURN v_rows > 0;
END $$;

CREATE FUNCTION fairlead.post_message(p_topic text, p_type text, p_data jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT fairlead.publish(p_topic, p_type, p_data)
$$;

CREATE FUNCTION fairlead.new_job_id() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT nextval('fairlead.job_id')
$$;

-- ── once ──

-- state: mine (run it from step on, with these names) · stored (here is the answer) · running · other (the key was used for something
-- else) · changed (it was cut off, and its route has other steps now). Two that come together: the second waits a moment for the first
-- one's transaction (55P03 then).
CREATE FUNCTION fairlead.once_take(p_route text, p_who text, p_key text, p_digest bytea, p_steps bytea, p_until interval,
	OUT state text, OUT status int, OUT type text, OUT body bytea, OUT step int, OUT names jsonb, OUT turn int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE a fairlead.answer;
BEGIN
	turn := 1;
	step := 0;
	INSERT INTO fairlead.answer (route, who, key, digest, steps, turn, until)
	VALUES (p_route, p_who, p_key, p_digest, p_steps, turn, clock_timestamp() + p_until) ON CONFLICT DO NOTHING;
	IF FOUND THEN
		state := 'mine';
		RETURN;
	END IF;
	SELECT * INTO a FROM fairlead.answer x WHERE (x.route, x.who, x.key) = (p_route, p_who, p_key) FOR UPDATE;
	IF a.digest IS DISTINCT FROM p_digest THEN
		state := 'other';
	ELSIF a.status IS NOT NULL THEN
		state := 'stored';
		status := a.status;
		type := a.type;
		body := a.body;
	ELSIF a.until > clock_timestamp() THEN
		state := 'running';
	ELSIF a.steps <> p_steps AND a.step > 0 THEN
		state := 'changed';
	ELSE
		turn := a.turn + 1;
		UPDATE fairlead.answer x SET until = clock_timestamp() + p_until, turn = a.turn + 1, steps = p_steps
		 WHERE (x.route, x.who, x.key) = (p_route, p_who, p_key);
		state := 'mine';
		step := a.step;
		names := a.names;
	END IF;
END $$;

-- In the transaction of each stretch: up to which step it is done, and at the end the answer. Raises where another goes on with it: what
-- the stretch did is taken back then (INV-8).
CREATE FUNCTION fairlead.once_keep(p_route text, p_who text, p_key text, p_turn int, p_step int, p_names jsonb, p_until interval,
	p_status int, p_type text, p_body bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	UPDATE fairlead.answer SET step = p_step, names = p_names, status = p_status, type = p_type, body = p_body,
	       until = clock_timestamp() + p_until
	 WHERE (route, who, key) = (p_route, p_who, p_key) AND turn = p_turn AND status IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'another request goes on with this key' USING ERRCODE = 'FL001';
	END IF;
END $$;

-- It ended without an answer that is kept: who asks again need not wait.
CREATE FUNCTION fairlead.once_free(p_route text, p_who text, p_key text, p_turn int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE fairlead.answer SET until = NULL
	 WHERE (route, who, key) = (p_route, p_who, p_key) AND turn = p_turn AND status IS NULL
$$;

-- ── jobs ──

CREATE FUNCTION fairlead.job_add(p_id bigint, p_route text, p_digest bytea, p_step int, p_names jsonb, p_request text, p_trace text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO fairlead.job (id, route, digest, step, names, request, trace)
	VALUES (p_id, p_route, p_digest, p_step, p_names, p_request, p_trace);
	PERFORM pg_notify('fairlead_wish', 'job:');
END $$;

-- The oldest that waits and whose steps the caller knows (p_digests), for so long. Several take at the same time: a queue (INV-3).
CREATE FUNCTION fairlead.job_take(p_holder text, p_for interval, p_digests bytea[]) RETURNS SETOF fairlead.job
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE fairlead.job SET holder = p_holder, until = clock_timestamp() + p_for
	 WHERE id = (SELECT id FROM fairlead.job
	              WHERE state = 'waiting' AND coalesce(until, '-infinity') < clock_timestamp()
	                AND coalesce(not_before, '-infinity') < clock_timestamp() AND digest = ANY (p_digests)
	              ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
	RETURNING *
$$;

-- It runs still.
CREATE FUNCTION fairlead.job_hold(p_id bigint, p_holder text, p_for interval) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	UPDATE fairlead.job SET until = clock_timestamp() + p_for WHERE id = p_id AND holder = p_holder AND state = 'waiting'
$$;

-- Jobs whose steps nobody has known for so long: the file has changed since. A person has to look.
CREATE FUNCTION fairlead.job_strangers(p_digests bytea[], p_for interval) RETURNS SETOF fairlead.job
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE j fairlead.job;
BEGIN
	FOR j IN UPDATE fairlead.job SET state = 'dead', holder = NULL, until = NULL,
	                reason = 'no replica has had these steps of its route for ' || p_for
	          WHERE state = 'waiting' AND digest <> ALL (p_digests) AND greatest(at, not_before, until) < clock_timestamp() - p_for
	         RETURNING * LOOP
		INSERT INTO fairlead.dead_letter (lane, what, sqlstate, message, tries)
		VALUES ('jobs', format('job %s of %s, step %s', j.id, j.route, j.step + 1), '', j.reason, j.tries);
		RETURN NEXT j;
	END LOOP;
END $$;

-- In the transaction of a stretch: it is done up to p_step; null: to its end. Raises where another holds it: what the stretch did is
-- taken back then (INV-8).
CREATE FUNCTION fairlead.job_step(p_id bigint, p_holder text, p_step int, p_names jsonb, p_for interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF p_step IS NULL THEN
		DELETE FROM fairlead.job WHERE id = p_id AND holder = p_holder AND state = 'waiting';
	ELSE
		UPDATE fairlead.job SET step = p_step, names = p_names, tries = 0, poison = 0, until = clock_timestamp() + p_for
		 WHERE id = p_id AND holder = p_holder AND state = 'waiting';
	END IF;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'job % has another holder', p_id USING ERRCODE = 'FL001';
	END IF;
END $$;

-- It could not be done. Tried again, later each time; dead after three tries that failed by what the step says (A8), or where p_dead says
-- so: a person has to look. Whether it is dead.
CREATE FUNCTION fairlead.job_fail(p_id bigint, p_holder text, p_dead bool, p_state text, p_reason text) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	j        fairlead.job;
	v_poison int := (substr(p_state, 1, 2) IN ('21', '22', '23', '27', '38') OR p_state IN ('P0001', 'P0002', 'P0003'))::int;
BEGIN
	UPDATE fairlead.job SET tries = tries + 1, poison = poison + v_poison, holder = NULL, until = NULL, reason = p_reason,
	       not_before = clock_timestamp() + least(interval '30 s', interval '250 ms' * 2 ^ least(tries, 10)),
	       state = CASE WHEN p_dead OR poison + v_poison >= 3 THEN 'dead' ELSE state END
	 WHERE id = p_id AND holder = p_holder AND state = 'waiting' RETURNING * INTO j;
	IF j.state = 'dead' THEN
		INSERT INTO fairlead.dead_letter (lane, what, sqlstate, message, tries)
		VALUES ('jobs', format('job %s of %s, step %s', j.id, j.route, j.step + 1), p_state, p_reason, j.tries);
	END IF;
	RETURN coalesce(j.state = 'dead', false);
END $$;

-- Under lane clock: what is older than an interval goes.
CREATE FUNCTION fairlead.prune_requests(p_epoch bigint, p_answers interval, p_dead interval, p_step int DEFAULT 5000) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE v_rows int; v_total int := 0;
BEGIN
	PERFORM fairlead.hold('clock', p_epoch);
	DELETE FROM fairlead.answer WHERE ctid = ANY (ARRAY(
		SELECT ctid FROM fairlead.answer WHERE at < clock_timestamp() - p_answers LIMIT p_step));
	GET DIAGNOSTICS v_total = ROW_COUNT;
	DELETE FROM fairlead.job WHERE state = 'dead' AND at < clock_timestamp() - p_dead;
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_total + v_rows;
END $$;

-- Rights. Again at each install, as grant_engine. A request writes what the application declares, whoever serves it.
CREATE FUNCTION fairlead.grant_requests() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	f text;
	t record;
BEGIN
	FOR t IN SELECT a.rel FROM fairlead.app_tables() a LOOP
		PERFORM fairlead.grant_to(ARRAY['gateway'], format('SELECT, INSERT, UPDATE, DELETE ON %s', t.rel));
		PERFORM fairlead.grant_to(ARRAY['gateway'], format('USAGE, SELECT ON SEQUENCE %s', q.oid::regclass))
		   FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
		  WHERE d.refobjid = t.rel AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i');
	END LOOP;
	FOREACH f IN ARRAY ARRAY['wish_for(text, text, bigint)', 'post_item(text, text, jsonb, text)', 'post_message(text, text, jsonb)',
		'new_job_id()', 'once_take(text, text, text, bytea, bytea, interval)', 'once_free(text, text, text, int)',
		'once_keep(text, text, text, int, int, jsonb, interval, int, text, bytea)',
		'job_add(bigint, text, bytea, int, jsonb, text, text)', 'job_take(text, interval, bytea[])',
		'job_hold(bigint, text, interval)', 'job_strangers(bytea[], interval)',
		'job_step(bigint, text, int, jsonb, interval)', 'job_fail(bigint, text, bool, text, text)'] LOOP
		EXECUTE format('REVOKE EXECUTE ON FUNCTION fairlead.%s FROM PUBLIC', f);
		PERFORM fairlead.grant_to(ARRAY['reconciler', 'gateway'], format('EXECUTE ON FUNCTION fairlead.%s', f));
	END LOOP;
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'],
		'SELECT ON fairlead.job, fairlead.wish');
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'reconciler'], 'UPDATE, DELETE ON fairlead.wish');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'SELECT, DELETE ON fairlead.answer');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'DELETE ON fairlead.job');
END $$;
SELECT fairlead.grant_requests();
