-- Undo: what the rules wrote while a reorg could still take their events can be taken back exactly (DESIGN §3).
--
-- An image is filed under the number where the LANE stood when it wrote, not under its event's: a rule that waited, an
-- `at: final` rule or a step of a job writes after higher numbers did. Whoever writes for a lane sets, for the transaction,
--   fairlead.chain  the chain's id
--   fairlead.seq    max(position of the lane, floor_seq), or '' where no reorg can reach: no image is written then
-- and pins DateStyle, IntervalStyle, bytea_output and extra_float_digits as rollback_to does, so that texts read back.

CREATE SCHEMA fairlead_undo; -- generated triggers and restore functions

CREATE TABLE fairlead.undo (
	chain smallint NOT NULL,
	seq   bigint NOT NULL,
	id    bigint GENERATED ALWAYS AS IDENTITY,
	rel   regclass NOT NULL,
	op    "char" NOT NULL CHECK (op IN ('I', 'U', 'D')),
	key   jsonb NOT NULL,
	old   jsonb,
	new   jsonb,
	PRIMARY KEY (chain, seq, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Name of generated code. Never from p_rel::text: that depends on search_path.
CREATE FUNCTION fairlead.code_name(p_prefix text, p_rel regclass) RETURNS text STABLE LANGUAGE sql AS $$
	SELECT p_prefix || substr(md5(n.nspname || '.' || c.relname), 1, 16)
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = p_rel
$$;

CREATE FUNCTION fairlead.in_rule() RETURNS bool STABLE LANGUAGE sql AS $$
	SELECT coalesce(current_setting('fairlead.seq', true), '') <> ''
$$;
CREATE FUNCTION fairlead.no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF fairlead.in_rule() THEN
		RAISE EXCEPTION 'a rule can''t TRUNCATE %: it could not be taken back', TG_RELID::regclass USING ERRCODE = '42809';
	END IF;
	RETURN NULL;
END $$;
CREATE FUNCTION fairlead.no_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'table % has no primary key: what a rule writes there could not be taken back', TG_RELID::regclass
		USING ERRCODE = '42809', HINT = 'give it a primary key';
END $$;

-- Puts a table under the undo: called for every ordinary and partitioned table of the application, not only those that rules name
-- (cascades and the application's own triggers write too). Images hold the text of each column: to_jsonb(OLD) loses json text,
-- jsonb null and array bounds. The replay goes column by column: what another writer changed since is left and listed in odd.
CREATE FUNCTION fairlead.watch(p_rel regclass) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $gen$
DECLARE
	v_write   text := fairlead.code_name('u_', p_rel);
	v_restore text := fairlead.code_name('r_', p_rel);
	v_image   text; -- 'a', ROW.a::text, …
	v_key     text; -- the same of the primary key
	v_find    text; -- t.a = (p_key->>'a')::type AND …
	v_cols    text; -- a, b: all that can be inserted
	v_values  text; -- (p_old->>'a')::type, …
	v_sets    text; -- a = what it was, where nobody else changed it since
	v_same    text; -- every column that we changed is still as we left it
	v_whole   text; -- every column is
	v_fk      text;
BEGIN
	IF fairlead.in_rule() THEN
		RAISE EXCEPTION 'not inside a rule';
	END IF;
	SELECT string_agg(format('%1$L, ROWX.%1$I::text', name), ', ' ORDER BY place),
	       string_agg(quote_ident(name), ', ' ORDER BY place) FILTER (WHERE writable),
	       string_agg(format('(p_old->>%L)::%s', name, type), ', ' ORDER BY place) FILTER (WHERE writable),
	       string_agg(format(
	           '%1$I = CASE WHEN p_old->>%1$L IS DISTINCT FROM p_new->>%1$L '
	           'AND t.%1$I::text IS NOT DISTINCT FROM (p_new->>%1$L)::%2$s::text THEN (p_old->>%1$L)::%2$s ELSE t.%1$I END',
	           name, type), ', ') FILTER (WHERE writable AND NOT always_identity),
	       string_agg(format(
	           '(p_old->>%1$L IS NOT DISTINCT FROM p_new->>%1$L OR t.%1$I::text IS NOT DISTINCT FROM (p_new->>%1$L)::%2$s::text)',
	           name, type), ' AND ') FILTER (WHERE writable),
	       string_agg(format('t.%1$I::text IS NOT DISTINCT FROM (p_new->>%1$L)::%2$s::text', name, type), ' AND ')
	           FILTER (WHERE writable)
	  INTO v_image, v_cols, v_values, v_sets, v_same, v_whole
	  FROM (SELECT attname AS name, attnum AS place, format_type(atttypid, atttypmod) AS type,
	               attgenerated = '' AS writable, attidentity = 'a' AS always_identity
	          FROM pg_attribute WHERE attrelid = p_rel AND attnum > 0 AND NOT attisdropped) a;
	-- The equality of the index itself: a type of an extension has its = where search_path may not look.
	SELECT string_agg(format('%1$L, ROWX.%1$I::text', a.attname), ', '),
	       string_agg(format('t.%1$I OPERATOR(%2$I.%3$s) (p_key->>%1$L)::%4$s',
	           a.attname, n.nspname, o.oprname, format_type(a.atttypid, a.atttypmod)), ' AND ')
	  INTO v_key, v_find
	  FROM pg_index i
	  CROSS JOIN LATERAL unnest(i.indkey, i.indclass) u(attnum, class)
	  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
	  JOIN pg_opclass c ON c.oid = u.class
	  JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amopstrategy = 3
	       AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
	  JOIN pg_operator o ON o.oid = m.amopopr
	  JOIN pg_namespace n ON n.oid = o.oprnamespace
	 WHERE i.indrelid = p_rel AND i.indisprimary;
	IF v_key IS NULL THEN
		RAISE EXCEPTION 'table % has no primary key: what a rule writes there could not be taken back', p_rel
			USING ERRCODE = '42809', HINT = 'give it a primary key';
	END IF;

	EXECUTE format($f$
CREATE OR REPLACE FUNCTION fairlead_undo.%1$I() RETURNS trigger LANGUAGE plpgsql AS $t$
DECLARE
	v_chain smallint := current_setting('fairlead.chain')::smallint;
	v_seq   bigint := current_setting('fairlead.seq')::bigint;
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO fairlead.undo (chain, seq, rel, op, key, new)
		VALUES (v_chain, v_seq, TG_ARGV[0]::regclass, 'I', jsonb_build_object(%2$s), jsonb_build_object(%3$s));
	ELSIF TG_OP = 'UPDATE' THEN
		INSERT INTO fairlead.undo (chain, seq, rel, op, key, old, new)
		VALUES (v_chain, v_seq, TG_ARGV[0]::regclass, 'U', jsonb_build_object(%2$s), jsonb_build_object(%5$s), jsonb_build_object(%3$s));
	ELSE
		INSERT INTO fairlead.undo (chain, seq, rel, op, key, old)
		VALUES (v_chain, v_seq, TG_ARGV[0]::regclass, 'D', jsonb_build_object(%4$s), jsonb_build_object(%5$s));
	END IF;
	RETURN NULL;
END $t$ $f$,
		v_write, replace(v_key, 'ROWX', 'NEW'), replace(v_image, 'ROWX', 'NEW'),
		replace(v_key, 'ROWX', 'OLD'), replace(v_image, 'ROWX', 'OLD'));

	-- A cascade is captured parent first, child second (its queries fire the child's triggers late, whatever the names), so
	-- backwards the child comes first: foreign keys must be off or deferred while images are replayed.
	FOR v_fk IN SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = p_rel AND NOT condeferrable AND conparentid = 0 LOOP
		EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY IMMEDIATE', p_rel, v_fk);
	END LOOP;
	EXECUTE format('CREATE OR REPLACE TRIGGER zz_fairlead_undo AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW '
		'WHEN (coalesce(current_setting(''fairlead.seq'', true), '''') <> '''') EXECUTE FUNCTION fairlead_undo.%I(%L)',
		p_rel, v_write, p_rel);
	EXECUTE format('CREATE OR REPLACE TRIGGER zz_fairlead_truncate BEFORE TRUNCATE ON %s EXECUTE FUNCTION fairlead.no_truncate()', p_rel);

	EXECUTE format($f$
CREATE OR REPLACE FUNCTION fairlead_undo.%1$I(p_op "char", p_key jsonb, p_old jsonb, p_new jsonb) RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $t$
BEGIN
	IF p_op = 'I' THEN
		DELETE FROM %2$s t WHERE %3$s AND %4$s;
		IF NOT FOUND THEN
			RETURN CASE WHEN EXISTS (SELECT FROM %2$s t WHERE %3$s)
				THEN 'the inserted row was changed by another writer: left' ELSE 'the inserted row is gone' END;
		END IF;
	ELSIF p_op = 'D' THEN
		INSERT INTO %2$s (%5$s) OVERRIDING SYSTEM VALUE VALUES (%6$s) ON CONFLICT DO NOTHING;
		IF NOT FOUND THEN
			RETURN 'the deleted row is back';
		END IF;
	ELSE
		UPDATE %2$s t SET %7$s WHERE %3$s AND %8$s;
		IF NOT FOUND THEN
			UPDATE %2$s t SET %7$s WHERE %3$s;
			RETURN CASE WHEN FOUND THEN 'a column was changed by another writer: left' ELSE 'the updated row is gone' END;
		END IF;
	END IF;
	RETURN NULL;
END $t$ $f$,
		v_restore, p_rel, v_find, v_whole, v_cols, v_values, v_sets, v_same);
END $gen$;

-- Every table of the application: ordinary and partitioned ones outside the engine's own schemas, files and the tables of
-- events. What has no primary key, and what is not ours to alter, is not watched: a rule that writes the former is refused.
CREATE FUNCTION fairlead.app_tables() RETURNS TABLE (rel regclass, has_key bool) STABLE LANGUAGE sql AS $$
	SELECT c.oid::regclass, EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
	   AND n.nspname !~ '^(pg_|fairlead|information_schema$|files$)'
	   AND NOT EXISTS (SELECT FROM fairlead.decl d WHERE d.rel = c.oid)
	   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
	   AND pg_has_role(c.relowner, 'USAGE')
$$;
CREATE FUNCTION fairlead.watch_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE t record;
BEGIN
	FOR t IN SELECT rel, has_key FROM fairlead.app_tables() ORDER BY rel::oid LOOP
		IF t.has_key THEN
			IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t.rel AND tgname = 'zz_fairlead_no_key') THEN
				EXECUTE format('DROP TRIGGER zz_fairlead_no_key ON %s', t.rel);
			END IF;
			PERFORM fairlead.watch(t.rel);
		ELSE
			EXECUTE format('CREATE OR REPLACE TRIGGER zz_fairlead_no_key BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW '
				'WHEN (coalesce(current_setting(''fairlead.seq'', true), '''') <> '''') EXECUTE FUNCTION fairlead.no_key()', t.rel);
		END IF;
	END LOOP;
END $$;

-- Replays the images of numbers >= p_first, newest first; then they are gone. The application's triggers stay out of it (what they
-- wrote has images of its own), and so do foreign keys: by session_replication_role where that right was granted, else the
-- owner of the tables switches their triggers off.
CREATE FUNCTION fairlead.rollback_to(p_chain smallint, p_first bigint) RETURNS int LANGUAGE plpgsql
SET datestyle = 'ISO, YMD' SET intervalstyle = postgres SET bytea_output = hex SET extra_float_digits = 1 AS $$
DECLARE
	u     record;
	t     regclass;
	v_off regclass[] := '{}';
	v_rep bool := true;
	v_odd text;
	v_n   int := 0;
BEGIN
	SET CONSTRAINTS ALL IMMEDIATE;
	PERFORM set_config('fairlead.seq', '', true);
	BEGIN
		PERFORM set_config('session_replication_role', 'replica', true);
	EXCEPTION WHEN insufficient_privilege THEN
		v_rep := false;
		FOR t IN SELECT DISTINCT rel FROM fairlead.undo
		          WHERE chain = p_chain AND seq >= p_first AND rel <> 'fairlead.item'::regclass LOOP
			EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', t);
			v_off := v_off || t;
		END LOOP;
		SET CONSTRAINTS ALL DEFERRED;
	END;
	FOR u IN SELECT * FROM fairlead.undo WHERE chain = p_chain AND seq >= p_first ORDER BY id DESC LOOP
		v_n := v_n + 1;
		IF u.rel = 'fairlead.item'::regclass THEN
			-- An item is not deleted: one row a key, ever (INV-4). It loses its cause; what is in no batch can be revived.
			UPDATE fairlead.item
			   SET cause = NULL, state = CASE WHEN state IN ('waiting', 'parked') THEN 'void' ELSE state END
			 WHERE id = (u.key->>'id')::bigint;
		ELSE
			EXECUTE format('SELECT fairlead_undo.%I($1, $2, $3, $4)', fairlead.code_name('r_', u.rel))
				INTO v_odd USING u.op, u.key, u.old, u.new;
			IF v_odd IS NOT NULL THEN
				INSERT INTO fairlead.odd (kind, what) VALUES ('undo', format('%s %s of number %s: %s', u.rel, u.key, u.seq, v_odd));
			END IF;
		END IF;
	END LOOP;
	IF v_rep THEN
		PERFORM set_config('session_replication_role', 'origin', true);
	ELSE
		SET CONSTRAINTS ALL IMMEDIATE;
	END IF;
	-- After the deferred checks: a table with pending trigger events can't be altered.
	FOREACH t IN ARRAY v_off LOOP
		EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', t);
	END LOOP;
	DELETE FROM fairlead.undo WHERE chain = p_chain AND seq >= p_first;
	RETURN v_n;
END $$;
