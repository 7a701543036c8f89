/* tell, feed: what is seen becomes a verdict, a river, and JSON that is whole in every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconciler/page/feed.c"
#include "reconciler/page/life.c"
#include "reconciler/page/parked.c"
#include "reconciler/page/put.c"
#include "reconciler/page/river.c"
#include "reconciler/page/signers.c"
#define capital capital_of_tell
#include "reconciler/page/tell.c"

#include <cJSON.h>

enum { NOW = 1800000000 };

static struct config config;
static struct seen s;
static struct telling t;
static struct chain_decl chain = {.name = "main"};
static struct signer_decl signer = {.name = "owner", .chain = &chain, .window = 16};
static struct contract_decl contract = {.name = "Companions"};
static struct abi_entry entry = {.as = "TokenRevealed"};
static struct event_decl event = {.contract = &contract, .entry = &entry};
static struct abi_entry fn = {.name = "set"};
static struct batch_decl batch = {
	.name = "reveal", .key = "tokenId", .signer = &signer, .send = {.contract = &contract, .fn = &fn}};

static int fresh(void **state)
{
	(void)state;
	config = (struct config){.file = "/etc/ktty.yaml",
		.name = "ktty",
		.chains = &chain,
		.nchains = 1,
		.events = &event,
		.nevents = 1,
		.signers = &signer,
		.nsigners = 1,
		.batches = &batch,
		.nbatches = 1};
	memset(&s, 0, sizeof s);
	s.config = &config;
	s.now = NOW * 1000ll;
	s.pg_known = s.redis_known = true;
	s.pg_ms = 0.4;
	s.redis_ms = 0.1;
	snprintf(s.pg_server, sizeof s.pg_server, "PostgreSQL ktty on db-1:5432");
	figures_init(&s.figures);
	s.figures.loaded = true;
	s.figures.at = s.now;
	s.figures.version = "15.8";
	s.figures.schema = "19";
	s.figures.spent_wei = "0";
	s.figures.nchains = 1;
	s.figures.chains[0] = (struct fig_chain){.name = "main",
		.network = "1",
		.halted = "",
		.level = "receipts",
		.head = 26471921,
		.done = 26471921,
		.final = 26471909,
		.at = s.now - 2000,
		.events = 5,
		.reorg_at = -1,
		.listening = true};
	s.figures.all = 5;
	return 0;
}

static int end(void **state)
{
	(void)state;
	tell_fini(&t);
	return 0;
}

static void beat(const char *program, bool pg, const char *doing)
{
	s.beats[s.nbeats++] = (struct seen_beat){.program = program,
		.holder = "db-1:7",
		.phase = "running",
		.pg_error = "Connection refused",
		.pg_server = "",
		.since = s.now - 60000,
		.at = s.now,
		.pg_since = s.now - 12000,
		.pg_tries = 12,
		.holds = 3,
		.pg = pg,
		.fresh = true,
		.doing = {doing},
		.ndoing = 1,
		.head = 26471921};
}

/* Every part is one member of valid JSON; the whole is what feed.h says. */
static cJSON *whole(void)
{
	struct buf b = {0};
	struct feed_route r = {.route = "GET /health", .per_min = 24, .p50 = 0.6, .p99 = NAN, .cache = NAN};
	tell(&t, &s);
	put_open(&b, NULL, '{');
	for (int i = 0; i < FEED_PARTS; i++)
		feed_put(&b, (enum feed_part)i, &s, &t, &r, 1);
	put_close(&b, '}');
	put_end(&b);
	cJSON *o = cJSON_Parse(b.p);
	if (!o)
		fail_msg("no JSON: %s", b.p);
	buf_fini(&b);
	return o;
}

static const cJSON *at(const cJSON *o, const char *path)
{
	char name[40];
	while (o && *path) {
		size_t n = strcspn(path, ".");
		snprintf(name, sizeof name, "%.*s", (int)n, path);
		o = name[0] >= '0' && name[0] <= '9' ? cJSON_GetArrayItem(o, atoi(name))
											 : cJSON_GetObjectItemCaseSensitive(o, name);
		path += n + (path[n] == '.');
	}
	return o;
}

static const char *text(const cJSON *o, const char *path)
{
	const cJSON *v = at(o, path);
	return cJSON_IsString(v) ? v->valuestring : "(none)";
}

static void well_says_so(void **state)
{
	(void)state;
	s.figures.median_ms = 12000;
	s.figures.slowest_ms = 60000;
	beat("submitter", true, "ready signer=owner");
	cJSON *o = whole();
	assert_string_equal(text(o, "verdict.h1"), "Nothing needs you.");
	assert_string_equal(text(o, "verdict.tone"), "well");
	assert_non_null(strstr(text(o, "verdict.lead"), "takes *12\xC2\xA0s*"));
	assert_int_equal(cJSON_GetArraySize(at(o, "river.rings")), 5);
	assert_int_equal(cJSON_GetArraySize(at(o, "river.gaps")), 5);
	assert_string_equal(text(o, "river.rings.0.lines.0"), "*{#26471921}*, {@1799999998000} ago");
	assert_string_equal(text(o, "app.item"), "token");
	assert_string_equal(text(o, "app.psql"), "psql -h db-1 ktty");
	assert_string_equal(text(o, "routes.0.route"), "GET /health");
	assert_true(cJSON_IsNull(at(o, "routes.0.p99")));
	assert_true(cJSON_IsNull(at(o, "first")));
	assert_non_null(strstr(text(o, "chains.0.text"), "proved by its receipts root"));
	cJSON_Delete(o);
}

static void postgresql_away_is_the_cause(void **state)
{
	(void)state;
	s.pg_away = s.now - 12000;
	snprintf(s.pg_error, sizeof s.pg_error, "connection refused");
	beat("listener", false, "wait_pg_reads since=1799999988000");
	beat("submitter", false, "wait_pg_signs signer=owner n=1");
	cJSON *o = whole();
	assert_string_equal(text(o, "verdict.h1"), "PostgreSQL has not answered for 12\xC2\xA0s.");
	assert_string_equal(text(o, "verdict.tone"), "stop");
	assert_non_null(strstr(text(o, "verdict.you"), "`pg_isready -h db-1`"));
	assert_non_null(strstr(text(o, "verdict.seen"), "Connection refused, 12 times since"));
	assert_non_null(strstr(text(o, "verdict.meanwhile"), "no new one is signed"));
	assert_string_equal(
		text(o, "river.rings.1.say"), "Reads, cannot write: waiting {@1799999988000} for PostgreSQL");
	assert_string_equal(text(o, "river.gaps.0.state"), "dammed");
	assert_string_equal(text(o, "river.gaps.0.text"), "*{#3} blocks* held");
	assert_string_equal(text(o, "river.gaps.1.state"), "dry");
	assert_true(text_starts(text(o, "river.note"), "Grey figures are from"));
	cJSON_Delete(o);
	s.pg_away = s.now - 4000;
	s.nbeats = 0;
	o = whole();
	assert_string_equal(text(o, "verdict.tone"), "wait"); /* it copes */
	cJSON_Delete(o);
}

static void what_is_absent_and_what_waits(void **state)
{
	(void)state;
	s.figures.unheld[1] = s.now - 12000;
	beat("submitter", true, "hold_price signer=owner want=120000000000 max=100000000000");
	cJSON *o = whole();
	assert_string_equal(text(o, "verdict.h1"), "No batcher has worked for 12\xC2\xA0s.");
	assert_string_equal(text(o, "verdict.tone"), "stop");
	assert_true(text_starts(
		text(o, "verdict.others.0.text"), "Holds owner: the market asks 120.00 gwei, gas.max is 100.00."));
	cJSON_Delete(o);
	fresh(state);
	s.redis_away = s.now - 1000;
	o = whole();
	assert_string_equal(text(o, "verdict.h1"), "Redis does not answer.");
	cJSON_Delete(o);
	fresh(state);
	beat("submitter", true, "hold_funds signer=owner have=1000 want=2000 address=0x12");
	o = whole();
	assert_string_equal(text(o, "verdict.tone"), "stop");
	assert_string_equal(text(o, "verdict.you"), "Send ETH to `0x12`. It goes on by itself.");
	cJSON_Delete(o);
	fresh(state);
	s.figures.chains[0].halted = "a reorg *deeper* than the window";
	o = whole();
	assert_string_equal(text(o, "verdict.h1"), "Chain main is halted.");
	assert_string_equal(text(o, "verdict.seen"), "A reorg \\*deeper\\* than the window");
	cJSON_Delete(o);
}

static void the_first_start(void **state)
{
	(void)state;
	s.figures.chains[0].events = s.figures.all = 0;
	cJSON *o = whole();
	assert_string_equal(text(o, "verdict.h1"), "Listening. No event yet.");
	assert_string_equal(text(o, "verdict.tone"), "sea");
	assert_true(cJSON_GetArraySize(at(o, "first.ready")) >= 5);
	cJSON_Delete(o);
}

static void causes_are_grouped(void **state)
{
	(void)state;
	s.figures.parked = 214;
	s.figures.ngroups = 3;
	s.figures.groups[0] = (struct fig_group){.batch_of = "reveal",
		.reason = "no_row file=\"tokenMapping.json\" column=\"code\" key=\"9\"",
		.keys = "4217\x1f"
				"4230\x1f"
				"9",
		.n = 212,
		.since = s.now - 180000,
		.newest = 7,
		.letter = -1};
	s.figures.groups[1] = (struct fig_group){.batch_of = "reveal",
		.reason = "refused text=\"InvalidTokenId()\"",
		.keys = "3900",
		.n = 1,
		.since = s.now,
		.newest = 8,
		.letter = -1};
	s.figures.groups[2] = (struct fig_group){.dead = true,
		.batch_of = "",
		.reason = "division by zero",
		.keys = "98113",
		.n = 1,
		.since = s.now,
		.newest = -1,
		.letter = 4,
		.tries = 3,
		.what = "Companions.TokenRevealed"};
	cJSON *o = whole();
	assert_string_equal(text(o, "verdict.h1"), "Nothing needs you now.");
	assert_string_equal(text(o, "parked.groups.0.what"), "4217, 4230 and {#210} more");
	assert_string_equal(text(o, "parked.groups.0.cause"), "*tokenMapping.json has no code for them.*");
	assert_string_equal(text(o, "parked.groups.0.acts.0"), "drop"); /* they leave by themselves */
	assert_string_equal(text(o, "parked.groups.1.cause"), "*The contract refuses it: InvalidTokenId().*");
	assert_string_equal(text(o, "parked.groups.1.acts.0"), "retry");
	assert_string_equal(text(o, "parked.groups.1.of"), "group:g8");
	assert_string_equal(text(o, "parked.groups.2.what"), "Event 98113");
	assert_string_equal(text(o, "parked.groups.2.of"), "d4");
	assert_string_equal(text(o, "parked.groups.2.tone"), "stop");
	cJSON_Delete(o);
}

static struct life one(const char *state, int marks)
{
	return (struct life){.id = 7,
		.key = "4211",
		.batch_of = "reveal",
		.state = state,
		.reason = "",
		.event = "Companions.TokenRevealed",
		.event_tx = "",
		.signer = "",
		.closed = "",
		.fees = "",
		.batch_state = "",
		.marks = marks,
		.made = NOW * 1000ll - 60000,
		.turned = -1,
		.due = -1,
		.batch = -1,
		.nonce = -1,
		.first_sent = -1,
		.last_sent = -1,
		.mined_block = -1,
		.mined = -1,
		.head = 30,
		.chain_final = 18,
		.cause = 4};
}

static void every_state_has_its_line(void **state)
{
	(void)state;
	struct life l = one("waiting", 0);
	assert_int_equal(life_state(&l), STATE_COLLECTING);
	l.batch = 3;
	l.state = "batched";
	assert_int_equal(life_state(&l), STATE_CUT);
	l.nonce = 0;
	l.fees = "18000000000 20250000000";
	l.first_sent = l.made + 2000;
	l.last_sent = l.made + 26000;
	assert_int_equal(life_state(&l), STATE_SENT);
	l.mined_block = 27;
	l.mined = l.made + 38000;
	assert_int_equal(life_state(&l), STATE_MINED);
	s.figures.lives[0] = l;
	s.figures.nlives = 1;
	cJSON *o = whole();
	assert_string_equal(text(o, "lives.rows.0.event.name"), "TokenRevealed");
	assert_string_equal(text(o, "lives.rows.0.fees.1"), "20.25");
	assert_int_equal(at(o, "lives.rows.0.depth")->valueint, 3);
	assert_int_equal(at(o, "lives.rows.0.of")->valueint, 12);
	assert_int_equal(at(o, "lives.rows.0.ms.price")->valueint, 24000);
	assert_int_equal(at(o, "lives.rows.0.ms.total")->valueint, 38000);
	assert_string_equal(
		text(o, "lives.rows.0.say"), "Token 4211, mined in block 27, batch 3, price raised 1 time, 38 s");
	cJSON_Delete(o);
	l.closed = "done";
	assert_int_equal(life_state(&l), STATE_FINAL);
	l = one("parked", 1);
	l.reason = "no_row file=\"a_b.json\" column=\"code\" key=\"4211\"";
	l.turned = s.now - 38000;
	s.figures.lives[0] = l;
	o = whole();
	assert_string_equal(
		text(o, "lives.rows.0.text"), "*Parked {@1799999962000}.* a_b.json has no code for 4211");
	assert_string_equal(
		text(o, "lives.rows.0.say"), "Token 4211, parked 38 s. a_b.json has no code for 4211");
	assert_true(cJSON_IsNull(at(o, "lives.rows.0.ms")));
	cJSON_Delete(o);
	l = one("void", 2);
	assert_int_equal(life_state(&l), STATE_TAKEN);
	l = one("already", 16);
	assert_int_equal(life_state(&l), STATE_SKIPPED);
	l = one("dead", 8);
	assert_int_equal(life_state(&l), STATE_DEAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(well_says_so, fresh),
		cmocka_unit_test_setup(postgresql_away_is_the_cause, fresh),
		cmocka_unit_test_setup(what_is_absent_and_what_waits, fresh),
		cmocka_unit_test_setup(the_first_start, fresh),
		cmocka_unit_test_setup(causes_are_grouped, fresh),
		cmocka_unit_test_setup(every_state_has_its_line, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, end);
}
