-- Rights: one group role a program, NOLOGIN; a program logs in with a role that is a member of its own. The owner of the schema
-- migrates, declares and compiles. Where the owner may not create roles, everything runs as the owner (single-role mode); roles
-- that somebody creates meanwhile are served at the next install.

DO $$
DECLARE r text;
BEGIN
	FOREACH r IN ARRAY ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'] LOOP
		BEGIN
			IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fairlead_' || r) THEN
				EXECUTE format('CREATE ROLE %I NOLOGIN', 'fairlead_' || r);
			END IF;
		EXCEPTION
			WHEN duplicate_object OR unique_violation THEN
				NULL; -- roles are cluster-wide: another database was faster
			WHEN insufficient_privilege THEN
				RAISE NOTICE 'no right to create role fairlead_%: the programs run as the owner of the schema', r;
		END;
	END LOOP;
END $$;

-- GRANT p_what TO each of p_programs that has a role.
CREATE FUNCTION fairlead.grant_to(p_programs text[], p_what text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname = ANY (SELECT 'fairlead_' || p FROM unnest(p_programs) p) LOOP
		EXECUTE format('GRANT %s TO %I', p_what, r);
	END LOOP;
END $$;

-- A submitter can't touch the listener's lane. Where there are no roles there is only the owner, who is not asked.
CREATE FUNCTION fairlead.lane_policies() RETURNS void LANGUAGE plpgsql AS $$
DECLARE p record;
BEGIN
	IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = 'fairlead.lane'::regclass) THEN
		ALTER TABLE fairlead.lane ENABLE ROW LEVEL SECURITY;
		CREATE POLICY seen ON fairlead.lane FOR SELECT USING (true);
	END IF;
	FOR p IN SELECT * FROM (VALUES
		('fairlead_listener', 'name LIKE ''listen:%'''), ('fairlead_batcher', 'name LIKE ''apply:%'''),
		('fairlead_submitter', 'name LIKE ''send:%'''), ('fairlead_reconciler', 'name = ''clock''')) v(role, holds)
		WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = role)
		  AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = 'fairlead.lane'::regclass AND polname = role) LOOP
		EXECUTE format('CREATE POLICY %1$I ON fairlead.lane TO %1$I USING (%2$s)', p.role, p.holds);
	END LOOP;
END $$;

-- Rights on the engine's own tables.
CREATE FUNCTION fairlead.grant_engine() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_four  text[] := ARRAY['listener', 'batcher', 'submitter', 'reconciler'];
	v_front text[] := v_four || 'gateway'::text;
	v_table text;
BEGIN
	PERFORM fairlead.grant_to(v_front, 'USAGE ON SCHEMA fairlead, files');
	PERFORM fairlead.grant_to(v_four, 'SELECT ON ALL TABLES IN SCHEMA fairlead');
	-- Signed bytes are not for the public door: those of an unmined attempt are money.
	FOR v_table IN SELECT relname FROM pg_class
	                WHERE relnamespace = 'fairlead'::regnamespace AND relkind IN ('r', 'v') AND relname <> 'attempt' LOOP
		PERFORM fairlead.grant_to(ARRAY['gateway'], format('SELECT ON fairlead.%I', v_table));
	END LOOP;
	PERFORM fairlead.grant_to(ARRAY['gateway'], 'SELECT (chain, signer, nonce, n, hash, fee, tip, kind, at) ON fairlead.attempt');

	PERFORM fairlead.grant_to(v_four, 'INSERT, UPDATE ON fairlead.lane, fairlead.counter');
	PERFORM fairlead.grant_to(v_four, 'INSERT ON fairlead.odd, fairlead.dead_letter');

	PERFORM fairlead.grant_to(ARRAY['listener'], 'INSERT, UPDATE, DELETE ON fairlead.block');
	PERFORM fairlead.grant_to(ARRAY['listener'], 'UPDATE ON fairlead.chain, fairlead.decl');
	PERFORM fairlead.grant_to(ARRAY['listener'], 'INSERT, UPDATE ON fairlead.reorg');
	PERFORM fairlead.grant_to(ARRAY['listener'], 'INSERT ON fairlead.retraction');
	PERFORM fairlead.grant_to(ARRAY['listener'], 'INSERT, DELETE ON fairlead.undecoded');
	PERFORM fairlead.grant_to(ARRAY['listener'], 'UPDATE, DELETE ON fairlead.event');

	PERFORM fairlead.grant_to(ARRAY['batcher'], 'INSERT, UPDATE ON fairlead.item, fairlead.batch');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'UPDATE (due) ON fairlead.batch_decl');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'INSERT, UPDATE, DELETE ON fairlead.parked, fairlead.position, fairlead.undo');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'UPDATE (cured) ON fairlead.dead_letter');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'UPDATE ON fairlead.file');
	PERFORM fairlead.grant_to(ARRAY['batcher'], 'USAGE ON SCHEMA fairlead_undo');

	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, UPDATE (batch, closed, closed_block, closed_hash, winner) ON fairlead.slot');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT ON fairlead.attempt, fairlead.attempt_item, fairlead.sending, fairlead.verdict');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, DELETE ON fairlead.account');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'UPDATE (state, reason, items, mined) ON fairlead.batch');
	PERFORM fairlead.grant_to(ARRAY['submitter', 'reconciler'],
		'UPDATE (state, reason, batch, tries, not_before, behind, at, shown, shown_block) ON fairlead.item');
	PERFORM fairlead.grant_to(ARRAY['submitter', 'reconciler'], 'UPDATE (done, failed) ON fairlead.batch_decl');

	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'UPDATE (closed, closed_block, closed_hash, winner) ON fairlead.slot');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'UPDATE (final, gone) ON fairlead.verdict');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'UPDATE (state, reason) ON fairlead.batch');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'UPDATE (cured) ON fairlead.dead_letter');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'INSERT, UPDATE ON fairlead.clock');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'INSERT, DELETE, UPDATE (prev) ON fairlead.block');
	PERFORM fairlead.grant_to(ARRAY['reconciler'], 'DELETE ON fairlead.undo, fairlead.account, fairlead.counter');
	PERFORM fairlead.lane_policies();
	BEGIN -- a superuser's gift; without it rollback_to needs the owner of the tables
		IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'fairlead_batcher')
		   AND NOT has_parameter_privilege('fairlead_batcher', 'session_replication_role', 'SET') THEN
			GRANT SET ON PARAMETER session_replication_role TO fairlead_batcher;
		END IF;
	EXCEPTION WHEN insufficient_privilege OR internal_error OR unique_violation THEN
		NULL; -- no right to give it, or another database of the cluster is giving it
	END;
END $$;

-- Rights on what the application declares: its events, files, tables and compiled rules. Again at each install.
CREATE FUNCTION fairlead.grant_app() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s record;
	t record;
BEGIN
	FOR s IN SELECT DISTINCT contract FROM fairlead.decl LOOP
		PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'reconciler', 'gateway'], format('USAGE ON SCHEMA %I', s.contract));
	END LOOP;
	FOR t IN SELECT rel FROM fairlead.decl LOOP
		PERFORM fairlead.grant_to(ARRAY['batcher', 'reconciler', 'gateway'], format('SELECT ON %s', t.rel));
		PERFORM fairlead.grant_to(ARRAY['listener'], format('SELECT, INSERT, UPDATE, DELETE ON %s', t.rel));
	END LOOP;
	FOR t IN SELECT format('files.%I', name) AS rel FROM fairlead.file LOOP
		PERFORM fairlead.grant_to(ARRAY['batcher'], 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ' || t.rel);
		PERFORM fairlead.grant_to(ARRAY['submitter', 'reconciler', 'gateway'], 'SELECT ON ' || t.rel);
	END LOOP;
	FOR t IN SELECT a.rel, n.nspname AS schema FROM fairlead.app_tables() a
	           JOIN pg_class c ON c.oid = a.rel JOIN pg_namespace n ON n.oid = c.relnamespace LOOP
		PERFORM fairlead.grant_to(ARRAY['batcher', 'reconciler', 'gateway'], format('USAGE ON SCHEMA %I', t.schema));
		PERFORM fairlead.grant_to(ARRAY['batcher', 'reconciler'], format('SELECT, INSERT, UPDATE, DELETE ON %s', t.rel));
		PERFORM fairlead.grant_to(ARRAY['gateway'], format('SELECT ON %s', t.rel));
		PERFORM fairlead.grant_to(ARRAY['batcher', 'reconciler'], format('USAGE, SELECT ON SEQUENCE %s', q.oid::regclass))
		   FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
		  WHERE d.refobjid = t.rel AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i');
	END LOOP;
	IF EXISTS (SELECT FROM pg_namespace WHERE nspname = 'fairlead_app') THEN
		PERFORM fairlead.grant_to(ARRAY['batcher', 'reconciler'], 'USAGE ON SCHEMA fairlead_app');
		PERFORM fairlead.grant_to(ARRAY['batcher', 'reconciler'], 'EXECUTE ON ALL FUNCTIONS IN SCHEMA fairlead_app');
	END IF;
END $$;

SELECT fairlead.grant_engine();
INSERT INTO fairlead.lane (name) VALUES ('clock');
