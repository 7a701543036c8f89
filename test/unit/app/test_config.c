#include "test/unit/app/ktty.h"

static const char *const example[] = {"deploy/apps/ktty/fairlead.yaml", NULL};

/* The application's own folder, with the given variables over the usual ones. */
static struct config *load_ktty(const char *const (*env)[2], char **said_text)
{
	char *yaml = project_file(example[0]), *sql = project_file("deploy/apps/ktty/sql/ktty.sql");
	const char *const files[][2] = {{example[0], yaml}, {"deploy/apps/ktty/sql/ktty.sql", sql},
		{"deploy/apps/ktty/tokenMapping.json", "{\"1\": \"x\"}"}, {NULL, NULL}};
	const char *all[64][2] = {{0}};
	size_t n = 0;
	for (size_t i = 0; env && env[i][0]; i++, n++)
		memcpy(all[n], env[i], sizeof all[n]);
	for (size_t i = 0; ktty_env[i][0]; i++, n++)
		memcpy(all[n], ktty_env[i], sizeof all[n]);
	struct world w = {.env = (const char *const(*)[2])all, .files = files};
	struct problems ps = {0};
	struct config *c = world_load(&w, example[0], &ps);
	*said_text = said(&ps);
	problems_fini(&ps);
	free(yaml);
	free(sql);
	return c;
}

static void dec_is(struct u256 v, const char *want)
{
	char out[U256_DEC_MAX];
	u256_to_dec(out, v);
	assert_string_equal(out, want);
}

/* K-64: the defaults, and everything that the declarations say. */
static void test_ktty_defaults(void **state)
{
	(void)state;
	char *text;
	struct config *c = load_ktty(NULL, &text);
	assert_string_equal(text, "");
	free(text);
	assert_string_equal(c->name, "ktty");
	assert_string_equal(c->file, example[0]);
	assert_string_equal(c->fleet.log, "info");
	assert_int_equal(c->fleet.pool, 20);
	assert_int_equal(c->fleet.check_ms, 30000);
	assert_int_equal(c->fleet.drain_ms, 10000);
	assert_int_equal(c->fleet.alarm_failures, 5);
	assert_int_equal(c->fleet.alarm_delay_ms, 60000);
	assert_int_equal(c->fleet.keep_done_ms, 86400000);
	assert_int_equal(c->fleet.keep_failed_ms, 604800000);
	const struct chain_decl *chain = c->chains;
	assert_int_equal(c->nchains, 1);
	assert_string_equal(chain->name, "main");
	assert_int_equal(chain->index, 1);
	assert_false(chain->has_id);
	assert_int_equal(chain->nrpc, 1);
	assert_string_equal(chain->rpc->url, "http://127.0.0.1:8545");
	assert_null(chain->rpc->ws);
	assert_int_equal(chain->poll_ms, 5000);
	assert_int_equal(chain->timeout_ms, 30000);
	assert_int_equal(chain->silent_ms, 300000);
	assert_int_equal(chain->range, 1000);
	assert_int_equal(chain->run, 100);
	assert_int_equal(chain->retry.first_ms, 1000);
	assert_int_equal(chain->retry.max_ms, 30000);
	assert_int_equal(chain->retry.nalarm, 1);
	assert_int_equal(chain->retry.alarm[0], 3);
	assert_int_equal(chain->reconnect.alarm[0], 10);
	assert_int_equal(chain->final, FINAL_DEPTH);
	assert_int_equal(chain->final_depth, 1);
	assert_int_equal(chain->seen, 0);
	assert_false(chain->has_window);
	assert_int_equal(chain->grace, 2);
	assert_int_equal(chain->healthy, 100);
	assert_int_equal(chain->overdue_ms + chain->sweep_ms, 0);
	config_free(c);
}

static void test_ktty_contract(void **state)
{
	(void)state;
	char *text;
	struct config *c = load_ktty(NULL, &text);
	free(text);
	const struct contract_decl *k = c->contracts;
	assert_string_equal(k->name, "Companions");
	assert_string_equal(k->schema, "companions");
	assert_ptr_equal(k->chain, c->chains);
	assert_int_equal(k->naddresses, 1);
	assert_int_equal(k->addresses[0][0], 0x5f);
	assert_int_equal(k->start, 5);
	assert_false(k->start_latest);
	assert_int_equal(k->nabi, 7);
	assert_int_equal(c->nevents, 3);
	assert_string_equal(c->events[2].table, "token_codes_updated");
	assert_string_equal(c->events[2].columns[0], "token_ids");
	assert_string_equal(c->events[2].columns[1], "codes");
	const struct signer_decl *s = c->signers;
	assert_string_equal(s->keys[0].secret.value, KTTY_KEY);
	assert_true(s->has_must && s->must.has_right);
	assert_int_equal(s->must.left.kind, CALL_CHAIN);
	assert_ptr_equal(s->must.left.contract, k);
	assert_int_equal(s->must.right.kind, CALL_ADDRESS);
	assert_ptr_equal(s->must.right.signer, s);
	assert_true(s->margin_num == 6 && s->margin_den == 5);
	assert_true(s->has_max && !s->has_tip && !s->has_low && !s->has_max_cost);
	dec_is(s->max, "100000000000");
	assert_int_equal(s->order, ORDER_ANY);
	assert_false(s->adopt);
	assert_int_equal(c->nfiles, 1);
	assert_string_equal(c->files->path, "deploy/apps/ktty/tokenMapping.json");
	assert_true(c->files->watch && !c->files->cid);
	assert_int_equal(c->nsql, 1);
	assert_string_equal(c->sql->path, "deploy/apps/ktty/sql/ktty.sql");
	assert_true(c->sql->text.n > 10);
	assert_int_equal(c->serve.nlisten, 1);
	assert_string_equal(c->serve.listen[0], "0.0.0.0:3000");
	assert_string_equal(c->serve.ready, "/health/ready");
	assert_string_equal(c->serve.live, "/health/live");
	assert_true(c->serve.metrics);
	config_wipe_secrets(c);
	assert_string_equal(s->keys[0].secret.value, "");
	config_free(c);
}

static void test_ktty_rules(void **state)
{
	(void)state;
	char *text;
	struct config *c = load_ktty(NULL, &text);
	free(text);
	const struct batch_decl *b = c->batches;
	assert_string_equal(b->name, "reveal");
	assert_string_equal(b->key, "tokenId");
	assert_true(b->max == 10 && b->wait_ms == 2000 && b->pause_ms == 0 && b->tries == 3 &&
				b->retry_first_ms == 5000 && b->retry_grow);
	assert_int_equal(b->missing, MISSING_PARK);
	assert_non_null(b->let);
	assert_true(b->has_skip && b->skip.has_right);
	assert_ptr_equal(b->signer, c->signers);
	assert_int_equal(b->nnames, 1); /* code is made by let */
	assert_string_equal(b->names[0], "tokenId");
	assert_int_equal(b->send.args[1].kind, CALL_COLUMN);
	assert_int_equal(c->nrules, 5);
	const struct rule_decl *r = c->rules;
	assert_string_equal(r[0].name, "rule0");
	assert_int_equal(r[0].nevents, 1);
	assert_ptr_equal(r[0].events[0], &c->events[0]);
	assert_int_equal(r[0].nsteps, 1);
	assert_int_equal(r[0].steps[0].kind, STEP_BATCH);
	assert_ptr_equal(r[0].steps[0].batch, b);
	assert_false(r[0].off || r[0].at_final || r[0].late_apply);
	assert_non_null(r[1].each);
	assert_int_equal(r[2].steps[0].kind, STEP_SQL);
	assert_int_equal(r[2].steps[0].sql->nparts, 9);
	assert_string_equal(r[3].name, "mirror");
	assert_int_equal(r[3].every_ms, 300000);
	assert_non_null(r[3].compare->fix);
	assert_null(r[3].compare->missing);
	assert_int_equal(r[3].compare->ncolumns, 1);
	assert_string_equal(r[3].compare->columns[0].column, "code");
	assert_int_equal(r[3].compare->most_percent, 5);
	assert_null(r[4].compare->fix);
	config_free(c);
}

/* K-64: each override is honoured. */
static void test_ktty_overrides(void **state)
{
	(void)state;
	static const char *const env[][2] = {{"WS_URL", "ws://127.0.0.1:8546"}, {"DB_MAX_CONNECTIONS", "7"},
		{"CONFIRMATIONS_REQUIRED", "3"}, {"RPC_RETRY_ATTEMPTS", "4"}, {"RPC_RETRY_DELAY_MS", "45000"},
		{"RPC_TIMEOUT_MS", "9000"}, {"PROCESSING_INTERVAL_MS", "100"}, {"MAX_RETRIES", "9"},
		{"RETRY_DELAY_MS", "700"}, {"EXPONENTIAL_BACKOFF", "false"}, {"MAX_GAS_PRICE", "5"},
		{"GAS_MULTIPLIER", "1.25"}, {"BLOCK_RANGE_LIMIT", "50"}, {"CATCHUP_BATCH_SIZE", "33"},
		{"POLLING_INTERVAL_MS", "250"}, {"RECONNECT_DELAY_MS", "20"}, {"MAX_RECONNECT_ATTEMPTS", "2"},
		{"PORT", "8080"}, {"LOG_LEVEL", "warn"}, {"GRACEFUL_SHUTDOWN_TIMEOUT_MS", "1"},
		{"TOKEN_MAPPING_FILE_PATH", "sql/ktty.sql"}, {"RELOAD_MAPPING_ON_CHANGE", "false"},
		{"HEALTH_CHECK_INTERVAL_MS", "2"}, {"METRICS_ENABLED", "false"}, {"ALERT_CONSECUTIVE_FAILURES", "6"},
		{"ALERT_PROCESSING_DELAY_MS", "8"}, {"MAX_BATCH_SIZE", "250"}, {"BATCH_TIMEOUT_MS", "1"},
		{"DEPLOYMENT_BLOCK", "latest"}, {NULL, NULL}};
	char *text;
	struct config *c = load_ktty(env, &text);
	has(text, "no JSON"); /* the mapping file is the one that was named */
	assert_null(c);
	free(text);
	const char *rest[64][2] = {{0}};
	for (size_t i = 0, n = 0; env[i][0]; i++)
		if (strcmp(env[i][0], "TOKEN_MAPPING_FILE_PATH") != 0)
			memcpy(rest[n++], env[i], sizeof rest[0]);
	c = load_ktty((const char *const(*)[2])rest, &text);
	assert_string_equal(text, "");
	free(text);
	const struct chain_decl *h = c->chains;
	assert_string_equal(h->rpc->ws, "ws://127.0.0.1:8546");
	assert_true(c->fleet.pool == 7 && c->fleet.drain_ms == 1 && c->fleet.check_ms == 2);
	assert_true(c->fleet.alarm_failures == 6 && c->fleet.alarm_delay_ms == 8);
	assert_string_equal(c->fleet.log, "odd");
	assert_true(
		h->final_depth == 3 && h->timeout_ms == 9000 && h->range == 50 && h->run == 33 && h->poll_ms == 250);
	assert_true(h->retry.alarm[0] == 4 && h->retry.first_ms == 45000 && h->retry.max_ms == 45000);
	assert_true(h->reconnect.first_ms == 20 && h->reconnect.alarm[0] == 2);
	const struct batch_decl *b = c->batches;
	assert_true(b->max == 250 && b->wait_ms == 1 && b->pause_ms == 100 && b->tries == 9 &&
				b->retry_first_ms == 700 && !b->retry_grow);
	dec_is(c->signers->max, "5");
	assert_true(c->signers->margin_num == 5 && c->signers->margin_den == 4);
	assert_string_equal(c->serve.listen[0], "0.0.0.0:8080");
	assert_false(c->serve.metrics || c->files->watch);
	assert_true(c->contracts->start_latest && c->contracts->start == 0);
	config_free(c);
}

/* K-35, K-36, K-37: what is not set is named; a wrong checksum is shown right; a key is never quoted. */
static void test_ktty_environment(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *said, *never;
	} cases[] = {
		{"RPC_URL", NULL, "RPC_URL is not set; put it into the environment", NULL},
		{"RPC_URL", "", "chains.main.rpc is empty", NULL},
		{"RPC_URL", "node.example", "chains.main.rpc is no URL", NULL},
		{"RPC_URL", "http://", "chains.main.rpc is no URL", NULL},
		{"RPC_URL", "ftp://me:secret@h", "chains.main.rpc is no URL", "secret"},
		{"RPC_URL", "http://a,http://b,http://a", "chains.main.rpc names one endpoint twice", NULL},
		{"WS_URL", "http://a", "chains.main.ws begins with ws:// or wss://", NULL},
		{"CONTRACT_ADDRESS", NULL, "CONTRACT_ADDRESS is not set", NULL},
		{"CONTRACT_ADDRESS", "", "contracts.Companions.address is empty", NULL},
		{"CONTRACT_ADDRESS", "0x5FBDB2315678afecb367f032d93F642f64180aa3",
			"0x5FbDB2315678afecb367f032d93F642f64180aa3", NULL},
		{"CONTRACT_ADDRESS", "0x5FbDB2315678afecb367f032d93F642f64180a",
			"contracts.Companions.address: ", NULL},
		{"CONTRACT_ADDRESS",
			"0x5FbDB2315678afecb367f032d93F642f64180aa3,0x5fbdb2315678afecb367f032d93f642f64180aa3", "twice",
			NULL},
		{"OWNER_PRIVATE_KEY", NULL, "OWNER_PRIVATE_KEY is not set", NULL},
		{"OWNER_PRIVATE_KEY", "", "OWNER_PRIVATE_KEY is empty", NULL},
		{"OWNER_PRIVATE_KEY", "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff8",
			"signers.owner.key: ", "ac0974"},
		{"OWNER_PRIVATE_KEY", "hunter2 is my key", "signers.owner.key: ", "hunter2"},
		{"OWNER_PRIVATE_KEY", "0x0000000000000000000000000000000000000000000000000000000000000000",
			"signers.owner.key: ", NULL},
		{"DEPLOYMENT_BLOCK", NULL, "DEPLOYMENT_BLOCK is not set", NULL},
		{"DEPLOYMENT_BLOCK", "first", "contracts.Companions.start is a number, latest, not first", NULL},
		{"POLLING_INTERVAL_MS", "5s", "5sms is no time", NULL},
		{"POLLING_INTERVAL_MS", "0", "chains.main.poll is 1 at least", NULL},
		{"GAS_MULTIPLIER", "0.9", "signers.owner.gas.margin is less than 1", NULL},
		{"GAS_MULTIPLIER", "1000", "more than 100", NULL},
		{"MAX_GAS_PRICE", "1.5", "more digits than wei has", NULL},
		{"LOG_LEVEL", "loud", "fleet.log is debug, info, odd, bug, warn or error, not loud", NULL},
		{"PORT", "x", "is no host:port", NULL},
		{"PORT", "70000", "is no host:port", NULL},
		{"MAX_BATCH_SIZE", "0", "batches.reveal.max is from 1 to 10000", NULL},
		{"MAX_RETRIES", "0", "batches.reveal.retry.tries is from 1 to 1000000", NULL},
		{"EXPONENTIAL_BACKOFF", "yes", "did you mean true?", NULL},
		{"DB_MAX_CONNECTIONS", "0", "fleet.pool is 1 at least", NULL},
		{"TOKEN_MAPPING_FILE_PATH", "missing.json", "missing.json can't be read: No such file", NULL},
		{"RPC_RETRY_ATTEMPTS", "1,2,3", "chains.main.retry.alarm takes two numbers at most", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *env[8][2] = {{0}};
		size_t n = 0;
		for (size_t k = 0; ktty_env[k][0]; k++)
			if (strcmp(ktty_env[k][0], cases[i].name) != 0)
				memcpy(env[n++], ktty_env[k], sizeof env[0]);
		if (cases[i].value) {
			env[n][0] = cases[i].name;
			env[n][1] = cases[i].value;
		}
		char *yaml = project_file(example[0]), *sql = project_file("deploy/apps/ktty/sql/ktty.sql");
		const char *const files[][2] = {
			{"f.yaml", yaml}, {"sql/ktty.sql", sql}, {"tokenMapping.json", "{}"}, {NULL, NULL}};
		struct world w = {.env = (const char *const(*)[2])env, .files = files};
		struct problems ps = {0};
		if (world_load(&w, "f.yaml", &ps))
			fail_msg("%s=%s is taken", cases[i].name, cases[i].value ? cases[i].value : "(unset)");
		char *out = printed(&ps, false, "");
		has(out, cases[i].said);
		if (cases[i].never)
			has_not(out, cases[i].never);
		assert_true(ps.n <= 2);
		free(out);
		free(yaml);
		free(sql);
		problems_fini(&ps);
	}
}

/* P24: a program that signs nothing starts without a key in its environment; what is there must be right all
 * the same. */
static void test_keyless(void **state)
{
	(void)state;
	const char *env[8][2] = {{0}};
	size_t n = 0;
	for (size_t k = 0; ktty_env[k][0]; k++)
		if (strcmp(ktty_env[k][0], "OWNER_PRIVATE_KEY") != 0)
			memcpy(env[n++], ktty_env[k], sizeof env[0]);
	char *yaml = project_file(example[0]), *sql = project_file("deploy/apps/ktty/sql/ktty.sql");
	const char *const files[][2] = {
		{"f.yaml", yaml}, {"sql/ktty.sql", sql}, {"tokenMapping.json", "{}"}, {NULL, NULL}};
	struct world w = {.env = (const char *const(*)[2])env, .files = files, .keyless = true};
	struct problems ps = {0};
	struct config *c = world_load(&w, "f.yaml", &ps);
	assert_non_null(c);
	assert_null(c->signers[0].keys[0].secret.value);
	config_free(c);
	env[n][0] = "OWNER_PRIVATE_KEY";
	env[n][1] = "hunter2";
	assert_null(world_load(&w, "f.yaml", &ps));
	problems_fini(&ps);
	free(yaml);
	free(sql);
}

/* A pool: a list of variables, one of which may hold several keys; each is wiped, and leaves the environment.
 */
static void test_pool(void **state)
{
	(void)state;
	static const char one[] = "4646464646464646464646464646464646464646464646464646464646464646",
					  two[] = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
					  both[] = "4646464646464646464646464646464646464646464646464646464646464646,"
							   "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
	static const char yaml[] =
		"name: p\nchains: { main: { rpc: \"http://x\" } }\n"
		"signers: { owner: { keys: [ \"${BOTH}\", \"${TWO}\" ], gas: { max: 1 gwei } } }\n";
	static const char *const env[][2] = {{"BOTH", both}, {"TWO", two}, {NULL, NULL}};
	static const char *const files[][2] = {{"f.yaml", yaml}, {NULL, NULL}};
	struct world w = {.env = env, .files = files};
	struct problems ps = {0};
	struct config *c = world_load(&w, "f.yaml", &ps);
	assert_non_null(c);
	const struct signer_decl *s = c->signers;
	assert_int_equal(s->nkeys, 3);
	assert_string_equal(s->keys[0].secret.value, one);
	assert_memory_equal(s->keys[1].secret.value, both + 65, 65);
	assert_string_equal(s->keys[2].secret.value, two);
	setenv("SOMEBODYS", both + 65, 1);
	setenv("AS_A_PART", "key=ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80;", 1);
	setenv("ANOTHER", "stays", 1);
	config_wipe_environment(c, false);
	assert_null(getenv("SOMEBODYS"));
	assert_null(getenv("AS_A_PART"));
	assert_string_equal(getenv("ANOTHER"), "stays");
	config_wipe_keys(c);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(s->keys[i].secret.value, "");
	config_free(c);
	problems_fini(&ps);
}

static const char three_mistakes[] =
	"name: ktty\n"
	"\n"
	"chains:\n"
	"  main:\n"
	"    rpc:   http://127.0.0.1:8545\n"
	"    ws:    ws://127.0.0.1:8545\n"
	"    poll:  5000\n"
	"    final: 1\n"
	"\n"
	"contracts:\n"
	"  Companions:\n"
	"    chain: main\n"
	"    address: \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n"
	"    abi:\n"
	"      - event TokenRevealed(uint256 indexed tokenId)\n"
	"      - function setBulkTokenCodes(uint256[] tokenIds, string[] codes)\n"
	"      - function getTokenCode(uint256 tokenId) view returns (string)\n"
	"      - function owner() view returns (address)\n"
	"\n"
	"signers:\n"
	"  owner:\n"
	"    chain: main\n"
	"    key:   ${OWNER_PRIVATE_KEY}\n"
	"    must:  Companions.owner() == owner.address()\n"
	"    gas:\n"
	"      margin: 1.2\n"
	"      max:    100 gwei\n"
	"\n"
	"files:\n"
	"  codes:\n"
	"    path:  codes.json\n"
	"    watch: true\n"
	"\n"
	"batches:\n"
	"  reveal:\n"
	"    key:   tokenId\n"
	"    max:   10\n"
	"    skip:  Companions.getTokenCode(tokenId) == code\n"
	"    send:  Companions.setBulkTokenCodes(tokenId[], code[])\n"
	"    wiat: 2000ms\n"
	"    signer: owner\n"
	"    retry:\n"
	"      tries: 3\n"
	"      first: 5s\n"
	"\n"
	"rules:\n"
	"  # the code is looked up when the token is revealed\n"
	"  - on: Companions.TokenRevealed\n"
	"    do:\n"
	"      - let: SELECT value AS code FROM files.codes WHERE key = :tokenld::text\n"
	"      - batch: reveal\n";

/* The page of looks: three mistakes, all at once, each with its place, its cure and the closing line. */
static void test_three_mistakes(void **state)
{
	(void)state;
	static const char *const files[][2] = {{"ktty.yaml", three_mistakes}, {"codes.json", "{}"}, {NULL, NULL}};
	struct world w = {.env = ktty_env, .files = files};
	struct problems ps = {0};
	assert_null(world_load(&w, "ktty.yaml", &ps));
	char *out = printed(&ps, false, "PostgreSQL was not reachable, so SQL was read but not prepared.");
	assert_string_equal(out,
		"ktty.yaml:7:12: a time without a unit; did you mean 5000ms? Units are ms, s, m, h and d\n"
		"   7 |     poll:  5000\n"
		"     |            ^^^^\n"
		"ktty.yaml:40:5: batches.reveal has no word wiat; did you mean wait? It also knows max key skip "
		"send\n"
		"  40 |     wiat: 2000ms\n"
		"     |     ^^^^\n"
		"ktty.yaml:50:64: TokenRevealed has no field :tokenld; did you mean :tokenId? It has no other\n"
		"  50 |       - let: SELECT value AS code FROM files.codes WHERE key = :tokenld::text\n"
		"     |                                                                ^^^^^^^^\n"
		"3 mistakes, nothing was started. PostgreSQL was not reachable, so SQL was read but not prepared.\n");
	free(out);
	problems_fini(&ps);
}

static void test_file_itself(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} cases[] = {{"", "1:1 the file says nothing; it begins with name:\n"},
		{"- a\n", "1:1 the file is a map: it begins with name:\n"},
		{"x\n", "1:1 the file is a map: it begins with name:\n"}, {"name: a\n", ""},
		{"\xEF\xBB\xBFname: a\n", ""}, {"name: a\nprofile: \"\"\n", ""}, {"name: ${NO:-a}\n", ""},
		{"name: a b\n", "1:7 a b is no name: letters, digits, - and _, 40 at most\n"},
		{"nam: a\n", "1:1 the file has no word nam; did you mean name? It also knows profile profiles fleet "
					 "chains\n1:1 the file needs name: prefix of the Redis keys\n"},
		{"name: a: b\n", "1:8 YAML: mapping values are not allowed in this context; a value with \": \" in "
						 "it is quoted or stands in a | block\n"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *out = load_text(cases[i].text, NULL, NULL);
		if (strcmp(out, cases[i].said) != 0)
			fail_msg("%s gave\n%s", cases[i].text, out);
		free(out);
	}
	struct world w = {0};
	struct problems ps = {0};
	assert_null(world_load(&w, "no.yaml", &ps));
	char *out = printed(&ps, false, "");
	assert_string_equal(out,
		"no.yaml:1:1: this file can't be read: No such file or directory; it is FILE of the command line, "
		"or fairlead.yaml where none is named\n1 mistake, nothing was started.\n");
	free(out);
	problems_fini(&ps);
	config_free(NULL);
}

/* What a mistake is shown with never holds a secret, even one written into the file. */
static void test_secret_written_out(void **state)
{
	(void)state;
	const char *text =
		"name: a\nchains: { main: { rpc: \"http://me:hunter2@h/v3/0123456789abcdefghij\", pol: 1 } }\n"
		"signers: { owner: { key: topsecret, lo: 1 }, two: { keyfil: " KTTY_KEY " } }\n";
	const char *const files[][2] = {{"f.yaml", text}, {NULL, NULL}};
	struct world w = {.env = ktty_env, .files = files};
	struct problems ps = {0};
	assert_null(world_load(&w, "f.yaml", &ps));
	char *out = printed(&ps, false, "");
	has(out, "f.yaml:3:26: a secret written out; it is ${VAR} and nothing else");
	has(out, "pol");
	has_not(out, "hunter2");
	has_not(out, "0123456789abcdefghij");
	has_not(out, "topsecret");
	has_not(out, "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
	free(out);
	problems_fini(&ps);
}

static void test_print(void **state)
{
	(void)state;
	static const char *const env[][2] = {
		{"RPC_URL", "https://me:hunter2@node.example:8545/v3/0123456789abcdef0123?key=abc"},
		{"ADMIN_TOKEN", "admin-secret"}, {NULL, NULL}};
	char *text;
	struct config *c = load_ktty(env, &text);
	assert_string_equal(text, "");
	free(text);
	char *out = config_printed(c);
	has(out, "name: ktty\n");
	has(out, "    key: \"***\"\n");
	has(out, "      - \"https://node.example:8545/v3/***?***\"\n");
	has(out, "    poll: 5000ms\n");
	has(out, "    silent: 5m\n");
	has(out, "      bearer: \"***\"\n");
	has(out, "    let: \"SELECT value AS code FROM files.codes WHERE key = :tokenId::text\"\n");
	has_not(out, "hunter2");
	has_not(out, "admin-secret");
	has_not(out, "ac0974");
	has_not(out, "abc");
	/* What it prints is YAML that is understood the same way, once the secrets stand in it again. */
	struct buf again = {0};
	for (const char *p = out; *p;) {
		const char *stars = strstr(p, "key: \"***\"");
		buf_put(&again, p, stars ? (size_t)(stars - p) : strlen(p));
		p = stars ? stars + 10 : p + strlen(p);
		if (stars)
			buf_text(&again, "key: ${OWNER_PRIVATE_KEY}");
	}
	char *bearer = strstr(again.p, "\"***\"");
	assert_non_null(bearer);
	memcpy(bearer, "${T} ", 5);
	char *sql = project_file("deploy/apps/ktty/sql/ktty.sql");
	const char *const files[][2] = {
		{"f.yaml", again.p}, {"sql/ktty.sql", sql}, {"tokenMapping.json", "{}"}, {NULL, NULL}};
	static const char *const env2[][2] = {
		{"OWNER_PRIVATE_KEY", KTTY_KEY}, {"T", "admin-secret"}, {NULL, NULL}};
	struct world w = {.env = env2, .files = files};
	struct problems ps = {0};
	struct config *c2 = world_load(&w, "f.yaml", &ps);
	char *problems = printed(&ps, false, "");
	assert_string_equal(problems, "");
	char *out2 = config_printed(c2);
	assert_string_equal(out2, out);
	free(problems);
	free(out);
	free(out2);
	free(sql);
	buf_fini(&again);
	problems_fini(&ps);
	config_free(c);
	config_free(c2);
}

/* The process's own files and environment, through the same door. */
static void test_process(void **state)
{
	(void)state;
	struct buf b = {0};
	struct err e = {0};
	assert_false(config_from_process.read(NULL, "/nowhere/at/all", &b, &e));
	assert_string_equal(e.text, "No such file or directory");
	assert_false(config_from_process.read(NULL, "/", &b, &e));
	assert_string_equal(e.text, "Is a directory");
	buf_fini(&b);
	setenv("FAIRLEAD_TEST_VARIABLE", "x", 1);
	assert_string_equal(config_from_process.env(NULL, "FAIRLEAD_TEST_VARIABLE"), "x");
	unsetenv("FAIRLEAD_TEST_VARIABLE");
	assert_null(config_from_process.env(NULL, "FAIRLEAD_TEST_VARIABLE"));
}

static void test_keys(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	config_keys(f);
	fclose(f);
	has(text, "chain.poll  duration [5s]  between two polls\n");
	has(text, "contract.idl  file  Anchor IDL (not in this version)\n");
	has(text, "name  plain, required  prefix of the Redis keys\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ktty_defaults),
		cmocka_unit_test(test_ktty_contract), cmocka_unit_test(test_ktty_rules),
		cmocka_unit_test(test_ktty_overrides), cmocka_unit_test(test_ktty_environment),
		cmocka_unit_test(test_three_mistakes), cmocka_unit_test(test_file_itself),
		cmocka_unit_test(test_secret_written_out), cmocka_unit_test(test_print),
		cmocka_unit_test(test_keyless), cmocka_unit_test(test_pool), cmocka_unit_test(test_process),
		cmocka_unit_test(test_keys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
