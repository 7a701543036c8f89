/* The KTTY application's own file with its environment, and a short application for trials of single words.
 */
#ifndef TEST_APP_KTTY_H
#define TEST_APP_KTTY_H

#include "test/unit/app/world.h"

#define KTTY_FILE "deploy/apps/ktty/fairlead.yaml"
#define KTTY_KEY  "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

static const char *const ktty_env[][2] = {{"RPC_URL", "http://127.0.0.1:8545"},
	{"CONTRACT_ADDRESS", "0x5FbDB2315678afecb367f032d93F642f64180aa3"}, {"DEPLOYMENT_BLOCK", "5"},
	{"OWNER_PRIVATE_KEY", KTTY_KEY}, {NULL, NULL}};

/* Loads text as f.yaml beside codes.json and app.sql; what was said, or "" and *c. free() the text. */
static inline char *load_text(const char *text, const char *const (*env)[2], struct config **c)
{
	const char *const files[][2] = {{"f.yaml", text}, {"codes.json", "{\"1\": \"a\"}"},
		{"app.sql", "CREATE TABLE t (a int);"}, {"list.json", "[1]"},
		{"deep.json", "{\"a\": 1,\n \"b\": {}}"}, {"broken.json", "{\n  \"a\": }"},
		{"half.json", "{ \"a\": 1"}, {"inner.json", "{ \"a\": [] }"}, {"word.json", "5"},
		{"none.json", "null"}, {"true.json", "true"}, {"text.json", "\"x\""},
		{"all.json", "{ \"a\": null, \"b\": true, \"c\": 1.5, \"d\": \"\xC3\xA9\" }"},
		{"abi.json", "[{\"type\":\"event\",\"name\":\"FromFile\",\"inputs\":[{\"name\":\"x\",\"type\":"
					 "\"uint256\",\"indexed\":false}]}]"},
		{"bad.json", "{}"}, {NULL, NULL}};
	struct world w = {.env = env ? env : ktty_env, .files = files};
	struct problems ps = {0};
	struct config *got = world_load(&w, "f.yaml", &ps);
	char *out = said(&ps);
	if ((got != NULL) != (ps.n == 0))
		fail_msg("a configuration and problems, or neither:\n%s", out);
	problems_fini(&ps);
	if (c)
		*c = got;
	else
		config_free(got);
	return out;
}

/* An application in pieces, so that a trial changes one of them. A NULL piece is the usual one. */
struct app_pieces {
	const char *top, *chain, *contract, *signer, *batch, *rules, *more;
};
static inline char *app_text(const struct app_pieces *p)
{
	struct buf b = {0};
	buf_printf(&b, "name: app\n%s\nchains:\n  main:\n    rpc: http://127.0.0.1:8545\n%s\n",
		p->top ? p->top : "", p->chain ? p->chain : "");
	buf_printf(&b,
		"contracts:\n  C:\n    address: \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n    abi:\n"
		"      - event E(uint256 indexed id, address who, string[] tags)\n"
		"      - function set(uint256[] ids, string[] codes)\n"
		"      - function code(uint256 id) view returns (string)\n"
		"      - function owner() view returns (address)\n%s\n",
		p->contract ? p->contract : "");
	buf_printf(&b, "signers:\n  owner:\n    key: ${OWNER_PRIVATE_KEY}\n%s\n", p->signer ? p->signer : "");
	buf_printf(&b, "batches:\n  b:\n%s\n",
		p->batch ? p->batch : "    key: id\n    let: SELECT 'x' AS code\n    send: C.set(id[], code[])\n");
	buf_printf(
		&b, "rules:\n%s\n%s\n", p->rules ? p->rules : "  - on: C.E\n    batch: b\n", p->more ? p->more : "");
	return b.p;
}

static inline char *load_pieces(const struct app_pieces *p, struct config **c)
{
	char *text = app_text(p), *out = load_text(text, NULL, c);
	free(text);
	return out;
}

#endif
