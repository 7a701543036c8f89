-- Who may write, and where they stand. sql/README.md says what each table holds to.
--
-- Words. A LANE is one writer: a leader with an epoch and a position. A NUMBER (seq) is a place in the log of one chain. The LOG of
-- a chain is its events and its reorg entries, one number space, one writer. WINDOW and FLOOR: a reorg can't reach blocks at or
-- below the floor (CHAIN R5).
--
-- SQLSTATEs of our own
--   FL001  the lane has another holder: stop at once (INV-8)
--   FL002  deeper than the window, or finality would go back: stop the chain (P10)
--   FL003  append only
--   FL004  the slot, batch or item is not in a state that allows this (INV-5, S1)
--   FL005  what was read has changed since: read again and compose anew
--   FL006  a thing can't become another thing: network of a chain, columns of a declared event

CREATE SCHEMA fairlead;

-- One row. A program of version v starts when oldest <= v and migrates when schema < v. A migration that removes something
-- that an older program uses raises oldest to its own number; others leave it.
CREATE TABLE fairlead.version (
	one    bool PRIMARY KEY DEFAULT true CHECK (one),
	schema int NOT NULL,
	oldest int NOT NULL,
	at     timestamptz NOT NULL DEFAULT clock_timestamp(),
	CHECK (oldest <= schema)
);
INSERT INTO fairlead.version (schema, oldest) VALUES (1, 1);

-- The one application of this database. digest covers everything that install makes of it: equal means nothing to do.
CREATE TABLE fairlead.application (
	one     bool PRIMARY KEY DEFAULT true CHECK (one),
	name    text NOT NULL,
	profile text,
	version text,                               -- of the program that installed it
	digest  bytea NOT NULL,
	at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The application's sql: files, by their place in the list: it may only grow at its end.
CREATE TABLE fairlead.applied_sql (
	n      int PRIMARY KEY CHECK (n >= 1),
	path   text NOT NULL,
	digest bytea NOT NULL CHECK (octet_length(digest) = 32),
	at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Runs one of them. EXECUTE refuses COMMIT, which would end the installer's transaction half-way, and says where a mistake is.
CREATE FUNCTION fairlead.run_sql(p_text text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE p_text;
END $$;

-- Lease, epoch and position in the ONE row that every commit of its writer updates. The epoch is the truth; until and backend are
-- only for takers. Every page keeps room for HOT updates, and vacuum comes often: an old snapshot elsewhere makes the row slow.
CREATE TABLE fairlead.lane (
	name    text PRIMARY KEY,                   -- listen:<chain> · apply:<chain> · send:<chain id>:<0xaddress> · clock
	epoch   bigint NOT NULL DEFAULT 0,          -- raised by each take-over
	holder  text,
	since   timestamptz,                        -- when it was taken
	until   timestamptz NOT NULL DEFAULT '-infinity',
	backend int,                                -- server process that held it last: once that is gone nobody need wait for until
	at      bigint NOT NULL DEFAULT 0,          -- listen: last number given · apply: last number applied · send: next nonce
	made    bigint NOT NULL DEFAULT 0,          -- totals for the views; one writer each, so no count(*)
	failed  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 40, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- Takes a lane that is free, whose lease has run out, or whose holder's connection is gone; makes it when it is not there.
-- clock_timestamp, not now(): now() is when the transaction began, which may have waited. NULL, NULL: someone else holds it.
-- The caller reads other tables in a LATER statement: this one's snapshot may be older than a lock that it waited for.
CREATE FUNCTION fairlead.take(p_lane text, p_holder text, p_ttl interval, OUT epoch bigint, OUT at bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO fairlead.lane (name) SELECT p_lane
	 WHERE NOT EXISTS (SELECT FROM fairlead.lane l WHERE l.name = p_lane)
	ON CONFLICT DO NOTHING;
	UPDATE fairlead.lane l
	   SET epoch = l.epoch + 1, holder = p_holder, since = clock_timestamp(), until = clock_timestamp() + p_ttl,
	       backend = pg_backend_pid()
	 WHERE l.name = p_lane
	   AND (l.until < clock_timestamp() OR NOT EXISTS (SELECT FROM pg_stat_get_activity(l.backend)))
	RETURNING l.epoch, l.at INTO take.epoch, take.at;
END $$;

-- What a fence says that finds the lane in other hands.
CREATE FUNCTION fairlead.fenced(p_lane text, p_epoch bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'lane % has another holder (our epoch %)', p_lane, p_epoch USING ERRCODE = 'FL001';
END $$;

-- THE FENCE, first statement of every engine transaction (INV-8): locks the lane's row until COMMIT, renews the lease, returns
-- the position. It raises instead of finding no row, so that nothing behind it in the pipeline runs. A check without the lock
-- lets a stale leader commit after the taker has begun. p_at: the position moves in the same update.
CREATE FUNCTION fairlead.hold(p_lane text, p_epoch bigint, p_ttl interval DEFAULT '10s', p_at bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_at bigint;
BEGIN
	UPDATE fairlead.lane
	   SET until = clock_timestamp() + p_ttl, backend = pg_backend_pid(), at = coalesce(p_at, at)
	 WHERE name = p_lane AND epoch = p_epoch
	RETURNING at INTO v_at;
	IF v_at IS NULL THEN
		RETURN fairlead.fenced(p_lane, p_epoch);
	END IF;
	RETURN v_at;
END $$;

CREATE FUNCTION fairlead.leave(p_lane text, p_epoch bigint) RETURNS void LANGUAGE sql AS $$
	UPDATE fairlead.lane SET until = '-infinity', holder = NULL, since = NULL, backend = NULL
	 WHERE name = p_lane AND epoch = p_epoch
$$;

-- What was strange and is worth a person's look: an undo that met another writer's change, a chain that was halted.
CREATE TABLE fairlead.odd (
	id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at   timestamptz NOT NULL DEFAULT clock_timestamp(),
	kind text NOT NULL,
	what text NOT NULL
);

CREATE FUNCTION fairlead.append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% is append only', TG_RELID::regclass USING ERRCODE = 'FL003';
END $$;
