#include "test/unit/app/world.h"
#include "common/app/options.h"

static const struct option_decl extra[] = {{"--once", "[NAME]", OPTION_LOOK, "runs the clock NAME once"},
	{"--top", NULL, OPTION_LOOK, "the live screen"},
	{"--from", "BLOCK", OPTION_ACT, "reads again from there"},
	{"--replay", "A..B", OPTION_ACT, "applies those blocks again"}, {0}};
static const struct program_decl program = {
	"fairlead-reconciler", "finality, clocks and health", extra, NULL};
static const struct program_decl plain = {"fairlead-batcher", "rules", NULL, NULL};

static bool parse(struct options *o, const struct program_decl *p, struct err *e, const char *a,
	const char *b, const char *c, const char *d)
{
	const char *list[] = {"x", a, b, c, d, NULL};
	char *argv[6] = {0};
	int argc = 0;
	for (; list[argc]; argc++)
		argv[argc] = (char *)(uintptr_t)list[argc];
	return options_parse(o, p, argc, argv, e);
}

static void test_taken(void **state)
{
	(void)state;
	struct options o;
	struct err e;
	assert_true(parse(&o, &plain, &e, NULL, NULL, NULL, NULL));
	assert_string_equal(o.file, "fairlead.yaml");
	assert_true(parse(&o, &program, &e, "--check", "--print", "a.yaml", "--faults"));
	assert_true(o.check && o.print && o.faults && !o.help && !o.version && !o.once);
	assert_string_equal(o.file, "a.yaml");
	assert_true(parse(&o, &program, &e, "--health", "127.0.0.1:0", "--health=/run/x.sock", "-h"));
	assert_true(o.help);
	assert_string_equal(o.health[0], "127.0.0.1:0");
	assert_string_equal(o.health[1], "/run/x.sock");
	assert_null(o.health[2]);
	assert_true(parse(&o, &program, &e, "--once", "mirror", "a.yaml", NULL));
	assert_string_equal(o.once_name, "mirror");
	assert_true(o.once);
	assert_true(parse(&o, &program, &e, "--once", "a.yaml", NULL, NULL));
	assert_null(o.once_name);
	assert_string_equal(o.file, "a.yaml");
	assert_true(parse(&o, &program, &e, "--top", "--once", "--version", NULL));
	assert_true(o.top && o.once && o.version && !o.once_name);
	assert_true(parse(&o, &program, &e, "--from", "5", "--replay=1..9", "--once=all"));
	assert_true(o.has_from && !o.from_start && o.from == 5);
	assert_true(o.has_replay && o.replay_from == 1 && o.replay_to == 9);
	assert_string_equal(o.once_name, "all");
	assert_true(parse(&o, &program, &e, "--", "--check", NULL, NULL));
	assert_string_equal(o.file, "--check");
	assert_true(parse(&o, &program, &e, "-", NULL, NULL, NULL));
	assert_string_equal(o.file, "-");
}

/* What is done instead of running: one thing a call. */
static void test_commands(void **state)
{
	static const struct option_decl acts[] = {{"--cancel", "BATCH", OPTION_ACT, "don't send it"},
		{"--explain", "BATCH|TX", OPTION_LOOK, "its whole life"}, {0}};
	static const struct program_decl submitter = {"fairlead-submitter", "sends", acts, NULL};
	struct options o;
	struct err e = {0};
	(void)state;
	assert_true(parse(&o, &submitter, &e, "--cancel", "12", "a.yaml", NULL));
	assert_string_equal(o.command, "cancel");
	assert_string_equal(o.command_of, "12");
	assert_string_equal(o.file, "a.yaml");
	assert_true(parse(&o, &submitter, &e, "--explain=0xabcd", NULL, NULL, NULL));
	assert_string_equal(o.command_of, "0xabcd");
	assert_false(parse(&o, &submitter, &e, "--cancel", "1", "--explain", "1"));
	assert_string_equal(e.text, "one thing at a time: --cancel or --explain");
	assert_false(parse(&o, &submitter, &e, "--cancel", NULL, NULL, NULL));
	assert_false(parse(&o, &plain, &e, "--cancel", "1", NULL, NULL));
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *args[4], *said;
	} cases[] = {
		{{"--chek"}, "no option is named --chek; did you mean --check"},
		{{"--top"}, "no option is named --top"},
		{{"-x"}, "no option is named -x"},
		{{"--fault"}, "no option is named --fault"}, /* a hidden one is not offered */
		{{"a", "b"}, "one FILE, not two: a and b"},
		{{"--check=yes"}, "--check takes no value"},
		{{"--health"}, "--health needs ADDR"},
		{{"--health="}, "--health needs ADDR"},
		{{"--health", "--check"}, "--health needs ADDR"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct options o;
		struct err e = {0};
		assert_false(parse(&o, &plain, &e, cases[i].args[0], cases[i].args[1], NULL, NULL));
		has(e.text, cases[i].said);
	}
	struct options o;
	struct err e = {0};
	assert_false(parse(&o, &program, &e, "--tpo", NULL, NULL, NULL));
	has(e.text, "did you mean --top");
	static const char *const blocks[][2] = {{"--from=", "--from needs BLOCK"},
		{"--from=x", "--from is the number of a block, or start, not x"}, {"--from=1x", "not 1x"},
		{"--from=9223372036854775808", "--from is the number"}, {"--from=-1", "--from is"},
		{"--replay=5", "--replay is two numbers of blocks, as 100..200, not 5"},
		{"--replay=..5", "--replay is two"}, {"--replay=5..", "--replay is two"},
		{"--replay=1...2", "--replay is two"}, {"--replay=9..8", "--replay 9..8 ends before it begins"}};
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		assert_false(parse(&o, &program, &e, blocks[i][0], NULL, NULL, NULL));
		has(e.text, blocks[i][1]);
	}
	assert_true(parse(&o, &program, &e, "--from", "start", "--replay", "7..7"));
	assert_true(o.has_from && o.from_start && o.replay_from == 7 && o.replay_to == 7);
	char *argv[] = {(char *)(uintptr_t) "x", (char *)(uintptr_t) "--health=a:1",
		(char *)(uintptr_t) "--health=a:2", (char *)(uintptr_t) "--health=a:3",
		(char *)(uintptr_t) "--health=a:4", (char *)(uintptr_t) "--health=a:5"};
	assert_true(options_parse(&o, &plain, 5, argv, &e));
	assert_false(options_parse(&o, &plain, 6, argv, &e));
	assert_string_equal(e.text, "--health is given more than 4 times");
}

static void test_help(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	options_help(&program, f);
	fclose(f);
	assert_string_equal(text,
		" fairlead-reconciler   finality, clocks and health\n"
		"   fairlead-reconciler [FILE]     runs in front; FILE is fairlead.yaml if not given\n"
		" look   --check                   names every mistake in FILE; exit 0 or 78\n"
		"        --print                   FILE as understood, secrets as ***\n"
		"        --once [NAME]             runs the clock NAME once\n"
		"        --top                     the live screen\n"
		" act    --from BLOCK              reads again from there\n"
		"        --replay A..B             applies those blocks again\n"
		" run    --health ADDR             host:port or a unix socket's path; may be repeated\n"
		"        --version                 what was built\n"
		"        --help                    this page\n"
		" exit   0 drained   64 usage   75 try again   78 configuration   134 a bug of ours, please tell us\n"
		" from the environment: DATABASE_URL or PG*, REDIS_URL, and every ${VAR} of FILE. See also "
		"README.md\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_commands),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_help)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
