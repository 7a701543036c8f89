/* Undo: what rules wrote is taken back byte for byte, whatever the tables look like (DESIGN §3, model rules
 * A1, A2, A7). */
#include "test/unit/ledger/world.h"

/* Awkward tables: cascades, SET NULL, generated and identity columns, partitions with row moves, a trigger of
 * the application, json text, NaN, array bounds, a key of a user's type. */
static void tables(struct world *w)
{
	run(w,
		"CREATE TYPE mood AS ENUM ('sad', 'glad');"
		"CREATE TABLE parent (id int PRIMARY KEY, name text, extra json, j jsonb, f float8, a int[], m mood, "
		"at timestamptz);"
		"CREATE TABLE child (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, p int REFERENCES parent ON "
		"DELETE CASCADE ON UPDATE CASCADE,"
		" twice int GENERATED ALWAYS AS (p * 2) STORED, note bytea);"
		"CREATE TABLE loose (m mood, id int, p int REFERENCES parent ON DELETE SET NULL ON UPDATE CASCADE, "
		"PRIMARY KEY (id, m));"
		"CREATE TABLE parts (id int, k int, v numeric, PRIMARY KEY (id, k)) PARTITION BY LIST (k);"
		"CREATE TABLE parts0 PARTITION OF parts FOR VALUES IN (0); CREATE TABLE parts1 PARTITION OF parts "
		"DEFAULT;"
		"CREATE TABLE audit (id int PRIMARY KEY, n int);"
		"INSERT INTO audit VALUES (1, 0);"
		"CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.audit SET n = n "
		"+ 1; RETURN NULL; END $$;"
		"CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON parent FOR EACH ROW EXECUTE FUNCTION "
		"audit();"
		"SELECT fairlead.watch_all();"
		/* every row of every table, as text */
		"CREATE FUNCTION t.all() RETURNS text LANGUAGE sql AS $$ SELECT"
		" (SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '') FROM public.parent r) || '/' ||"
		" (SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '') FROM public.child r) || '/' ||"
		" (SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '') FROM public.loose r) || '/' ||"
		" (SELECT coalesce(string_agg(tableoid::regclass || r::text, E'\\n' ORDER BY r::text), '') FROM "
		"public.parts r) || '/' ||"
		" (SELECT coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '') FROM public.audit r) $$;"
		/* one random write of a rule at number s; what can't be done is as if it was not tried */
		"CREATE FUNCTION t.write(s bigint) RETURNS void LANGUAGE plpgsql AS $$"
		" DECLARE v_a int := random() * 8; v_b int := random() * 8; BEGIN"
		" PERFORM set_config('fairlead.chain', '1', true), set_config('fairlead.seq', s::text, true);"
		" BEGIN CASE (random() * 12)::int"
		"  WHEN 0, 1 THEN INSERT INTO parent VALUES (v_a, 'n' || s, '{\"a\" :  1}', 'null', 'NaN', "
		"'[2:3]={1,2}', 'sad', 'epoch')"
		"   ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, a = parent.a || 7;"
		"  WHEN 2 THEN UPDATE parent SET id = v_b WHERE id = v_a;"
		"  WHEN 3 THEN DELETE FROM parent WHERE id = v_a;"
		"  WHEN 4 THEN INSERT INTO child (p, note) VALUES (v_a, '\\x00ff');"
		"  WHEN 5 THEN UPDATE child SET p = v_b, note = NULL WHERE p = v_a;"
		"  WHEN 6 THEN DELETE FROM child WHERE p = v_a;"
		"  WHEN 7 THEN INSERT INTO loose VALUES ('glad', v_a, v_b);"
		"  WHEN 8 THEN UPDATE loose SET m = 'sad', id = v_b WHERE id = v_a;"
		"  WHEN 9 THEN INSERT INTO parts VALUES (v_a, v_b & 1, 1.50) ON CONFLICT DO NOTHING;"
		"  WHEN 10 THEN UPDATE parts SET k = 1 - k, v = v * 10 WHERE id = v_a;"
		"  WHEN 11 THEN UPDATE parent SET f = -0.0, extra = '[ ]', j = NULL, at = '2024-03-31 01:30+00' "
		"WHERE id = v_a;"
		"  ELSE DELETE FROM parts WHERE id = v_a; END CASE;"
		" EXCEPTION WHEN integrity_constraint_violation THEN NULL; END;"
		" PERFORM set_config('fairlead.seq', '', true); END $$;");
}

static void histories(struct world *w, int n)
{
	for (int i = 0; i < n; i++) {
		run(w, "BEGIN; SELECT setseed(%d / 1000.0)", i);
		/* a past that no reorg reaches, then numbers 1..30; a mark is kept at 15 */
		run(w, "SELECT t.write(0) FROM generate_series(1, 20); DELETE FROM fairlead.undo;"
			   "CREATE TEMP TABLE mark ON COMMIT DROP AS SELECT t.all() AS t0, ''::text AS t1");
		run(w, "SELECT t.write(s) FROM generate_series(1, 15) s; UPDATE mark SET t1 = t.all(); SELECT "
			   "t.write(s) FROM generate_series(16, 30) s");
		run(w, "SELECT fairlead.rollback_to(1::smallint, 16)");
		gives(w, "t", "SELECT t1 = t.all() FROM mark");
		run(w, "SELECT fairlead.rollback_to(1::smallint, 1)");
		gives(w, "t", "SELECT t0 = t.all() FROM mark");
		gives(w, "0|0", "SELECT (SELECT count(*) FROM fairlead.undo), (SELECT count(*) FROM fairlead.odd)");
		run(w, "COMMIT");
	}
}

static void random_histories(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	tables(&w);
	histories(&w, 60);
	gives(&w, "t", "SELECT count(*) > 3 FROM parent"); /* something was there to be undone */
	world_close(&w);
}

/* Without the right to session_replication_role: the owner of the tables switches their triggers off. */
static void random_histories_as_a_plain_owner(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	tables(&w);
	run(&w, "CREATE ROLE %s_o", w.name);
	run(&w,
		"GRANT ALL ON SCHEMA public, fairlead, fairlead_undo, t, app TO %s_o; GRANT ALL ON ALL TABLES IN "
		"SCHEMA fairlead, app TO %s_o",
		w.name, w.name);
	run(&w,
		"ALTER TABLE parent OWNER TO %s_o; ALTER TABLE child OWNER TO %s_o; ALTER TABLE loose OWNER TO %s_o; "
		"ALTER TABLE parts OWNER TO %s_o;"
		"ALTER TABLE parts0 OWNER TO %s_o; ALTER TABLE parts1 OWNER TO %s_o; ALTER TABLE audit OWNER TO %s_o",
		w.name, w.name, w.name, w.name, w.name, w.name, w.name);
	run(&w, "SET ROLE %s_o", w.name);
	refused(&w, "42501", "SET session_replication_role = replica");
	histories(&w, 40);
	run(&w, "RESET ROLE; REASSIGN OWNED BY %s_o TO CURRENT_USER; DROP OWNED BY %s_o; DROP ROLE %s_o", w.name,
		w.name, w.name);
	world_close(&w);
}

static void rule(struct world *w, int seq, const char *sql)
{
	run(w, "BEGIN; SELECT set_config('fairlead.chain', '1', true), set_config('fairlead.seq', '%d', true)",
		seq);
	run(w, "%s", sql);
	run(w, "COMMIT");
}

static void other_writers_keep_theirs(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "CREATE TABLE x (id int PRIMARY KEY, a int, b int); INSERT INTO x VALUES (1, 1, 1), (2, 1, 1); "
			"SELECT fairlead.watch_all()");
	rule(&w, 5, "UPDATE x SET a = 2");
	run(&w,
		"UPDATE x SET b = 9 WHERE id = 1; UPDATE x SET a = 7 WHERE id = 2"); /* by nobody's rule: no image */
	rule(&w, 6, "INSERT INTO x VALUES (3, 3, 3), (4, 4, 4); DELETE FROM x WHERE false");
	run(&w, "UPDATE x SET b = 8 WHERE id = 3");
	gives(&w, "4", "SELECT count(*) FROM fairlead.undo");
	run(&w, "SELECT fairlead.rollback_to(1::smallint, 5)");
	gives(&w, "1|1|9 2|7|1 3|3|8", "SELECT * FROM x ORDER BY id");
	gives(&w, "undo undo", "SELECT kind FROM fairlead.odd"); /* both conflicts are listed */
	world_close(&w);
}

static void what_a_rule_may_not(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE bare (a int); INSERT INTO bare VALUES "
			"(1); SELECT fairlead.watch_all()");
	refused(&w, "42809", "SELECT fairlead.watch('bare')");
	run(&w, "UPDATE bare SET a = 2; TRUNCATE bare, keyed"); /* outside rules everything goes */
	run(&w, "BEGIN; SELECT set_config('fairlead.chain', '1', true), set_config('fairlead.seq', '5', true); "
			"SAVEPOINT s");
	refused(&w, "42809", "INSERT INTO bare VALUES (3)");
	run(&w, "ROLLBACK TO s");
	refused(&w, "42809", "TRUNCATE keyed");
	run(&w, "ROLLBACK TO s; INSERT INTO keyed VALUES (1); COMMIT");
	gives(&w, "I|{\"id\": \"1\"}", "SELECT op, key FROM fairlead.undo");
	/* the key that it gets makes it whole */
	run(&w, "ALTER TABLE bare ADD PRIMARY KEY (a); SELECT fairlead.watch_all()");
	rule(&w, 6, "INSERT INTO bare VALUES (3)");
	gives(&w, "1", "SELECT fairlead.rollback_to(1::smallint, 6)");
	world_close(&w);
}

/* A table whose name or schema is not on the search path, a key whose = is not either. */
static void search_path_does_not_matter(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "CREATE SCHEMA far; CREATE TYPE far.kind AS ENUM ('a', 'b'); CREATE TABLE far.\"Odd Name\" "
			"(\"K\" far.kind PRIMARY KEY, \"v'\" far.kind[]);"
			"INSERT INTO far.\"Odd Name\" VALUES ('a', '{a}'); SELECT fairlead.watch_all()");
	rule(&w, 5,
		"SET LOCAL search_path = pg_catalog; UPDATE far.\"Odd Name\" SET \"v'\" = '{b,a}'; INSERT INTO "
		"far.\"Odd Name\" VALUES ('b', NULL)");
	run(&w, "SET search_path = pg_catalog; SELECT fairlead.rollback_to(1::smallint, 5)");
	gives(&w, "a|{a}", "SELECT * FROM far.\"Odd Name\"");
	world_close(&w);
}

static void pruning_keeps_what_a_lane_still_needs(void **state)
{
	(void)state;
	struct world w;
	world_found(&w);
	run(&w, "CREATE TABLE x (id int PRIMARY KEY); SELECT fairlead.watch_all(); SELECT t.blocks(1, 9); SELECT "
			"t.reveal(n, n) FROM generate_series(1, 9) n");
	for (int i = 1; i <= 9; i++) {
		char sql[64];
		snprintf(sql, sizeof sql, "INSERT INTO x VALUES (%d)", i);
		rule(&w, i, sql);
	}
	run(&w, "UPDATE fairlead.lane SET at = 9 WHERE name = 'apply:main'; SELECT fairlead.retract(1::smallint, "
			"1, 7)");
	run(&w, "SELECT t.blocks(7, 30, 'b'); SELECT fairlead.advance(1::smallint, 1, 30, 29); SELECT "
			"fairlead.prune(1, 1::smallint, 0)");
	gives(&w, "7", "SELECT min(seq) FROM fairlead.undo"); /* the lane has not come to the entry */
	gives(&w, "3", "SELECT fairlead.rollback_to(1::smallint, (SELECT first_seq FROM fairlead.reorg))");
	gives(&w, "6", "SELECT max(id) FROM x");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories),
		cmocka_unit_test(random_histories_as_a_plain_owner),
		cmocka_unit_test(other_writers_keep_theirs),
		cmocka_unit_test(what_a_rule_may_not),
		cmocka_unit_test(search_path_does_not_matter),
		cmocka_unit_test(pruning_keeps_what_a_lane_still_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
