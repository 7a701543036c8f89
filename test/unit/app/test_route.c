/* What a route declares, as the front door reads it. */
#include "test/unit/app/world.h"

static const char *const text =
	"name: shop\nchains: { main: { rpc: \"http://h\" } }\n"
	"contracts:\n  C:\n    address: \"0x00000000000000000000000000000000000000aa\"\n    abi:\n"
	"      - event E(uint256 indexed id)\n      - function set(uint256 id, string code)\n"
	"      - function code(uint256 id) view returns (string)\nsigners: { owner: { key: \"${KEY}\" } }\n"
	"batches: { b: { key: id, max: 1, send: \"C.set(id, 'x')\" } }\n"
	"rules:\n  - { on: C.E, name: mirror, sql: SELECT 1 }\n"
	"  - { on: pay.mined, log: \"{tx.hash}\" }\n"
	"  - { name: recheck, every: 1h, compare: \"SELECT 1 AS id, 'x' AS code\", chain: { code: C.code(id) } "
	"}\n"
	"routes:\n"
	"  \"GET /lock/{id}/x/{rest*}\":\n    params:\n      q: { type: int, default: 50, min: 1, max: 100, "
	"header: "
	"X-Q }\n"
	"      id: uint256\n      w: { type: array, items: { type: address }, optional: true, enum: [ a, 1, null "
	"] "
	"}\n"
	"    one: SELECT :id AS id\n    with: { list: SELECT 1 AS x }\n    else: SELECT 404 AS _status\n"
	"    cache: 5s\n    wrap: { ok: true, data: \"{body}\", at: \"t {now}\" }\n"
	"    lost: { status: down, up: \"{up.redis}\", n: -1.5e3, s: \"1\", z: ~, t: [ yes, 012, \"a\\\"{{\" ] "
	"}\n"
	"  POST /pay:\n    name: pay\n    auth: [ admin, jwt ]\n    limit: { request.ip: 100/m }\n    once: Key\n"
	"    body: { id: uint256, code: string, sig: bytes65 }\n    do:\n"
	"      - { verify: sig, by: code, message: code, else: SELECT 401 AS _status }\n"
	"      - { send: \"C.set(id, code)\", skip: \"C.code(id) == code\", wait: 30s, as: sent }\n"
	"      - { run: recheck, wait: 5s }\n      - { catchup: main, from: 7 }\n      - { replay: mirror, from: "
	"start }\n"
	"      - { reply: \"SELECT :sent.hash AS hash\" }\n      - { publish: \"t.{id}\" }\n"
	"serve:\n  auth: { admin: { bearer: \"${T}\" }, jwt: { jwt: \"${J:-}\" } }\n  cors: [ a, b ]\n"
	"  errors: { code: \"{status}\", text: \"{title}: {detail}\" }\n  tls: { cert: c.pem, key: k.pem }\n";

static struct config *load(struct problems *ps)
{
	static const char *const env[][2] = {{"T", "token"}, {"J", ""},
		{"KEY", "4646464646464646464646464646464646464646464646464646464646464646"}, {NULL, NULL}};
	static const char *files[][2] = {{"d/f.yaml", NULL}, {NULL, NULL}};
	files[0][1] = text;
	struct world w = {.env = env, .files = (const char *const(*)[2])files};
	struct config *c = world_load(&w, "d/f.yaml", ps);
	if (!c) {
		char *out = said(ps);
		fail_msg("%s", out);
	}
	return c;
}

static void json_is(const struct json_decl *j, const char *want)
{
	struct buf b = {0};
	assert_non_null(j);
	for (size_t i = 0; i < j->n; i++)
		buf_printf(&b,
			j->parts[i].value     ? "<%.*s>"
			: j->parts[i].is_name ? "(%.*s)"
								  : "%.*s",
			(int)j->parts[i].text.n, j->parts[i].text.p);
	assert_string_equal(b.p, want);
	buf_fini(&b);
}

static void test_reads(void **state)
{
	(void)state;
	struct problems ps = {0};
	struct config *c = load(&ps);
	const struct route_decl *r = &c->routes[0];
	assert_int_equal(c->nroutes, 2);
	assert_string_equal(r->method, "GET");
	assert_string_equal(r->path, "/lock/{id}/x/{rest*}");
	assert_int_equal(r->nsegments, 4);
	assert_string_equal(r->segments[0].word, "lock");
	assert_null(r->segments[1].word);
	assert_string_equal(r->segments[1].name, "id");
	assert_true(r->segments[3].rest && !r->segments[1].rest);
	assert_int_equal(r->nparams, 4);
	assert_string_equal(r->params[0].name, "id");
	assert_int_equal(r->params[0].type, FIELD_UINT256);
	assert_true(r->params[0].in_path && r->params[1].in_path && !r->params[2].in_path);
	assert_string_equal(r->params[1].name, "rest");
	assert_int_equal(r->params[1].type, FIELD_STRING);
	assert_string_equal(r->params[2].otherwise, "50");
	assert_string_equal(r->params[2].max, "100");
	assert_string_equal(r->params[2].header, "X-Q");
	assert_true(r->params[3].optional);
	assert_int_equal(r->params[3].items->type, FIELD_ADDRESS);
	assert_int_equal(r->params[3].n_one_of, 3);
	assert_string_equal(r->params[3].one_of[0], "\"a\"");
	assert_string_equal(r->params[3].one_of[1], "1");
	assert_true(r->one && !r->all && r->otherwise && r->nwith == 1);
	assert_string_equal(r->with[0].name, "list");
	assert_int_equal(r->cache_ms, 5000);
	json_is(r->wrap, "{\"ok\":true,\"data\":<body>,\"at\":\"t (now)\"}");
	json_is(r->lost, "{\"status\":\"down\",\"up\":<up.redis>,\"n\":-1.5e3,\"s\":\"1\",\"z\":null,\"t\":["
					 "\"yes\",\"012\",\"a\\\"{\"]}");
	config_free(c);
	problems_fini(&ps);
}

static void test_steps(void **state)
{
	(void)state;
	struct problems ps = {0};
	struct config *c = load(&ps);
	const struct route_decl *r = &c->routes[1];
	const struct request_step *s = r->steps;
	static const enum request_verb verbs[] = {
		REQ_VERIFY, REQ_SEND, REQ_RUN, REQ_CATCHUP, REQ_REPLAY, REQ_REPLY, REQ_PUBLISH};
	assert_int_equal(r->nsteps, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(s[i].verb, verbs[i]);
	assert_string_equal(s[0].signature, "sig");
	assert_string_equal(s[0].message, "code");
	assert_non_null(s[0].otherwise);
	assert_ptr_equal(s[1].batch, &c->batches[1]);
	assert_int_equal(s[1].wait_ms, 30000);
	assert_string_equal(s[1].as, "sent");
	assert_ptr_equal(s[2].rule, &c->rules[2]);
	assert_true(s[3].chain == &c->chains[0] && s[3].has_from && s[3].from == 7);
	assert_true(s[4].from_start && !s[4].has_from);
	assert_int_equal(r->nauth, 2);
	assert_string_equal(r->limits[0].by, "request.ip");
	assert_int_equal(r->limits[0].count, 100);
	assert_int_equal(r->limits[0].per_ms, 60000);
	assert_string_equal(r->once, "Key");
	assert_true(r->has_body && r->nbody == 3);
	config_free(c);
	problems_fini(&ps);
}

/* The send of a route is a batch like any other: an item a request, of what its call and its skip use. */
static void test_route_batch(void **state)
{
	(void)state;
	struct problems ps = {0};
	struct config *c = load(&ps);
	const struct batch_decl *b = &c->batches[1];
	assert_int_equal(c->nbatches, 2);
	assert_string_equal(b->name, "pay");
	assert_string_equal(b->key, "job.id");
	assert_int_equal(b->max, 1);
	assert_int_equal(b->wait_ms, 0);
	assert_int_equal(b->tries, 3);
	assert_true(b->has_skip && b->send.fn && b->signer == &c->signers[0]);
	assert_int_equal(b->nnames, 3);
	assert_string_equal(b->names[0], "job.id");
	assert_string_equal(b->names[1], "id");
	assert_string_equal(b->names[2], "code");
	assert_ptr_equal(c->rules[1].triggers[0].batch, b);
	config_free(c);
	problems_fini(&ps);
}

static void test_serve(void **state)
{
	(void)state;
	struct problems ps = {0};
	struct config *c = load(&ps);
	const struct serve_decl *s = &c->serve;
	assert_int_equal(s->nauths, 2);
	assert_string_equal(s->auths[0].bearer.value, "token");
	assert_true(!s->auths[0].is_jwt && s->auths[1].is_jwt && !s->auths[1].jwt.value);
	assert_ptr_equal(c->routes[1].auth[1], &s->auths[1]);
	assert_int_equal(s->ncors, 2);
	assert_string_equal(s->cert, "d/c.pem");
	json_is(s->errors, "{\"code\":<status>,\"text\":\"(title): (detail)\"}");
	config_wipe_keys(c);
	assert_string_equal(c->signers[0].keys[0].secret.value, "");
	assert_string_equal(s->auths[0].bearer.value, "token");
	config_wipe_secrets(c);
	assert_string_equal(s->auths[0].bearer.value, "");
	config_free(c);
	problems_fini(&ps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_steps),
		cmocka_unit_test(test_route_batch), cmocka_unit_test(test_serve)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
