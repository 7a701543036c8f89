#include "common/app/config.h"
#include "common/app/expand.h"

/* Any text as a call and as a check. What passes the checks can be encoded or says why not, and answers are
 * read strictly. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const lines[] = {"function owner() view returns (address)",
	"function set(uint256[] ids, string[] codes)", "function code(uint256 id) view returns (string)",
	"function pair((uint256 a, address b) p, bytes32[2] h) returns (bool)"};
enum { LINES = sizeof lines / sizeof *lines };

static const char *env(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "V") == 0 ? "5" : NULL;
}

static void known(void *arg, const struct call *name, struct problems *ps)
{
	(void)arg;
	(void)name;
	(void)ps;
}

static bool value(void *arg, struct str name, struct str *out, struct err *e)
{
	(void)arg;
	*out = name.n % 2 ? STR("7") : STR("0x5FbDB2315678afecb367f032d93F642f64180aa3");
	return name.n < 12 || err_set(e, ERR_REJECTED, "null");
}

static bool item(void *arg, size_t i, struct str name, struct str *out, struct err *e)
{
	(void)i;
	return value(arg, name, out, e);
}

static const uint8_t *address(void *arg, const struct signer_decl *s)
{
	static const uint8_t zero[20];
	(void)arg;
	(void)s;
	return zero;
}

static void run_call(
	struct arena *a, const struct scalar *s, const struct call_rules *r, const struct call_scope *scope)
{
	struct problems ps = {0};
	struct call c;
	struct buf out = {0};
	struct str text;
	struct err e;
	if (call_parse(a, s, &c, &ps))
		call_check(a, &c, r, &ps);
	if (ps.n == 0 && c.kind == CALL_CHAIN && c.fn && call_encode(a, &c, scope, &out, &e))
		must(out.n >= 4);
	if (ps.n == 0 && c.kind != CALL_CHAIN)
		call_text(a, &c, NULL, scope, &text, &e);
	buf_fini(&out);
	problems_fini(&ps);
}

static void run_check(
	struct arena *a, const struct scalar *s, const struct call_rules *r, const struct call_scope *scope)
{
	struct problems ps = {0};
	struct check k;
	struct err e;
	uint8_t ret[96] = {[31] = 1};
	bool holds;
	if (check_parse(a, s, &k, &ps))
		check_check(a, &k, r, &ps);
	if (ps.n == 0 && k.left.kind == CALL_CHAIN && k.left.fn)
		check_holds(a, &k, (struct bytes){ret, 32}, scope, &holds, &e);
	problems_fini(&ps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct problems ps = {0};
	struct abi_entry abi[LINES];
	for (size_t i = 0; i < LINES; i++) {
		size_t at;
		must(abi_parse_line(&a, str_of(lines[i]), &abi[i], &at, NULL));
	}
	struct contract_decl contract = {.name = "C", .abi = abi, .nabi = LINES};
	struct signer_decl signer = {.name = "s"};
	struct call_rules rules = {&contract, 1, &signer, 1, NULL, known, size % 2, "x"};
	struct call_scope scope = {NULL, value, item, 3, address};
	struct scalar s = {.at = {"f", 1, 1, 1}, .text = {arena_textn(&a, (const char *)data, size), size}};
	struct vars v = {.a = &a, .ps = &ps, .env = env};
	expand(&v, &s, USE_OPEN);
	run_call(&a, &s, &rules, &scope);
	run_check(&a, &s, &rules, &scope);
	problems_fini(&ps);
	arena_fini(&a);
	return 0;
}
