-- Events: one typed child table a declared event, one header over all of them (INV-2, INV-3). Reorgs take back a suffix.

CREATE TABLE fairlead.event (
	_seq        bigint NOT NULL,
	_block      bigint NOT NULL,
	_at         timestamptz NOT NULL,
	_log        int NOT NULL,
	_chain      smallint NOT NULL,
	_open       bool NOT NULL,                  -- inside the window when written: only these stand in the index of ids
	_swept      bool NOT NULL DEFAULT false,    -- read in any other way than as the child of the cursor at the head
	_late       bool NOT NULL DEFAULT false,    -- found below the window (R4)
	_block_hash bytea NOT NULL CHECK (octet_length(_block_hash) = 32),
	_tx         bytea NOT NULL CHECK (octet_length(_tx) = 32),
	_id         bytea NOT NULL CHECK (octet_length(_id) = 32),
	_address    bytea CHECK (octet_length(_address) = 20),  -- the contract that emitted it: one declaration may have several
	CONSTRAINT only_in_children CHECK (false) NO INHERIT
);

-- One declared event is one child. Never renamed, never reused, never dropped: DROP of a child waits for every reader of the
-- header. live and swept are counted by the listener in the commit of the run.
CREATE TABLE fairlead.decl (
	id         smallint PRIMARY KEY,
	chain      smallint NOT NULL REFERENCES fairlead.chain,
	contract   text NOT NULL,                   -- schema of the table
	event      text NOT NULL,                   -- its name
	title      text NOT NULL,                   -- as people write it: Companions.TokenRevealed
	topic0     bytea,
	rel        regclass NOT NULL UNIQUE,
	since      timestamptz NOT NULL DEFAULT clock_timestamp(),
	retired    timestamptz,                     -- no longer declared; its rows stay readable
	live       bigint NOT NULL DEFAULT 0,
	swept      bigint NOT NULL DEFAULT 0,
	last_live  timestamptz,
	last_swept timestamptz,
	UNIQUE (contract, event)
) WITH (fillfactor = 50);

CREATE TABLE fairlead.contract (
	name      text PRIMARY KEY,                 -- as written
	chain     smallint NOT NULL REFERENCES fairlead.chain,
	schema    text NOT NULL UNIQUE,
	addresses text[] NOT NULL,
	retired   timestamptz
);

-- Makes the child of a declared event, or finds it as it was. p_cols: 'name type' as the compiler mapped them. A column called
-- like one of the header would be merged with it, silently where the types are equal, and one called like a system column can't
-- be made: refused here by name. A table that stands with other columns, another topic or another chain is left as it is.
CREATE FUNCTION fairlead.declare(p_chain smallint, p_contract text, p_event text, p_title text, p_topic0 bytea, p_cols text[])
RETURNS regclass LANGUAGE plpgsql AS $$
DECLARE
	d     fairlead.decl;
	v_col text;
	v_rel text := format('%I.%I', p_contract, p_event);
	v_own text[];
BEGIN
	IF p_contract ~ '^(pg_.*|fairlead.*|information_schema|public|files)$' THEN
		RAISE EXCEPTION 'a contract can''t be called %', p_contract USING ERRCODE = 'FL006';
	END IF;
	IF octet_length(p_contract) > 63 OR octet_length(p_event) > 63 THEN
		RAISE EXCEPTION 'the name % is longer than 63 bytes', v_rel USING ERRCODE = 'FL006';
	END IF;
	FOREACH v_col IN ARRAY p_cols LOOP
		IF EXISTS (SELECT FROM pg_attribute
		            WHERE attrelid = 'fairlead.event'::regclass AND attname = split_part(v_col, ' ', 1)) THEN
			RAISE EXCEPTION 'field % of % is called like a column of the header or of the system', split_part(v_col, ' ', 1), p_title
				USING ERRCODE = 'FL006';
		END IF;
	END LOOP;

	SELECT * INTO d FROM fairlead.decl WHERE contract = p_contract AND event = p_event;
	IF FOUND THEN
		SELECT coalesce(array_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum), '{}') INTO v_own
		  FROM pg_attribute WHERE attrelid = d.rel AND attislocal AND attnum > 0 AND NOT attisdropped;
		IF d.chain <> p_chain OR d.topic0 IS DISTINCT FROM p_topic0
		   OR v_own <> ARRAY(SELECT split_part(c, ' ', 1) || ' ' || replace(substr(c, strpos(c, ' ') + 1), 'numeric(78)', 'numeric(78,0)')
		                       FROM unnest(p_cols) WITH ORDINALITY u(c, i) ORDER BY i) THEN
			RAISE EXCEPTION '% stands in this database with another shape', p_title
				USING ERRCODE = 'FL006',
				      DETAIL = format('table %s (%s) on chain %s', v_rel, array_to_string(v_own, ', '), d.chain),
				      HINT = 'declare the new shape under another name with "as": the old table stays readable';
		END IF;
		UPDATE fairlead.decl SET retired = NULL, title = p_title WHERE id = d.id AND (retired IS NOT NULL OR title <> p_title);
		RETURN d.rel;
	END IF;

	EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', p_contract);
	EXECUTE format('CREATE TABLE %s (%sCHECK (_chain = %s)) INHERITS (fairlead.event)', v_rel,
		(SELECT coalesce(string_agg(quote_ident(split_part(c, ' ', 1)) || substr(c, strpos(c, ' ')), ', ' ORDER BY i) || ', ', '')
		   FROM unnest(p_cols) WITH ORDINALITY u(c, i)), p_chain);
	-- order
	EXECUTE format('CREATE UNIQUE INDEX ON %s (_seq)', v_rel);
	-- INV-2: the arbiter of ON CONFLICT; it grows at its right edge
	EXECUTE format('CREATE UNIQUE INDEX ON %s (_block, _id)', v_rel);
	-- INV-2 across blocks: a log that moved is refused until its old place is retracted. A random 32-byte index over all history
	-- would halve ingest and triple the WAL, so only what a reorg can still reach stands in it.
	EXECUTE format('CREATE UNIQUE INDEX ON %s (_id) WHERE _open', v_rel);
	INSERT INTO fairlead.decl (id, chain, contract, event, title, topic0, rel)
	SELECT coalesce(max(id), 0) + 1, p_chain, p_contract, p_event, p_title, p_topic0, v_rel::regclass FROM fairlead.decl;
	RETURN v_rel::regclass;
END $$;

-- A log that matches address and topic but does not decode: a row for a person, never an error of the chain.
CREATE TABLE fairlead.undecoded (
	chain      smallint NOT NULL REFERENCES fairlead.chain,
	block      bigint NOT NULL,
	block_hash bytea NOT NULL CHECK (octet_length(block_hash) = 32),
	tx         bytea NOT NULL CHECK (octet_length(tx) = 32),
	log        int NOT NULL,
	event      text NOT NULL,                   -- the declaration that it matched
	address    bytea NOT NULL,
	topics     bytea[] NOT NULL,
	data       bytea NOT NULL,
	why        text NOT NULL,
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, block, block_hash, tx, log)
);

-- Reorg entries stand in the log like events: an entry takes back a SUFFIX of it.
CREATE TABLE fairlead.reorg (
	chain      smallint NOT NULL REFERENCES fairlead.chain,
	seq        bigint NOT NULL,
	first_seq  bigint NOT NULL,
	from_block bigint NOT NULL,
	reason     text NOT NULL CHECK (reason IN ('reorg', 'reseat')),
	events     int NOT NULL DEFAULT 0,
	was_final  bool NOT NULL DEFAULT false,     -- deeper than final, inside the window: repaired, and an alarm
	at         timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (chain, seq),
	CHECK (first_seq <= seq)
);
-- Events that left their tables, as they were.
CREATE TABLE fairlead.retraction (
	chain      smallint NOT NULL,
	reorg      bigint NOT NULL,
	seq        bigint NOT NULL,
	id         bytea NOT NULL,
	rel        regclass NOT NULL,
	block      bigint NOT NULL,
	block_hash bytea NOT NULL,
	image      jsonb NOT NULL,
	PRIMARY KEY (chain, seq),
	FOREIGN KEY (chain, reorg) REFERENCES fairlead.reorg
);

-- Takes back every event from the first number at or above block p_from on. Events of that suffix that stand below p_from
-- (found late, or history of a source added later) keep their rows and identities and get new numbers behind the entry, in chain
-- order. Returns the new position of the listener's lane.
CREATE FUNCTION fairlead.retract(p_chain smallint, p_epoch bigint, p_from bigint, p_reason text DEFAULT 'reorg') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	c       fairlead.chain;
	d       record;
	v_at    bigint;
	v_first bigint;
	v_entry bigint;
	v_rows  int;
	v_total int := 0;
BEGIN
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	v_at := fairlead.hold('listen:' || c.name, p_epoch);
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	IF p_from <= c.floor THEN
		RAISE EXCEPTION 'reorg of chain % from block %, the window begins above %', c.name, p_from, c.floor USING ERRCODE = 'FL002';
	END IF;
	-- Through the index of numbers: the window only, never a scan of the child.
	FOR d IN SELECT rel FROM fairlead.decl WHERE chain = p_chain LOOP
		EXECUTE format('SELECT least($3, min(_seq)) FROM %s WHERE _seq >= $1 AND _block >= $2', d.rel)
			INTO v_first USING c.floor_seq, p_from, v_first;
	END LOOP;
	v_entry := v_at + 1;
	v_first := coalesce(v_first, v_entry);
	v_at := v_entry;
	INSERT INTO fairlead.reorg (chain, seq, first_seq, from_block, reason, was_final)
	VALUES (p_chain, v_entry, v_first, p_from, p_reason, p_from <= c.final);
	FOR d IN SELECT rel FROM fairlead.decl WHERE chain = p_chain LOOP
		EXECUTE format(
			'WITH gone AS (DELETE FROM %1$s e WHERE _seq >= $1 AND _block >= $2 RETURNING e.*)
			 INSERT INTO fairlead.retraction (chain, reorg, seq, id, rel, block, block_hash, image)
			 SELECT _chain, $3, _seq, _id, $4, _block, _block_hash, to_jsonb(gone) FROM gone', d.rel)
			USING v_first, p_from, v_entry, d.rel;
		GET DIAGNOSTICS v_rows = ROW_COUNT;
		v_total := v_total + v_rows;
	END LOOP;
	UPDATE fairlead.reorg SET events = v_total WHERE chain = p_chain AND seq = v_entry;
	FOR d IN SELECT tableoid::regclass AS rel, _seq AS seq FROM fairlead.event
	          WHERE _chain = p_chain AND _seq >= v_first ORDER BY _block, _log LOOP
		v_at := v_at + 1;
		EXECUTE format('UPDATE %s SET _seq = $1 WHERE _seq = $2', d.rel) USING v_at, d.seq;
	END LOOP;
	DELETE FROM fairlead.undecoded WHERE chain = p_chain AND block >= p_from;
	DELETE FROM fairlead.block WHERE chain = p_chain AND number >= p_from;
	UPDATE fairlead.lane SET at = v_at WHERE name = 'listen:' || c.name;
	UPDATE fairlead.chain SET done = least(done, p_from - 1) WHERE id = p_chain;
	RETURN v_at;
END $$;

-- Moves finality and the floor, and with the floor the least number that can still be taken. Neither ever goes back: lower
-- values than those that stand change nothing.
CREATE FUNCTION fairlead.advance(p_chain smallint, p_epoch bigint, p_final bigint, p_floor bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	c       fairlead.chain;
	d       record;
	v_at    bigint;
	v_seq   bigint;
	v_floor bigint;
BEGIN
	SELECT * INTO c FROM fairlead.chain WHERE id = p_chain;
	v_at := fairlead.hold('listen:' || c.name, p_epoch);
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
