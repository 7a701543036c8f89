/* The compiler against a real PostgreSQL: the ktty example and each kind of step, poison, finality and
 * reorgs. */
#include "app.h"

#define LET          "SELECT value AS code FROM files.codes WHERE key = :tokenId::text"
#define LET_OF(name) "SELECT value AS code FROM files.codes WHERE key = :" name "::text"
#define TABLES                                                                                     \
	"CREATE TABLE token_codes (token_id numeric PRIMARY KEY, code text, tx text, at timestamptz);" \
	"CREATE TABLE counted (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0 CHECK (n <> 666), note text)"

static void ktty(struct app *a)
{
	app_init(a, LET);
	app_do_batch(a, app_rule(a, "rule0", 0, NULL));
	app_do_batch(a, app_rule(a, "rule1", 1, "SELECT unnest(:tokenIds) AS \"tokenId\""));
	app_do_sql(a, app_rule(a, "rule2", 2, "SELECT * FROM unnest(:tokenIds, :codes) AS t(\"tokenId\", code)"),
		"INSERT INTO token_codes (token_id, code, tx, at) VALUES (:tokenId, :code, :tx.hash, :block.time) "
		"ON CONFLICT (token_id) DO UPDATE SET code = EXCLUDED.code, tx = EXCLUDED.tx, at = EXCLUDED.at");
}

static void world_of(struct world *w, struct app *a)
{
	world_open(w);
	world_declare(w, a, TABLES);
	world_compile(w, a);
}

static void end(struct world *w, struct app *a)
{
	world_close(w);
	app_fini(a);
}

static void codes(struct world *w, int from, int to)
{
	q(w, "INSERT INTO files.codes SELECT g, 'code' || g FROM generate_series(%d, %d) g", from, to);
}

static void ktty_37_become_10_10_10_7(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	ktty(&a);
	world_of(&w, &a);
	codes(&w, 1, 100);
	for (int i = 1; i <= 12; i++)
		reveal(&w, 1, i);
	emit(&w, 2, "tokens_revealed", "token_ids", "(SELECT array_agg(g) FROM generate_series(13, 37) g)");
	assert_string_equal(
		APPLY(&w, "concat_ws(' ', from_seq, to_seq, head, events, items, undone, stop_seq)", 1000),
		"0 13 13 13 37 -1");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 2, false)"),
		"{1,2} 20 0 17");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 10, false)"),
		"{3} 10 0 7");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 10, false)"),
		"{} 0 0 7");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 10, true)"),
		"{4} 7 0 0");
	assert_string_equal(
		q(&w, "SELECT string_agg(items::text, ' ' ORDER BY id) FROM fairlead.batch"), "10 10 10 7");
	assert_string_equal(
		q(&w, "SELECT string_agg(key, ' ' ORDER BY turn, ordinal) FROM fairlead.item WHERE batch = 2"),
		"11 12 13 14 15 16 17 18 19 20");
	assert_string_equal(q(&w, "SELECT args FROM fairlead.item WHERE key = '37'"),
		"{\"code\": \"code37\", \"tokenId\": \"37\"}");
	/* the same token again: no item */
	reveal(&w, 3, 5);
	assert_string_equal(APPLY(&w, "concat_ws(' ', events, items)", 1000), "1 0");
	emit(&w, 4, "token_codes_updated", "token_ids, codes", "ARRAY[5, 6]::numeric[], ARRAY['a', 'b']");
	assert_string_equal(APPLY(&w, "events", 1000), "1");
	assert_string_equal(
		q(&w, "SELECT string_agg(token_id || code || tx, ' ' ORDER BY token_id) = '5a0x' || "
			  "encode(sha256('t15'), 'hex') || "
			  "' 6b0x' || encode(sha256('t15'), 'hex') FROM token_codes WHERE at = '2024-01-01 00:00:04Z'"),
		"t");
	end(&w, &a);
}

static void a_stale_epoch_is_fenced(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	const char *text;
	ktty(&a);
	world_of(&w, &a);
	assert_string_equal(raises(&w, "SELECT fairlead_app.apply_main(2, 10)", &text), "FL001");
	assert_string_equal(raises(&w, "SELECT fairlead_app.cut_reveal(2, 10, 1, true)", &text), "FL001");
	assert_string_equal(raises(&w, "SELECT fairlead_app.unpark_reveal(2, 0, 10)", &text), "FL001");
	assert_string_equal(raises(&w, "SELECT fairlead_app.bury_main(2, 1, '', '', 3, false)", &text), "FL001");
	end(&w, &a);
}

static void parked_and_released(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	ktty(&a);
	world_of(&w, &a);
	codes(&w, 1, 9);
	for (int i = 1; i <= 12; i++)
		reveal(&w, 1, i);
	APPLY(&w, "1", 1000);
	assert_string_equal(q(&w, "SELECT concat_ws(' ', batches, items, parked, waiting) FROM "
							  "fairlead_app.cut_reveal(1, 10, 5, true)"),
		"{1} 9 3 0");
	assert_string_equal(q(&w, "SELECT string_agg(key || ': ' || reason, ', ' ORDER BY turn) FROM "
							  "fairlead.item WHERE state = 'parked'"),
		"10: no_row file=\"tokenMapping.json\" column=\"code\" key=\"10\", 11: no_row "
		"file=\"tokenMapping.json\" column=\"code\" key=\"11\", 12: no_row file=\"tokenMapping.json\" "
		"column=\"code\" key=\"12\"");
	assert_string_equal(
		q(&w, "SELECT released || ' ' || behind FROM fairlead_app.unpark_reveal(1, 0, 100)"), "0 12");
	codes(&w, 11, 11);
	assert_string_equal(q(&w, "SELECT released FROM fairlead_app.unpark_reveal(1, 0, 100)"), "1");
	assert_string_equal(
		q(&w, "SELECT string_agg(key, ' ') FROM fairlead.item WHERE state = 'waiting' AND reason IS NULL"),
		"11");
	/* parked by its transaction: it had a row, so only another row releases it */
	q(&w, "UPDATE fairlead.item SET state = 'parked', batch = NULL, reason = 'InvalidTokenId()' WHERE key = "
		  "'3'");
	assert_string_equal(q(&w, "SELECT released FROM fairlead_app.unpark_reveal(1, 0, 100)"), "0");
	q(&w, "UPDATE files.codes SET value = 'other' WHERE key = '3'");
	assert_string_equal(q(&w, "SELECT released FROM fairlead_app.unpark_reveal(1, 0, 100)"), "1");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', batches, items) FROM fairlead_app.cut_reveal(1, 10, 5, true)"), "{2} 2");
	/* freed by a failed transaction while the file had lost its key: the same row is news again */
	q(&w, "UPDATE fairlead.item SET state = 'waiting', batch = NULL WHERE key = '5'; DELETE FROM files.codes "
		  "WHERE key = '5'");
	assert_string_equal(q(&w, "SELECT parked FROM fairlead_app.cut_reveal(1, 10, 5, true)"), "1");
	codes(&w, 5, 5);
	assert_string_equal(q(&w, "SELECT released FROM fairlead_app.unpark_reveal(1, 0, 100)"), "1");
	end(&w, &a);
}

/* Each event adds its token to `counted`; 666 breaks its check. */
static void counting(struct app *a)
{
	app_init(a, NULL);
	app_do_sql(a, app_rule(a, "count", 0, NULL),
		"INSERT INTO counted (id, n) VALUES (:tokenId, :tokenId) ON CONFLICT (id) DO UPDATE SET n = "
		"counted.n + 1");
}

static void one_poison_in_1001_stops_at_its_place(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	counting(&a);
	world_of(&w, &a);
	for (int i = 1; i <= 1001; i++)
		reveal(&w, 1, i == 600 ? 666 : i + 1000);
	assert_string_equal(
		APPLY(&w, "concat_ws(' ', from_seq, to_seq, events, stop_seq, stop_state, stop_text)", 2000),
		"0 599 599 600 23514 rule count: new row for relation \"counted\" violates check constraint "
		"\"counted_n_check\"");
	assert_string_equal(q(&w, "SELECT count(*) FROM counted"), "599");
	assert_string_equal(q(&w, "SELECT at FROM fairlead.lane WHERE name = 'apply:main'"), "599");
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, events, stop_seq)", 1), "599 599 0 600");
	assert_string_equal(q(&w, "SELECT fairlead_app.bury_main(1, 600, '23514', 'x', 3, false)"), "t");
	assert_string_equal(q(&w, "SELECT fairlead_app.bury_main(1, 600, '23514', 'x', 3, false)"), "f");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', lane, seq, left(what, 27), sqlstate, tries) FROM fairlead.dead_letter"),
		"apply:main 600 companions.token_revealed 0 23514 3");
	assert_string_equal(
		APPLY(&w, "concat_ws(' ', from_seq, to_seq, events, stop_seq)", 2000), "600 1001 401");
	assert_string_equal(q(&w, "SELECT count(*) FROM counted"), "1000");
	end(&w, &a);
}

static void a_deferred_constraint_is_found_by_halving(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	int calls = 0;
	app_init(&a, NULL);
	app_do_sql(
		&a, app_rule(&a, "child", 0, NULL), "INSERT INTO child (id, parent) VALUES (:tokenId, :tokenId)");
	world_open(&w);
	world_declare(&w, &a,
		"CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int "
		"REFERENCES parent "
		"DEFERRABLE INITIALLY DEFERRED); INSERT INTO parent SELECT generate_series(1, 60)");
	world_compile(&w, &a);
	q(&w, "DELETE FROM parent WHERE id = 41");
	for (int i = 1; i <= 60; i++)
		reveal(&w, 1, i);
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events, stop_seq)", 1000), "30 30");
	while (strcmp(APPLY(&w, "coalesce(stop_seq, 0)", 1000), "41") != 0)
		assert_true(++calls < 20);
	assert_string_equal(q(&w, "SELECT count(*) || ' ' || max(id) FROM child"), "40 40");
	assert_string_equal(q(&w, "SELECT fairlead_app.bury_main(1, 41, '23503', 'x', 3, false)"), "t");
	APPLY(&w, "1", 1000);
	assert_string_equal(q(&w, "SELECT count(*) FROM child"), "59");
	end(&w, &a);
}

static void a_renamed_column_stops_the_lane_and_buries_nothing(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	const char *text;
	counting(&a);
	world_of(&w, &a);
	reveal(&w, 1, 1);
	q(&w, "ALTER TABLE counted RENAME n TO m");
	assert_string_equal(raises(&w, "SELECT fairlead_app.apply_main(1, 10)", &text), "42703");
	assert_non_null(strstr(text, "rule count, event 1: column \"n\" of relation \"counted\" does not exist"));
	assert_string_equal(q(&w, "SELECT at FROM fairlead.lane WHERE name = 'apply:main'"), "0");
	q(&w, "ALTER TABLE counted RENAME m TO n");
	assert_string_equal(APPLY(&w, "to_seq", 10), "1");
	end(&w, &a);
}

static void what_a_reorg_takes_is_undone_and_applied_again(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	counting(&a);
	app_do_batch(&a, app_rule(&a, "items", 0, NULL));
	world_of(&w, &a);
	for (int i = 1; i <= 6; i++)
		reveal(&w, i, i % 3 + 1);
	APPLY(&w, "1", 1000);
	assert_string_equal(
		q(&w, "SELECT string_agg(id || ':' || n, ' ' ORDER BY id) FROM counted"), "1:2 2:3 3:4");
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 3)");
	w.seq = 7;
	reveal(&w, 3, 9);
	/* a run ends before the entry, the entry is a call of its own */
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, events, undone > 0)", 1000), "6 7 0 t");
	assert_string_equal(q(&w, "SELECT string_agg(id || ':' || n, ' ' ORDER BY id) FROM counted"), "2:2 3:3");
	assert_string_equal(q(&w, "SELECT string_agg(key || state, ' ' ORDER BY key) FROM fairlead.item"),
		"1void 2waiting 3waiting");
	assert_string_equal(
		APPLY(&w, "concat_ws(' ', from_seq, to_seq, events, undone, items)", 1000), "7 8 1 -1 1");
	assert_string_equal(
		q(&w, "SELECT string_agg(id || ':' || n, ' ' ORDER BY id) FROM counted"), "2:2 3:3 9:9");
	reveal(&w, 4, 1); /* comes back: its item lives again, once */
	assert_string_equal(APPLY(&w, "items", 1000), "1");
	assert_string_equal(q(&w, "SELECT string_agg(key || state, ' ' ORDER BY turn) FROM fairlead.item"),
		"2waiting 3waiting 9waiting 1waiting");
	/* in front of an entry a run stops short */
	reveal(&w, 5, 20);
	reveal(&w, 6, 21);
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 6)");
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, events)", 1000), "9 11 1");
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, undone)", 1000), "11 12 0");
	end(&w, &a);
}

static void final_rules_wait_for_the_block(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "sure", 0, NULL);
	r->at_final = true;
	app_do_sql(&a, r, "INSERT INTO counted (id, n) VALUES (:tokenId, :block.number)");
	app_do_batch(&a, app_rule(&a, "items", 0, NULL));
	world_of(&w, &a);
	for (int i = 1; i <= 6; i++)
		reveal(&w, i, i);
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', from_seq, to_seq, events) FROM fairlead_app.final_main(1, 100)"),
		"0 0 0");
	APPLY(&w, "1", 4);
	q(&w, "SELECT fairlead.advance(1::smallint, 1, 2, -1)");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', from_seq, to_seq, head, events) FROM fairlead_app.final_main(1, 100)"),
		"0 2 4 2");
	q(&w, "SELECT fairlead.advance(1::smallint, 1, 5, -1)");
	/* not beyond the cursor of the lane, whatever is final */
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', from_seq, to_seq, events) FROM fairlead_app.final_main(1, 100)"),
		"2 4 2");
	APPLY(&w, "1", 100);
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', from_seq, to_seq, events) FROM fairlead_app.final_main(1, 100)"),
		"4 5 1");
	assert_string_equal(
		q(&w, "SELECT string_agg(id || ':' || n, ' ' ORDER BY id) FROM counted"), "1:1 2:2 3:3 4:4 5:5");
	/* deeper than final, inside the window: what it wrote and its position are filed where the lane stood
	 * (A2) */
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 5)");
	APPLY(&w, "1", 100);
	assert_string_equal(q(&w, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM counted"), "1 2 3 4");
	assert_string_equal(q(&w, "SELECT at FROM fairlead.position WHERE name = 'final'"), "4");
	/* poison: stops there, is buried there */
	w.seq = 7;
	reveal(&w, 5, 5);
	q(&w, "INSERT INTO counted (id) VALUES (5)");
	APPLY(&w, "1", 100);
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', to_seq, stop_seq, stop_state) FROM fairlead_app.final_main(1, 100)"),
		"7 8 23505");
	assert_string_equal(q(&w, "SELECT fairlead_app.bury_main(1, 8, '23505', 'x', 3, true)"), "t");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', from_seq, to_seq, stop_seq) FROM fairlead_app.final_main(1, 100)"),
		"8 8");
	end(&w, &a);
}

static void a_let_parks_skips_or_is_an_error(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "parks", 1, "SELECT unnest(:tokenIds) AS id");
	app_do_let(&a, r, LET_OF("id"), MISSING_PARK);
	app_do_sql(&a, r, "INSERT INTO counted (id, note) VALUES (:id, :code)");
	r = app_rule(&a, "skips", 0, NULL);
	app_do_let(&a, r, LET_OF("tokenId"), MISSING_SKIP);
	app_do_sql(&a, r, "INSERT INTO counted (id, note) VALUES (:tokenId, :code)");
	r = app_rule(&a, "fails", 2, "SELECT unnest(:tokenIds) AS id");
	app_do_let(&a, r, LET_OF("id"), MISSING_ERROR);
	world_of(&w, &a);
	codes(&w, 1, 2);
	emit(&w, 1, "tokens_revealed", "token_ids", "ARRAY[1, 7, 2, 8]::numeric[]");
	reveal(&w, 2, 50);
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events, parked, stop_seq)", 100), "2 2 2");
	assert_string_equal(
		q(&w, "SELECT string_agg(id || note, ' ' ORDER BY id) FROM counted"), "1code1 2code2");
	assert_string_equal(q(&w, "SELECT string_agg(concat_ws(':', rule, ordinal, seq), ' ' ORDER BY ordinal) "
							  "FROM fairlead.parked"),
		"parks:2:1 parks:4:1");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', from_seq, to_seq, events, parked) FROM "
							  "fairlead_app.unpark_main(1, 0, 100)"),
		"0 1 0 2");
	codes(&w, 8, 8);
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', events, parked) FROM fairlead_app.unpark_main(1, 0, 100)"), "1 1");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', to_seq, events) FROM fairlead_app.unpark_main(1, 1, 100)"), "0");
	assert_string_equal(
		q(&w, "SELECT string_agg(id || note, ' ' ORDER BY id) FROM counted"), "1code1 2code2 8code8");
	/* released late, taken back with the suffix that stood when it was released, parked again with its event
	 */
	q(&w, "SELECT fairlead.retract(1::smallint, 1, 2)");
	APPLY(&w, "1", 100);
	assert_string_equal(
		q(&w, "SELECT string_agg(id || note, ' ' ORDER BY id) FROM counted"), "1code1 2code2");
	assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.parked"), "2");
	w.seq = 3;
	emit(&w, 3, "token_codes_updated", "token_ids, codes", "ARRAY[50]::numeric[], ARRAY['x']");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, stop_seq, stop_state, stop_text)", 100),
		"3 4 P0002 rule fails: its let has no row");
	end(&w, &a);
}

static void filters_lines_and_file_order(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "first", 3, NULL);
	app_where(&a, r, "level", "3");
	app_do_sql(&a, r, "INSERT INTO counted (id, note) VALUES (:level, 'first')");
	app_do_log(&a, r, "{who} at {level}, {others}, in {block.number}: {{{note}");
	r = app_rule(&a, "second", 3, NULL);
	app_do_sql(&a, r, "UPDATE counted SET note = note || ' second' WHERE id = :level");
	r = app_rule(&a, "late", 3, NULL);
	r->late_apply = true;
	app_do_sql(&a, r, "INSERT INTO counted (id, note) VALUES (:event.seq + 100, :event ->> 'source')");
	world_of(&w, &a);
	emit(&w, 1, "seen", "who, mark, level, good, note, others", "'0xab', '0xcd', 2, true, 'no', '{}'");
	emit(&w, 2, "seen", "who, mark, level, good, note, others",
		"'0xab', '0xcd', 3, true, E'a\x1f\"b', '{0x01,0x02}'");
	emit(&w, 3, "seen", "who, mark, level, good, note, others, _late",
		"'0xab', '0xcd', 3, true, 'late', '{}', true");
	assert_string_equal(APPLY(&w, "replace(lines[1], '0x' || encode(sha256('t2'), 'hex'), 'TX')", 100),
		"first\x1f"
		"Companions.Seen\x1fTX\x1f"
		"2\x1f"
		"0xab at 3, [\"0x01\", \"0x02\"], in 2: {a\x1f\"b");
	assert_string_equal(q(&w, "SELECT string_agg(id || ' ' || note, ', ' ORDER BY id) FROM counted"),
		"3 first second, 101 live, 102 live, 103 live");
	end(&w, &a);
}

static void bytes_go_as_text_or_raw(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, app_rule(&a, "r", 3, "SELECT :who AS w, unnest(:others) AS o"),
		"INSERT INTO raws VALUES (:event.seq, :mark, :tx.hash, :note, :others, :w, :o, :log.address, :mark, "
		":tx.hash, :block.hash)");
	world_open(&w);
	world_declare(&w, &a,
		"CREATE TABLE raws (id int PRIMARY KEY, mark bytea, tx bytea, note bytea, others bytea[], w text, o "
		"bytea, address "
		"text, mark_text text, tx_text varchar(80), block bytea)");
	world_compile(&w, &a);
	emit(&w, 1, "seen", "who, mark, level, good, note, others",
		"'0xab', '0xcd01', 2, true, '0x_é', '{0x0102}'");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, stop_text)", 100), "1");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', mark, tx = sha256('t1'), convert_from(note, 'UTF8'), "
							  "others, w, o, address, mark_text, tx_text = '0x' || "
							  "encode(tx, 'hex'), block = sha256('b1')) FROM raws"),
		"\\xcd01 t 0x_\xc3\xa9 {\"\\\\x0102\"} 0xab \\x0102 0xabababababababababababababababababababab "
		"0xcd01 t t");
	end(&w, &a);
}

/* A6: numeric against a bigint key would be a scan of the table for each event. */
static void a_bigint_key_is_found_by_its_index(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_sql(&a, app_rule(&a, "r", 0, NULL),
		"UPDATE counted SET note = CONCAT('t', :tokenId) WHERE id = :tokenId");
	/* cardinality needs a type to be declared; the key beside it must not get one */
	app_do_sql(&a, app_rule(&a, "s", 1, "SELECT unnest(:tokenIds) AS t"),
		"UPDATE counted SET note = note || '/' || cardinality(:tokenIds) WHERE id = :t");
	world_of(&w, &a);
	q(&w, "INSERT INTO counted SELECT g FROM generate_series(1000, 3000) g");
	q(&w, "ANALYZE counted");
	q(&w, "SELECT pg_stat_force_next_flush()");
	int read = atoi(q(&w, "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'counted'"));
	for (int i = 0; i < 20; i++)
		reveal(&w, 1, 1000 + i);
	emit(&w, 1, "tokens_revealed", "token_ids", "(SELECT array_agg(g) FROM generate_series(1000, 1019) g)");
	APPLY(&w, "1", 100);
	q(&w, "SELECT pg_stat_force_next_flush()");
	/* 2001 rows for each of the 40 statements, if it were by scans */
	assert_in_range(
		atoi(q(&w, "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'counted'")) - read, 0,
		20000);
	assert_string_equal(q(&w, "SELECT count(*) FROM counted WHERE note = 't' || id || '/20'"), "20");
	emit(&w, 2, "token_revealed", "token_id", "2::numeric ^ 200"); /* no bigint: the event's own fault */
	assert_string_equal(APPLY(&w, "concat_ws(' ', stop_seq, stop_state)", 100), "22 22003");
	end(&w, &a);
}

static void a_let_that_raises_parks_its_item_only(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, "SELECT 100 / (:tokenId - 3) AS share, ARRAY[:tokenId, 1] AS list");
	app_do_batch(&a, app_rule(&a, "rule0", 0, NULL));
	world_of(&w, &a);
	for (int i = 1; i <= 5; i++)
		reveal(&w, 1, i);
	APPLY(&w, "1", 100);
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', batches, items, parked) FROM fairlead_app.cut_reveal(1, 2, 5, true)"),
		"{1,2} 4 1");
	assert_string_equal(q(&w, "SELECT key || ' ' || reason FROM fairlead.item WHERE state = 'parked'"),
		"3 let_raises batch=\"reveal\" text=\"division by zero\"");
	assert_string_equal(q(&w, "SELECT args FROM fairlead.item WHERE key = '5'"),
		"{\"list\": \"[5, 1]\", \"share\": \"50\", \"tokenId\": \"5\"}");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', released, behind) FROM fairlead_app.unpark_reveal(1, 0, 10)"), "0 3");
	end(&w, &a);
}

static void items_wait_for_their_next_try(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	app_do_batch(&a, app_rule(&a, "rule0", 0, NULL));
	world_of(&w, &a);
	for (int i = 1; i <= 3; i++)
		reveal(&w, 1, i);
	APPLY(&w, "1", 100);
	q(&w, "UPDATE fairlead.item SET not_before = clock_timestamp() + interval '1 hour' WHERE key = '1'");
	q(&w, "UPDATE fairlead.item SET at = clock_timestamp() - interval '5 s' WHERE key = '2'");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', waiting, oldest_ms BETWEEN 5000 AND 60000, next_ms "
							  "BETWEEN 3500000 AND 3600000) FROM "
							  "fairlead_app.peek_reveal()"),
		"2 t t");
	assert_string_equal(q(&w, "SELECT concat_ws(' ', items, waiting, oldest_ms, next_ms > 0) FROM "
							  "fairlead_app.cut_reveal(1, 10, 1, true)"),
		"2 0 0 t");
	q(&w, "UPDATE fairlead.item SET not_before = clock_timestamp() WHERE key = '1'");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', items, waiting, next_ms) FROM fairlead_app.cut_reveal(1, 10, 1, true)"),
		"1 0 -1");
	end(&w, &a);
}

/* A run of plain items alone is one statement. It must leave what the loop leaves: here beside the loop,
 * which an event of another type in the same run, or one key twice, brings about. */
static void one_statement_does_what_the_loop_does(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	char seen[4096] = "";
	ktty(&a);
	world_of(&w, &a);
	for (int loop = 0; loop < 2; loop++) {
		q(&w, "BEGIN");
		w.seq = 0;
		for (int i = 1; i <= 8; i++)
			reveal(&w, i, i);
		q(&w, "UPDATE companions.token_revealed SET _late = true WHERE _seq = 3");
		q(&w, "UPDATE fairlead.chain SET floor_seq = 5");
		q(&w, "INSERT INTO fairlead.item (batch_of, key, chain, cause, args, state) VALUES ('reveal', '6', "
			  "1, NULL, '{}', 'void'), ('reveal', "
			  "'7', 1, NULL, '{}', 'dead'), ('reveal', '8', 1, 1, '{}', 'waiting')");
		if (loop)
			emit(&w, 9, "token_codes_updated", "token_ids, codes", "'{}', '{}'");
		assert_string_equal(APPLY(&w, "concat_ws(' ', events, items)", 1000), loop ? "9 6" : "8 6");
		const char *is =
			q(&w, "SELECT (SELECT jsonb_agg(to_jsonb(i) - 'id' - 'at' - 'made' - 'turned' ORDER BY key) "
				  "FROM fairlead.item i)::text || (SELECT "
				  "jsonb_agg(jsonb_build_array(u.seq, u.rel::regclass, op, i.key) ORDER BY "
				  "i.key) FROM fairlead.undo u JOIN "
				  "fairlead.item i ON i.id = (u.key->>'id')::bigint)::text");
		if (loop)
			assert_string_equal(is, seen);
		else
			snprintf(seen, sizeof(seen), "%s", is);
		q(&w, "ROLLBACK");
	}
	w.seq = 0;
	reveal(&w, 1, 5);
	reveal(&w, 1, 5);
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events, items, stop_seq)", 1000), "2 2 1");
	end(&w, &a);
}

static void numbers_that_no_rule_names_cost_nothing(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "sure", 1, NULL);
	r->at_final = true;
	app_do_sql(&a, r, "INSERT INTO counted (id) VALUES (:event.seq)");
	app_do_batch(&a, app_rule(&a, "items", 0, NULL));
	world_of(&w, &a);
	for (int i = 1; i <= 30; i++)
		emit(&w, 1, "seen", "who, mark, level, good, note, others", "'0xab', '0xcd', 3, true, '', '{}'");
	reveal(&w, 1, 1);
	reveal(&w, 1, 2);
	emit(&w, 1, "tokens_revealed", "token_ids", "'{}'");
	q(&w, "SELECT fairlead.advance(1::smallint, 1, 1, -1)");
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, events)", 1), "0 31 1");
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, events)", 1), "31 32 1");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', from_seq, to_seq, events) FROM fairlead_app.final_main(1, 1)"),
		"0 32 0");
	assert_string_equal(APPLY(&w, "concat_ws(' ', from_seq, to_seq, events)", 1), "32 33 0");
	assert_string_equal(
		q(&w, "SELECT concat_ws(' ', from_seq, to_seq, events) FROM fairlead_app.final_main(1, 1)"),
		"32 33 1");
	end(&w, &a);
}

/* ── one INSERT over a run ── */

#define INSERT_TABLES                                                                                      \
	"CREATE TABLE sums (id numeric PRIMARY KEY, n bigint DEFAULT 7, at timestamptz, note text, log int);"  \
	"CREATE TABLE watched (id numeric PRIMARY KEY); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql " \
	"AS $$ BEGIN "                                                                                         \
	"RETURN NEW; END $$; CREATE TRIGGER own BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION f();"   \
	"CREATE TABLE family (id numeric PRIMARY KEY, parent numeric REFERENCES family);"                      \
	"CREATE FUNCTION mine(numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT count(*) FROM sums $$;"       \
	"CREATE TABLE made (id numeric PRIMARY KEY, n numeric DEFAULT mine(1));"                               \
	"CREATE SCHEMA t; CREATE TABLE t.statements (n int); INSERT INTO t.statements VALUES (0); CREATE "     \
	"FUNCTION g() RETURNS "                                                                                \
	"trigger LANGUAGE "                                                                                    \
	"plpgsql AS $$ BEGIN UPDATE t.statements SET n = n + 1; RETURN NULL; END $$; CREATE TRIGGER "          \
	"zz_fairlead_z AFTER "                                                                                 \
	"INSERT ON sums EXECUTE FUNCTION g();"

static void insert_world(struct world *w, struct app *a, const char *sql)
{
	app_init(a, NULL);
	app_do_sql(a, app_rule(a, "r", 0, NULL), sql);
	world_open(w);
	world_declare(w, a, INSERT_TABLES);
	world_compile(w, a);
}

static void which_insert_can_be_one_statement(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool one;
	} cases[] = {
		{"INSERT INTO sums VALUES (:tokenId)", true},
		{"INSERT INTO public.sums (id, at, note) VALUES (:tokenId, :block.time, 'x, (' || :tx.hash) -- )",
			true},
		{"INSERT INTO sums AS s (id, n) VALUES (:tokenId, 1) ON CONFLICT (id) DO UPDATE SET n = s.n + "
		 "coalesce(EXCLUDED.n, 0) WHERE s.n < 5",
			true},
		{"INSERT INTO sums (id, note) VALUES (:tokenId + 1, random()) ON CONFLICT DO NOTHING", true},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, '5')", true},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, 1), (:tokenId + 1, 2)", false},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, DEFAULT)", false},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, (SELECT count(*) FROM made))", false},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, mine(1))", false},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, 1) ON CONFLICT (id) DO UPDATE SET n = :tokenId", false},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, 1) ON CONFLICT (id) DO UPDATE SET n = mine(1)", false},
		{"INSERT INTO sums (id, n) VALUES (:tokenId, 1) ON CONFLICT (id) DO UPDATE SET n = (SELECT max(id) "
		 "FROM made)",
			false},
		{"INSERT INTO sums (id) VALUES (:tokenId) RETURNING id", false},
		{"INSERT INTO sums (id) SELECT :tokenId", false},
		{"WITH x AS (SELECT 1) INSERT INTO sums (id) VALUES (:tokenId)", false},
		{"INSERT INTO watched VALUES (:tokenId)", false},
		{"INSERT INTO family VALUES (:tokenId, NULL)", false},
		{"INSERT INTO made (id) VALUES (:tokenId)", false},
		{"DELETE FROM sums WHERE id = :tokenId", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct app a;
		struct world w;
		insert_world(&w, &a, cases[i].sql);
		const char *got =
			q(&w, "SELECT prosrc LIKE '%%ORDER BY e._seq%%' FROM pg_proc WHERE proname = 'apply_main'");
		if (got[0] != (cases[i].one ? 't' : 'f'))
			fail_msg("%s is %s", cases[i].sql, cases[i].one ? "not one statement" : "one statement");
		end(&w, &a);
	}
}

/* The same events with and without a window: the loop, which keeps images, says what is right. */
static void an_insert_over_a_run_does_what_the_loop_does(void **state)
{
	(void)state;
	static const char *const sqls[] = {"INSERT INTO sums (id, n, at, note, log) VALUES (:tokenId, 1, "
									   ":block.time, :event.source || :tx.hash || "
									   ":block.number, :log.index) ON CONFLICT (id) DO UPDATE SET n = sums.n "
									   "+ EXCLUDED.n, note = EXCLUDED.note",
		"INSERT INTO sums (id, n, log) VALUES (:tokenId, 1, :log.index) ON CONFLICT DO NOTHING"};
	for (size_t i = 0; i < 2; i++) {
		char got[2][8192];
		for (int below = 0; below < 2; below++) {
			struct app a;
			struct world w;
			insert_world(&w, &a, sqls[i]);
			for (int n = 1; n <= 30; n++)
				reveal(&w, n, n <= 15 ? n : n * 7 % 20); /* the second half has keys twice */
			q(&w, "UPDATE companions.token_revealed SET _late = true WHERE _seq IN (3, 22)");
			if (below)
				q(&w, "UPDATE fairlead.chain SET floor_seq = 11"); /* a run ends before the window */
			assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events, stop_seq)", 10), "10 10");
			assert_string_equal(q(&w, "SELECT n FROM t.statements"), below ? "1" : "9"); /* one is late */
			if (below)
				q(&w, "UPDATE fairlead.chain SET floor_seq = 100");
			assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 20), "30 20");
			if (below)
				assert_string_equal(q(&w, "SELECT count(*) FROM fairlead.undo"), "0");
			snprintf(got[below], sizeof got[0], "%s",
				q(&w, "SELECT string_agg(s::text, ' ' ORDER BY id) FROM sums s"));
			end(&w, &a);
		}
		assert_string_equal(got[0], got[1]);
	}
}

/* Poison, and where:, as the loop has them. */
static void an_insert_over_a_run_finds_its_poison(void **state)
{
	(void)state;
	struct app a;
	struct world w;
	app_init(&a, NULL);
	struct rule_decl *r = app_rule(&a, "r", 3, NULL);
	app_do_sql(
		&a, r, "INSERT INTO counted (id, n) VALUES (:event.seq, CASE :note WHEN 'bad' THEN 666 ELSE 1 END)");
	static const char *const notes[] = {"bad", "good"};
	struct where_decl where[] = {{.field = "note", .values = notes, .nvalues = 2, .at = r->at}};
	r->where = where;
	r->nwhere = 1;
	world_open(&w);
	world_declare(&w, &a, TABLES);
	world_compile(&w, &a);
	assert_string_equal(
		q(&w, "SELECT prosrc LIKE '%%ORDER BY e._seq%%' FROM pg_proc WHERE proname = 'apply_main'"), "t");
	q(&w, "UPDATE fairlead.chain SET floor_seq = 100");
	static const char *const values[] = {"good", "other", "bad", "good"};
	for (int i = 0; i < 4; i++) {
		char row[200];
		snprintf(row, sizeof row, "'0xaa', '0xbb', 1, true, '%s', '{}'", values[i]);
		emit(&w, i + 1, "seen", "who, mark, level, good, note, others", row);
	}
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events, stop_seq, stop_state)", 10), "2 2 3 23514");
	assert_string_equal(q(&w, "SELECT fairlead_app.bury_main(1, 3, '23514', 'x', 3, false)"), "t");
	assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events, stop_seq)", 10), "4 1");
	assert_string_equal(q(&w, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM counted"), "1 4");
	end(&w, &a);
}

/* R4: what was found below the window is only stored, unless the rule says late: apply. */
static void late_events_are_stored_or_applied(void **state)
{
	(void)state;
	for (int apply = 0; apply < 2; apply++)
		for (int below = 0; below < 2; below++) {
			struct app a;
			struct world w;
			app_init(&a, NULL);
			struct rule_decl *r = app_rule(&a, "r", 0, NULL);
			app_do_sql(&a, r, "INSERT INTO counted (id, note) VALUES (:tokenId, :event.source)");
			r->late_apply = apply;
			world_open(&w);
			world_declare(&w, &a, TABLES);
			world_compile(&w, &a);
			for (int i = 1; i <= 3; i++)
				reveal(&w, i, i);
			q(&w, "UPDATE companions.token_revealed SET _late = true WHERE _seq = 2;"
				  "UPDATE companions.token_revealed SET _swept = true WHERE _seq > 1");
			if (below)
				q(&w, "UPDATE fairlead.chain SET floor_seq = 100");
			assert_string_equal(APPLY(&w, "concat_ws(' ', to_seq, events)", 10), "3 3");
			assert_string_equal(q(&w, "SELECT string_agg(id || note, ' ' ORDER BY id) FROM counted"),
				apply ? "1live 2swept 3swept" : "1live 3swept");
			end(&w, &a);
		}
}

static int run(const struct CMUnitTest *tests, size_t n)
{
	if (!getenv("FAIRLEAD_TEST_PG")) {
		print_message("skipped: FAIRLEAD_TEST_PG is not set (conninfo of a PostgreSQL superuser)\n");
		return 0;
	}
	return _cmocka_run_group_tests("compile", tests, n, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ktty_37_become_10_10_10_7),
		cmocka_unit_test(a_stale_epoch_is_fenced),
		cmocka_unit_test(parked_and_released),
		cmocka_unit_test(one_poison_in_1001_stops_at_its_place),
		cmocka_unit_test(a_deferred_constraint_is_found_by_halving),
		cmocka_unit_test(a_renamed_column_stops_the_lane_and_buries_nothing),
		cmocka_unit_test(what_a_reorg_takes_is_undone_and_applied_again),
		cmocka_unit_test(final_rules_wait_for_the_block),
		cmocka_unit_test(a_let_parks_skips_or_is_an_error),
		cmocka_unit_test(filters_lines_and_file_order),
		cmocka_unit_test(bytes_go_as_text_or_raw),
		cmocka_unit_test(a_bigint_key_is_found_by_its_index),
		cmocka_unit_test(a_let_that_raises_parks_its_item_only),
		cmocka_unit_test(items_wait_for_their_next_try),
		cmocka_unit_test(one_statement_does_what_the_loop_does),
		cmocka_unit_test(numbers_that_no_rule_names_cost_nothing),
		cmocka_unit_test(which_insert_can_be_one_statement),
		cmocka_unit_test(an_insert_over_a_run_does_what_the_loop_does),
		cmocka_unit_test(an_insert_over_a_run_finds_its_poison),
		cmocka_unit_test(late_events_are_stored_or_applied),
	};
	return run(tests, sizeof(tests) / sizeof(tests[0]));
}
