-- Batches of the configuration, their items, and what waits or died on the way (INV-4, CHAIN S3, S7, S9).

CREATE TABLE fairlead.batch_decl (
	name           text PRIMARY KEY,
	pool           text NOT NULL,               -- who sends it: <name>:sends:<pool>
	chain          smallint NOT NULL REFERENCES fairlead.chain,
	max            int NOT NULL DEFAULT 10 CHECK (max >= 1),
	wait_ms        bigint NOT NULL DEFAULT 2000 CHECK (wait_ms >= 0),
	pause_ms       bigint NOT NULL DEFAULT 0 CHECK (pause_ms >= 0),
	tries          int NOT NULL DEFAULT 3 CHECK (tries >= 1),
	retry_first_ms bigint NOT NULL DEFAULT 5000 CHECK (retry_first_ms >= 0),
	retry_max_ms   bigint NOT NULL DEFAULT 0 CHECK (retry_max_ms >= 0), -- 0: an hour
	retry_grow     bool NOT NULL DEFAULT true,
	strict         bool NOT NULL DEFAULT false, -- what a failed transaction freed goes before all else
	due            timestamptz,                 -- set by the batcher while its timer runs
	done           bigint NOT NULL DEFAULT 0,   -- totals of batches, counted by finalise: one writer, no count(*)
	failed         bigint NOT NULL DEFAULT 0,
	retired        timestamptz
) WITH (fillfactor = 50);

CREATE TABLE fairlead.batch (
	id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name   text NOT NULL,
	pool   text NOT NULL,
	chain  smallint NOT NULL REFERENCES fairlead.chain,
	items  int NOT NULL CHECK (items >= 0),     -- how many it was cut with, less those that were taken out while it was ready
	rank   smallint NOT NULL DEFAULT 0,         -- urgency, least first
	state  text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'bound', 'done', 'failed', 'dropped')),
	reason text,                                -- why it waits, failed or was dropped, for people
	at     timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was cut
	mined  timestamptz                          -- when a receipt of it was first stored
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- Taken ORDER BY rank, id: an order that the primary key can't give, else stale statistics turn the query into a walk through
-- all history.
CREATE INDEX batch_ready ON fairlead.batch (pool, rank, id) WHERE state = 'ready';
CREATE INDEX batch_bound ON fairlead.batch (name, id) WHERE state = 'bound';
CREATE INDEX batch_cut ON fairlead.batch (name, at);

CREATE FUNCTION fairlead.batch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'batch % is %, it can''t become %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'FL004';
END $$;
-- ready → bound → done or failed; ready → dropped. Nothing comes back: what fails gives its items to another batch.
CREATE TRIGGER batch_guard BEFORE UPDATE ON fairlead.batch FOR EACH ROW
	WHEN (NEW.state <> OLD.state
		AND (OLD.state, NEW.state) NOT IN (('ready', 'bound'), ('ready', 'dropped'), ('bound', 'done'), ('bound', 'failed')))
	EXECUTE FUNCTION fairlead.batch_guard();

CREATE TABLE fairlead.item (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	batch_of    text NOT NULL,
	key         text NOT NULL,
	chain       smallint NOT NULL,
	cause       bigint,                         -- number of the event that stands behind it now · 0: a post · NULL: taken back
	ordinal     int NOT NULL DEFAULT 0,
	args        jsonb NOT NULL,
	state       text NOT NULL DEFAULT 'waiting'
	            CHECK (state IN ('waiting', 'parked', 'batched', 'done', 'already', 'dead', 'void')),
	batch       bigint REFERENCES fairlead.batch,
	reason      text,
	tries       int NOT NULL DEFAULT 0,         -- closed failures only (S9)
	not_before  timestamptz,                    -- of a retry
	behind      bigint,                         -- set when a failed transaction freed it: it queues behind that number (P16)
	turn        bigint GENERATED ALWAYS AS (coalesce(behind, cause)) STORED,
	at          timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it began to wait
	made        timestamptz NOT NULL DEFAULT clock_timestamp(),
	shown       bytea CHECK (octet_length(shown) = 32), -- already: the block hash that showed it (S7)
	shown_block bigint,                         -- its number, until that block is final
	UNIQUE (batch_of, key),                     -- INV-4
	CHECK ((batch IS NOT NULL) = (state IN ('batched', 'done')))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX item_waiting ON fairlead.item (batch_of, turn, ordinal, id) WHERE state = 'waiting'; -- the order of the queue
CREATE INDEX item_parked ON fairlead.item (batch_of, id) WHERE state = 'parked';
CREATE INDEX item_batch ON fairlead.item (batch) WHERE batch IS NOT NULL;
CREATE INDEX item_orphan ON fairlead.item (id) WHERE cause IS NULL AND state IN ('batched', 'done');
CREATE INDEX item_shown ON fairlead.item (chain, shown_block) WHERE state = 'already' AND shown_block IS NOT NULL;

-- The key of an item is spent for ever (INV-4).
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON fairlead.item EXECUTE FUNCTION fairlead.append_only();

-- An item that waits again waits from now on: batches.wait counts from it.
CREATE FUNCTION fairlead.item_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.at := clock_timestamp();
	RETURN NEW;
END $$;
CREATE TRIGGER item_waits BEFORE UPDATE ON fairlead.item FOR EACH ROW
	WHEN (NEW.state = 'waiting' AND OLD.state <> 'waiting') EXECUTE FUNCTION fairlead.item_waits();

-- The undo image of an item says only: here the lane stood when this item got its cause.
CREATE FUNCTION fairlead_undo.item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO fairlead.undo (chain, seq, rel, op, key)
	VALUES (NEW.chain, current_setting('fairlead.seq')::bigint, TG_RELID, 'I', jsonb_build_object('id', NEW.id));
	RETURN NULL;
END $$;
CREATE TRIGGER zz_fairlead_undo AFTER INSERT OR UPDATE OF cause ON fairlead.item FOR EACH ROW
	WHEN (NEW.cause IS NOT NULL AND coalesce(current_setting('fairlead.seq', true), '') <> '')
	EXECUTE FUNCTION fairlead_undo.item();

-- A RULE that waits (let … else: park) at one event, at one row of its each:. Under the undo itself, so a rollback brings it back.
CREATE TABLE fairlead.parked (
	rule    text NOT NULL,
	id      bytea NOT NULL,
	ordinal int NOT NULL,
	chain   smallint NOT NULL,
	seq     bigint NOT NULL,
	reason  text NOT NULL,
	PRIMARY KEY (rule, id, ordinal)
);
CREATE INDEX parked_seq ON fairlead.parked (chain, seq);

-- Positions that a lane keeps beside its cursor (`at: final` rules): under the undo, so a rollback sets them back too.
CREATE TABLE fairlead.position (
	chain smallint NOT NULL,
	name  text NOT NULL,
	at    bigint NOT NULL,
	PRIMARY KEY (chain, name)
);
SELECT fairlead.watch('fairlead.parked'), fairlead.watch('fairlead.position');

CREATE TABLE fairlead.dead_letter (             -- the view is fairlead.dead
	id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	lane     text NOT NULL,
	seq      bigint,
	item     bigint REFERENCES fairlead.item,
	what     text NOT NULL,
	sqlstate text,
	message  text,
	tries    int NOT NULL,
	at       timestamptz NOT NULL DEFAULT clock_timestamp(),
	cured    timestamptz
);
CREATE INDEX dead_open ON fairlead.dead_letter (id) WHERE cured IS NULL;
CREATE INDEX dead_seq ON fairlead.dead_letter (lane, seq) WHERE cured IS NULL;

-- Look-up files as they were last read: what a program loaded, and why a reload was refused.
CREATE SCHEMA files;
CREATE TABLE fairlead.file (
	name    text PRIMARY KEY,
	digest  bytea,                              -- of the content that files.<name> holds
	entries int NOT NULL DEFAULT 0,
	at      timestamptz,
	error   text,                               -- of the last reload; the old table stays
	retired timestamptz
);
CREATE FUNCTION fairlead.declare_file(p_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE IF NOT EXISTS files.%I (key text PRIMARY KEY, value text NOT NULL)', p_name);
	INSERT INTO fairlead.file (name) VALUES (p_name) ON CONFLICT (name) DO UPDATE SET retired = NULL;
END $$;

-- How long an item waits before its next try: first, doubled for each closed failure where grow is set, at most max.
CREATE FUNCTION fairlead.retry_after(p_first_ms bigint, p_max_ms bigint, p_grow bool, p_tries int) RETURNS interval
IMMUTABLE LANGUAGE sql AS $$
	SELECT least(p_first_ms::numeric * CASE WHEN p_grow THEN 2 ^ least(greatest(p_tries - 1, 0), 30) ELSE 1 END,
	             CASE WHEN p_max_ms > 0 THEN p_max_ms ELSE 3600000 END)::double precision * interval '1 millisecond'
$$;

-- After the grace (S3): items that lost their cause leave a batch that no slot is bound to. Binding locks the same batch row, so it
-- is one or the other. What is bound stays until its slot closes, and stands in item_orphan: the submitter re-composes without it.
CREATE FUNCTION fairlead.unbatch(p_lane text, p_epoch bigint) RETURNS int LANGUAGE plpgsql AS $$
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
	RETURN v_total;
END $$;
