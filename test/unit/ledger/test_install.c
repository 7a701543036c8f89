/* install: from an empty database to a running application, once, whoever is first; and every way in which it
 * says no. */
#include "common/ledger/install.h"
#include "test/unit/io/spin.h"
#include "test/unit/ledger/world.h"

#include <sys/wait.h>

/* ── an application in memory ── */

struct file {
	const char *path, *text;
};
static const struct file *files; /* ended by a zero path */

static const char *one_env(void *arg, const char *name)
{
	(void)arg;
	return text_is(name, "KEY") ? "0x0101010101010101010101010101010101010101010101010101010101010101" : NULL;
}

static bool read_file(void *arg, const char *path, struct buf *out, struct err *e)
{
	(void)arg;
	if (text_is(path, "codes.json")) {
		buf_text(out, "{}");
		return true;
	}
	for (const struct file *f = files; f->path; f++)
		if (text_is(f->path, path)) {
			buf_text(out, f->text);
			return true;
		}
	return err_set(e, ERR_REJECTED, "%s is not there", path);
}

#define HEAD                                                        \
	"name: ktty\n"                                                  \
	"chains:\n"                                                     \
	"  main: { id: 31337, rpc: \"http://127.0.0.1:1\" }\n"          \
	"contracts:\n"                                                  \
	"  Companions:\n"                                               \
	"    chain: main\n"                                             \
	"    address: \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n" \
	"    abi:\n"
#define ABI                                                                 \
	"      - event TokenRevealed(uint256 indexed tokenId)\n"                \
	"      - event TokenCodesUpdated(uint256[] tokenIds, string[] codes)\n" \
	"      - function setBulkTokenCodes(uint256[] tokenIds, string[] codes)\n"
#define TAIL                                                                          \
	"signers:\n"                                                                      \
	"  owner: { chain: main, key: \"${KEY}\" }\n"                                     \
	"files:\n"                                                                        \
	"  codes: { path: codes.json }\n"                                                 \
	"batches:\n"                                                                      \
	"  reveal:\n"                                                                     \
	"    key: tokenId\n"                                                              \
	"    let: SELECT value AS code FROM files.codes WHERE key = :tokenId::text\n"     \
	"    send: Companions.setBulkTokenCodes(tokenId[], code[])\n"                     \
	"    signer: owner\n"                                                             \
	"rules:\n"                                                                        \
	"  - on: Companions.TokenRevealed\n"                                              \
	"    batch: reveal\n"                                                             \
	"  - on: Companions.TokenRevealed\n"                                              \
	"    sql: INSERT INTO seen (token_id) VALUES (:tokenId) ON CONFLICT DO NOTHING\n" \
	"  - name: mirror\n"                                                              \
	"    every: 5m\n"                                                                 \
	"    compare: SELECT token_id FROM seen\n"                                        \
	"    chain: Companions.codeOf(token_id)\n"
#define SEEN    "CREATE TABLE seen (token_id numeric PRIMARY KEY);\n"
#define CODE_OF "      - function codeOf(uint256 tokenId) view returns (uint256 token_id)\n"

static const struct file plain[] = {{"app.yaml", HEAD ABI CODE_OF "sql: a.sql\n" TAIL}, {"a.sql", SEEN}, {0}};
static const struct file two_files[] = {{"app.yaml", HEAD ABI CODE_OF "sql: [a.sql, b.sql]\n" TAIL},
	{"a.sql", SEEN}, {"b.sql", "INSERT INTO seen VALUES (7);\n"}, {0}};

static const struct file profiled[] = {
	{"app.yaml",
		HEAD ABI CODE_OF "sql: [a.sql, b.sql]\nprofile: b\nprofiles: { a: { C: 1 }, b: { C: 1 } }\n" TAIL},
	{"a.sql", SEEN}, {"b.sql", "INSERT INTO seen VALUES (7);\n"}, {0}};

static struct problems problems;
static struct err error;

static struct config *load(const struct file *f)
{
	static const struct config_source source = {.env = one_env, .read = read_file};
	files = f;
	problems_fini(&problems);
	problems = (struct problems){0};
	error = (struct err){0};
	struct config *c = config_load("app.yaml", &source, &problems);
	if (!c) {
		problems_print(&problems, stderr, false, "");
		fail_msg("the configuration of the test is wrong");
	}
	return c;
}

static enum install_result install_with(const char *conninfo, const struct file *f, enum install_mode mode)
{
	/* lives until the next one: the places of problems are its */
	static struct config *c;
	if (c)
		config_free(c);
	c = f ? load(f) : NULL;
	return c ? install(c, conninfo, mode, &problems, &error) : INSTALL_DONE;
}

static void expect(struct world *w, const struct file *f, enum install_mode mode, enum install_result want)
{
	enum install_result got = install_with(w->conninfo, f, mode);
	if (got != want) {
		for (size_t i = 0; i < problems.n; i++)
			print_error("%s:%d:%d: %s\n", problems.list[i].at.file, problems.list[i].at.line,
				problems.list[i].at.col, problems.list[i].text);
		fail_msg("result %d, not %d: %s", got, want, error.text);
	}
}

static void expect_problem(const char *file, int line, int col, const char *part)
{
	assert_int_equal(problems.n, 1);
	const struct problem *p = &problems.list[0];
	if (!text_is(p->at.file, file) || p->at.line != line || p->at.col != col || !strstr(p->text, part))
		fail_msg("%s:%d:%d: %s", p->at.file, p->at.line, p->at.col, p->text);
}

/* ── a look on a connection that is there anyhow ── */

struct looker {
	const struct config *c;
	bool up, done, stands;
	enum pg_outcome outcome;
};

static void on_up(void *arg)
{
	((struct looker *)arg)->up = true;
}

static void on_down(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
}

static void on_looked(void *arg, const struct pg_reply *r)
{
	struct looker *l = arg;
	l->done = true;
	l->outcome = r->outcome;
	l->stands = install_stands(r, l->c);
}

static bool stands(const struct world *w, const struct file *f)
{
	struct config *c = load(f);
	struct looker l = {.c = c};
	struct loop *loop = loop_new();
	const struct pg_options o = {.conninfo = w->conninfo, .application = "fairlead-test"};
	const struct pg_events ev = {.on_up = on_up, .on_down = on_down, .arg = &l};
	struct pg *pg = pg_open(loop, &o, &ev);
	spin_until(loop, l.up);
	struct pg_unit *u = pg_unit(pg);
	install_look(u, c);
	pg_unit_run(u, 0, on_looked, &l);
	spin_until(loop, l.done);
	pg_close(pg);
	loop_free(loop);
	config_free(c);
	return l.stands;
}

static void it_is_seen_whether_all_stands(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	assert_false(stands(&w, plain)); /* no schema at all */
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	assert_true(stands(&w, plain));
	assert_false(stands(&w, two_files));
	run(&w, "UPDATE fairlead.version SET schema = schema + 1");
	assert_false(stands(&w, plain)); /* what a newer program left is for install to judge */
	world_close(&w);
}

/* ── it installs ── */

static void an_empty_database(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "t|1", "SELECT schema = %d, oldest FROM fairlead.version", schema_version);
	gives(&w, "ktty|main|31337",
		"SELECT a.name, c.name, c.network FROM fairlead.application a, fairlead.chain c");
	gives(&w,
		"Companions.TokenCodesUpdated|companions.token_codes_updated "
		"Companions.TokenRevealed|companions.token_revealed",
		"SELECT title, rel FROM fairlead.decl ORDER BY title");
	gives(&w, "reveal|owner|10|3", "SELECT name, pool, max, tries FROM fairlead.batch_decl");
	gives(&w, "mirror", "SELECT name FROM fairlead.clock");
	gives(&w, "Companions|0x5FbDB2315678afecb367f032d93F642f64180aa3",
		"SELECT name, address FROM fairlead.contracts");
	gives(&w, "0|0|0",
		"SELECT (SELECT count(*) FROM companions.token_revealed), (SELECT count(*) FROM files.codes), "
		"(SELECT count(*) FROM seen)");
	gives(&w, "t", "SELECT count(*) >= 3 FROM pg_proc WHERE pronamespace = 'fairlead_app'::regnamespace");
	gives(&w, "zz_fairlead_truncate zz_fairlead_undo",
		"SELECT tgname FROM pg_trigger WHERE tgrelid = 'seen'::regclass ORDER BY 1");
	world_close(&w);
}

static void nothing_changed_is_nothing_done(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	run(&w, "UPDATE fairlead.application SET at = '2000-01-01'");
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "2000", "SELECT extract(year FROM at) FROM fairlead.application");
	/* another file: installed anew, the first one not applied again */
	expect(&w, two_files, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "t|7",
		"SELECT extract(year FROM at) > 2000, (SELECT token_id FROM seen) FROM fairlead.application");
	gives(&w, "1|a.sql 2|b.sql", "SELECT n, path FROM fairlead.applied_sql ORDER BY n");
	/* the same again changes no row */
	expect(&w, two_files, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "1", "SELECT count(*) FROM seen");
	/* nor does another profile with the same values, but what runs is told */
	gives(&w, "t", "SELECT profile IS NULL FROM fairlead.self");
	expect(&w, profiled, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "b", "SELECT profile FROM fairlead.self");
	gives(&w, "1", "SELECT count(*) FROM seen");
	world_close(&w);
}

/* Eight programs start together on an empty database. */
static void eight_starters(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	enum { N = 8 };
	pid_t child[N];
	struct config *c = load(plain);
	for (int i = 0; i < N; i++) {
		child[i] = fork();
		if (child[i])
			continue;
		enum install_result got;
		while ((got = install(c, w.conninfo, INSTALL_FOR_REAL, &problems, &error)) == INSTALL_BUSY)
			usleep(5000);
		_exit(got == INSTALL_DONE ? 0 : 1);
	}
	config_free(c);
	for (int i = 0; i < N; i++) {
		int status;
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	gives(&w, "t|1|1|2",
		"SELECT schema = %d, (SELECT count(*) FROM fairlead.application), (SELECT count(*) FROM "
		"fairlead.applied_sql),"
		" (SELECT count(*) FROM fairlead.decl) FROM fairlead.version",
		schema_version);
	world_close(&w);
}

static void busy_while_another_is_at_it(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	run(&w, "BEGIN; SELECT pg_advisory_xact_lock(5063270110)");
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_BUSY);
	run(&w, "COMMIT");
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	world_close(&w);
}

static void what_is_no_longer_declared_is_retired(void **state)
{
	(void)state;
	static const struct file fewer[] = {
		{"app.yaml", HEAD "      - event TokenRevealed(uint256 indexed tokenId)\n"
						  "sql: a.sql\nrules:\n  - on: Companions.TokenRevealed\n    log: \"{tokenId}\"\n"},
		{"a.sql", SEEN}, {0}};
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	expect(&w, fewer, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "Companions.TokenCodesUpdated|t Companions.TokenRevealed|f",
		"SELECT title, retired IS NOT NULL FROM fairlead.decl ORDER BY 1");
	gives(&w, "t|t|t",
		"SELECT b.retired IS NOT NULL, f.retired IS NOT NULL, c.retired IS NOT NULL"
		" FROM fairlead.batch_decl b, fairlead.file f, fairlead.clock c");
	gives(&w, "0", "SELECT count(*) FROM companions.token_codes_updated"); /* still readable */
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "0", "SELECT count(*) FROM fairlead.decl WHERE retired IS NOT NULL");
	world_close(&w);
}

/* ── --check ── */

static void check_leaves_nothing(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_CHECK, INSTALL_DONE);
	gives(&w, "0",
		"SELECT count(*) FROM pg_namespace WHERE nspname IN ('fairlead', 'companions', 'files', "
		"'fairlead_app')");
	gives(&w, "0", "SELECT count(*) FROM pg_class WHERE relname = 'seen'");
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	expect(&w, two_files, INSTALL_CHECK, INSTALL_DONE);
	gives(&w, "0", "SELECT count(*) FROM seen");
	world_close(&w);
}

/* ── mistakes of the application ── */

static void mistakes_have_their_place(void **state)
{
	(void)state;
	static const struct file bad_sql[] = {{"app.yaml", HEAD ABI CODE_OF "sql: a.sql\n" TAIL},
		{"a.sql", SEEN "-- ünd\nCREATE TABLE b (\n\ta numric PRIMARY KEY\n);\n"}, {0}};
	static const struct file syntax[] = {
		{"app.yaml", HEAD ABI CODE_OF "sql: a.sql\n" TAIL}, {"a.sql", SEEN "CREATE TABEL b ();\n"}, {0}};
	static const struct file commits[] = {
		{"app.yaml", HEAD ABI CODE_OF "sql: a.sql\n" TAIL}, {"a.sql", SEEN "COMMIT;\n"}, {0}};
	static const struct file keyless[] = {
		{"app.yaml", HEAD ABI CODE_OF "sql: a.sql\n" TAIL}, {"a.sql", SEEN "CREATE TABLE b (a int);\n"}, {0}};
	struct world w;
	world_open(&w);
	static const enum install_mode modes[] = {INSTALL_FOR_REAL, INSTALL_CHECK};
	for (size_t i = 0; i < 2; i++) {
		enum install_mode mode = modes[i];
		expect(&w, bad_sql, mode, INSTALL_PROBLEMS);
		expect_problem("a.sql", 4, 4, "type \"numric\" does not exist");
		expect(&w, syntax, mode, INSTALL_PROBLEMS);
		expect_problem("a.sql", 2, 8, "syntax error");
		expect(&w, commits, mode, INSTALL_PROBLEMS);
		expect_problem("a.sql", 1, 1, "EXECUTE of transaction commands");
		expect(&w, keyless, mode, INSTALL_PROBLEMS);
		expect_problem("a.sql", 1, 1, "table b has no primary key");
	}
	gives(&w, "0", "SELECT count(*) FROM pg_namespace WHERE nspname = 'fairlead'");
	world_close(&w);
}

static void an_applied_file_may_not_change(void **state)
{
	(void)state;
	static const struct file changed[] = {{"app.yaml", HEAD ABI CODE_OF "sql: a.sql\n" TAIL},
		{"a.sql", SEEN "CREATE TABLE more (a int PRIMARY KEY);\n"}, {0}};
	static const struct file renamed[] = {
		{"app.yaml", HEAD ABI CODE_OF "sql: x/a.sql\n" TAIL}, {"x/a.sql", SEEN}, {0}};
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	expect(&w, changed, INSTALL_FOR_REAL, INSTALL_PROBLEMS);
	expect_problem("a.sql", 1, 1, "put the change into a new file behind it");
	gives(&w, "0", "SELECT count(*) FROM pg_class WHERE relname = 'more'");
	expect(&w, renamed, INSTALL_FOR_REAL, INSTALL_DONE); /* another folder is not another file */
	world_close(&w);
}

static void rules_that_do_not_prepare(void **state)
{
	(void)state;
	static const struct file bad[] = {{"app.yaml", HEAD ABI CODE_OF "sql: a.sql\n" TAIL},
		{"a.sql", "CREATE TABLE sean (token_id int PRIMARY KEY);\n"}, {0}};
	struct world w;
	world_open(&w);
	expect(&w, bad, INSTALL_FOR_REAL, INSTALL_PROBLEMS);
	assert_true(problems.n >= 1);
	assert_non_null(strstr(problems.list[0].text, "seen"));
	gives(&w, "0", "SELECT count(*) FROM pg_class WHERE relname = 'sean'");
	world_close(&w);
}

static void an_event_may_not_change_its_shape(void **state)
{
	(void)state;
	static const struct file other[] = {
		{"app.yaml", HEAD "      - event TokenRevealed(uint256 indexed tokenId, address by)\n"
						  "rules:\n  - on: Companions.TokenRevealed\n    log: \"{tokenId}\"\n"},
		{0}};
	static const struct file as[] = {
		{"app.yaml", HEAD "      - event TokenRevealed(uint256 indexed tokenId, address by) as RevealedBy\n"
						  "rules:\n  - on: Companions.RevealedBy\n    log: \"{tokenId}\"\n"},
		{0}};
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	expect(&w, other, INSTALL_FOR_REAL, INSTALL_PROBLEMS);
	assert_int_equal(problems.n, 1);
	assert_non_null(strstr(problems.list[0].text, "another shape"));
	expect(&w, as, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "RevealedBy", "SELECT split_part(title, '.', 2) FROM fairlead.decl WHERE retired IS NULL");
	world_close(&w);
}

/* ── databases that don't fit ── */

static void versions(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	/* A11, P20: an older program works with a newer schema as long as that allows it, and compiles nothing
	 * over it */
	run(&w, "UPDATE fairlead.version SET schema = 1000; UPDATE fairlead.application SET at = '2000-01-01'");
	expect(&w, two_files, INSTALL_FOR_REAL, INSTALL_DONE);
	gives(&w, "1000|2000",
		"SELECT schema, extract(year FROM a.at) FROM fairlead.version, fairlead.application a");
	run(&w, "UPDATE fairlead.version SET oldest = 1000");
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_REFUSED);
	assert_non_null(strstr(error.text, "start a newer program"));
	expect(&w, plain, INSTALL_CHECK, INSTALL_REFUSED);
	world_close(&w);
}

static void another_application(void **state)
{
	(void)state;
	struct world w;
	world_open(&w);
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_DONE);
	run(&w, "UPDATE fairlead.application SET name = 'penguin'");
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_REFUSED);
	assert_non_null(strstr(error.text, "penguin"));
	run(&w, "UPDATE fairlead.application SET name = 'ktty', digest = ''");
	run(&w, "ALTER TABLE fairlead.chain DISABLE TRIGGER chain_guard; UPDATE fairlead.chain SET network = 1");
	expect(&w, plain, INSTALL_FOR_REAL, INSTALL_PROBLEMS);
	expect_problem("app.yaml", 3, 3, "has id 31337 here, and it was 1");
	world_close(&w);
}

static void away(void **state)
{
	(void)state;
	if (!world_server())
		skip();
	assert_int_equal(
		install_with("host=/nonexistent dbname=x password=hunter2", plain, INSTALL_FOR_REAL), INSTALL_AWAY);
	assert_int_equal(error.class, ERR_TRANSIENT);
	assert_null(strstr(error.text, "hunter2"));
}

/* A12: who may not prepare the database waits for whoever may. */
static void rights(void **state)
{
	(void)state;
	struct world w;
	char as[600];
	world_open(&w);
	run(&w, "CREATE ROLE %s_plain LOGIN; CREATE ROLE %s_owner LOGIN; ALTER DATABASE %s OWNER TO %s_owner",
		w.name, w.name, w.name, w.name);
	snprintf(as, sizeof as, "%s user=%s_plain", w.conninfo, w.name);
	assert_int_equal(install_with(as, plain, INSTALL_FOR_REAL), INSTALL_AWAY);
	assert_non_null(strstr(error.text, "start a program as its owner first"));
	snprintf(as, sizeof as, "%s user=%s_owner", w.conninfo, w.name);
	if (install_with(as, plain, INSTALL_FOR_REAL) != INSTALL_DONE)
		fail_msg("as the owner, no superuser: %s", error.text);
	snprintf(as, sizeof as, "%s user=%s_plain", w.conninfo, w.name);
	assert_int_equal(install_with(as, plain, INSTALL_FOR_REAL), INSTALL_AWAY);
	run(&w, "GRANT fairlead_listener TO %s_plain", w.name);
	assert_int_equal(install_with(as, plain, INSTALL_FOR_REAL), INSTALL_DONE);
	run(&w,
		"REASSIGN OWNED BY %s_owner TO CURRENT_USER; DROP OWNED BY %s_owner; DROP ROLE %s_plain, %s_owner",
		w.name, w.name, w.name, w.name);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_seen_whether_all_stands),
		cmocka_unit_test(an_empty_database),
		cmocka_unit_test(nothing_changed_is_nothing_done),
		cmocka_unit_test(eight_starters),
		cmocka_unit_test(busy_while_another_is_at_it),
		cmocka_unit_test(what_is_no_longer_declared_is_retired),
		cmocka_unit_test(check_leaves_nothing),
		cmocka_unit_test(mistakes_have_their_place),
		cmocka_unit_test(an_applied_file_may_not_change),
		cmocka_unit_test(rules_that_do_not_prepare),
		cmocka_unit_test(an_event_may_not_change_its_shape),
		cmocka_unit_test(versions),
		cmocka_unit_test(another_application),
		cmocka_unit_test(away),
		cmocka_unit_test(rights),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	install_with(NULL, NULL, INSTALL_CHECK);
	problems_fini(&problems);
	return failed;
}
