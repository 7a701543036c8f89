#define _GNU_SOURCE /* memmem */
#include "test/unit/app/languages.h"
#include "common/app/call.h"

static const char *const lines[] = {
	"function owner() view returns (address)",
	"function set(uint256[] ids, string[] codes)",
	"function code(uint256 id) view returns (string)",
	"function good(uint8 n, bool b) view returns (bool)",
	"function pair((uint256 a, address b) p, bytes32[2] h) payable",
	"function none(uint256 x)",
	"function hash(bytes32 h, bytes d) returns (bytes32)",
	"function over(uint256 a) view returns (bool)",
	"function over(uint256 a, uint256 b) view returns (bool)",
};

struct chain_world {
	struct abi_entry abi[16];
	struct contract_decl contract;
	struct signer_decl signer;
	struct one_scalar o;
	struct call_rules rules;
};

static void known(void *arg, const struct call *name, struct problems *ps)
{
	(void)arg;
	if (memmem(name->text.p, name->text.n, "unknown", 7))
		problem_add(ps, name->at, "no such name");
}

static void begin(struct chain_world *w, const char *text)
{
	memset(w, 0, sizeof *w);
	scalar_begin(&w->o, text);
	size_t n = sizeof lines / sizeof *lines;
	for (size_t i = 0; i < n; i++) {
		size_t at;
		struct err e;
		if (!abi_parse_line(&w->o.a, str_of(lines[i]), &w->abi[i], &at, &e))
			fail_msg("%s: %s", lines[i], e.text);
	}
	w->contract = (struct contract_decl){.name = "C", .abi = w->abi, .nabi = n};
	w->signer = (struct signer_decl){.name = "owner"};
	w->rules = (struct call_rules){&w->contract, 1, &w->signer, 1, w, known, false, "batches.b.skip"};
}

static bool is_check(const char *text)
{
	return strstr(text, "==") || text[0] == '?';
}

static void test_said(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said; /* a text with ==, or that begins with ?, is a check */
		bool items;
	} cases[] = {
		{"C.set(id[], code[])", "", true},
		{"C.set(id[], code[])",
			"1:7 id[] is of a batch, in its send; here is one row: write id\n1:13 code[] is of a batch, in "
			"its send; here is one row: write code\n",
			false},
		{"C.code(id[])", "1:8 id[] is a list, but uint256 is wanted here\n", true},
		{"C.set([1, 2], ['a', 'it''s'])", "", false},
		{"C.cde(1)", "1:3 C has no function cde; did you mean code?\n", false},
		{"C.zzzzzz(1)", "1:3 C has no function zzzzzz; add a line for it to its abi\n", false},
		{"D.code(1)", "1:1 no contract or signer is named D\n", false},
		{"Nothing.code(1)", "1:1 no contract or signer is named Nothing\n", false},
		{"C.code()", "1:3 C.code takes 1 argument (uint256 id), here are 0\n", false},
		{"C.set(1)", "1:3 C.set takes 2 arguments (uint256[] ids, string[] codes), here is 1\n", false},
		{"C.code(unknown)", "1:8 no such name\n", false},
		{"C.code(-1)", "1:8 this is no uint256: ", false},
		{"C.good(256, true)", "1:8 this is no uint8: ", false},
		{"C.good(1, 1)", "1:11 this can't be bool, which is wanted here\n", false},
		{"C.good(true, true)", "1:8 this can't be uint8, which is wanted here\n", false},
		{"C.good(n, b)", "", false},
		{"C.over(1)", "", false},
		{"C.over(1, 2)", "", false},
		{"C.over(1, 2, 3)", "1:3 C.over takes 2 arguments (uint256 a, uint256 b), here are 3\n", false},
		{"C.pair((1, owner.address()), [keccak('a'), hash32(x)])", "", false},
		{"C.pair((1, 2, 3), [h, h])", "1:8 this can't be (uint256,address), which is wanted here\n", false},
		{"C.pair(p, [h])", "1:11 this can't be bytes32[2], which is wanted here\n", false},
		{"C.pair((1, '0x12'), h)", "1:12 this is no address: ", false},
		{"C.code(1 gwei)", "", false},
		{"C.code(1 euro)", "1:8 1 euro is no amount; units are wei, gwei and ether, or lamports and sol\n",
			false},
		{"C.code(1 eth)",
			"1:8 no unit of money; did you mean 1 ether? Units are wei, gwei and ether, or lamports and "
			"sol\n",
			false},
		{"C.code(1.5)", "1:8 a number of a call is whole, or has a unit, as 0.5 ether\n", false},
		{"C.code(-)", "1:8 a number of a call is whole, or has a unit, as 0.5 ether\n", false},
		{"C.code(0x12)", "1:8 bytes are a text here, as '0x12ab'\n", false},
		{"C.code('x)", "1:8 a quote that is not closed\n", false},
		{"C.code(\"x\")", "1:8 text in a call stands in '…'\n", false},
		{"C.code('${V}')",
			"1:9 a ${VAR} inside quotes; it is a value by itself in a call: take the quotes away\n", false},
		{"C.code(${N})", "", false},
		{"C.code(${V})", "1:8 this is no uint256: ", false},
		{"C.code(1", "1:9 a call that ends without its )\n", false},
		{"C.code(1]", "1:9 a call: here ) is missing\n", false},
		{"C.code(1) x", "1:11 this stands behind the end of the call\n", false},
		{"C.code(%)", "1:8 a call is made of names, numbers, 'text', true, (a, b), [a, b] and f(…)\n", false},
		{"", "1:1 a call that says nothing\n", false},
		{"C.code(a[0])", "1:8 x[] is x of every item of the batch; one of them can't be picked\n", true},
		{"C.code(C.code(1))",
			"1:8 batches.b.skip: a call of a contract as an argument is not in this version\n", false},
		{"keccak(C.code(1))",
			"1:8 batches.b.skip: a call of a contract as an argument is not in this version\n", false},
		{"cid(x)", "1:1 batches.b.skip: cid() is not in this version\n", false},
		{"keccack(x)", "1:1 no function is named keccack; did you mean keccak?\n", false},
		{"foo(x)",
			"1:1 no function is named foo; a contract's is Contract.fn(…), ours are keccak hash32 hex pack "
			"encode\n",
			false},
		{"keccak()", "1:1 keccak takes one argument, here are 0\n", false},
		{"keccak(pack(address a, uint256[] b, (address,uint8)[2] c))", "", false},
		{"pack(a)", "1:6 an argument of pack and encode carries its type, as pack(address a, uint256 n)\n",
			false},
		{"pack(uint7 a)",
			"1:6 an argument of pack and encode carries its type, as pack(address a, uint256 n)\n", false},
		{"encode(uint8 300)", "1:14 this is no uint8: ", false},
		{"owner.address(1)", "1:1 owner.address() takes no argument\n", false},
		{"owner.adress()", "1:1 a signer has address() and eip191(h), not adress; did you mean address?\n",
			false},
		{"owner.balance()", "1:1 a signer has address() and eip191(h), not balance\n", false},
		{"owner.eip191(h)", "1:1 batches.b.skip: owner.eip191 is not in this version\n", false},
		{"C.owner() == owner.address()", "", false},
		{"C.code(1) == 'x'", "", false},
		{"C.code(1) == code", "", false},
		{"?C.code(1)", "1:1 C.code gives no bool; compare it: … == value\n", false},
		{"?C.over(1)", "", false},
		{"?C.none(1)", "1:1 C.none gives nothing back; add `returns (…)` to its line in the abi\n", false},
		{"?owner.address()", "1:1 a check asks a contract: Contract.fn(…) or Contract.fn(…) == value\n",
			false},
		{"?x", "1:1 a check asks a contract: Contract.fn(…) or Contract.fn(…) == value\n", false},
		{"C.owner() == 5", "1:14 this can't be address, which is wanted here\n", false},
		{"C.owner() == C.owner()",
			"1:14 batches.b.skip: a call of a contract behind == is not in this version\n", false},
		{"C.owner() == 'a' == 'b'", "1:18 a check is a call, or call == value: == is its only operator\n",
			false},
		{"?C.over(1) && x", "1:11 a check is a call, or call == value: == is its only operator\n", false},
		{"C.owner() ==", "1:13 a call that says nothing\n", false},
		{"((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))", "1:25 a call nested too deeply\n",
			false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct chain_world w;
		const char *text = cases[i].text + (cases[i].text[0] == '?');
		begin(&w, text);
		w.rules.items = cases[i].items;
		if (is_check(cases[i].text)) {
			struct check k;
			if (check_parse(&w.o.a, &w.o.s, &k, &w.o.ps))
				check_check(&w.o.a, &k, &w.rules, &w.o.ps);
		} else {
			struct call c;
			if (call_parse(&w.o.a, &w.o.s, &c, &w.o.ps))
				call_check(&w.o.a, &c, &w.rules, &w.o.ps);
		}
		char *out = said(&w.o.ps);
		size_t n = strlen(cases[i].said);
		bool whole = n == 0 || cases[i].said[n - 1] == '\n';
		if (whole ? strcmp(out, cases[i].said) != 0 : strncmp(out, cases[i].said, n) != 0 || w.o.ps.n != 1)
			fail_msg("%s gave\n%s", cases[i].text, out);
		free(out);
		scalar_end(&w.o);
	}
}

static void test_equals_in_a_call(void **state)
{
	(void)state;
	struct chain_world w;
	struct call c;
	begin(&w, "C.owner() == 1");
	assert_false(call_parse(&w.o.a, &w.o.s, &c, &w.o.ps));
	char *out = said(&w.o.ps);
	assert_string_equal(out, "1:11 == stands only in a check, as skip and must\n");
	free(out);
	scalar_end(&w.o);
}

static const uint8_t address[20] = {0x5F, 0xbD, 0xB2, 0x31, 0x56, 0x78, 0xaf, 0xec, 0xb3, 0x67, 0xf0, 0x32,
	0xd9, 0x3F, 0x64, 0x2f, 0x64, 0x18, 0x0a, 0xa3};

static bool value(void *arg, struct str name, struct str *out, struct err *e)
{
	(void)arg;
	if (str_is(name, "id"))
		*out = STR("42");
	else if (str_is(name, "word"))
		*out = STR("0x12");
	else if (str_is(name, "ids"))
		*out = STR("[1,\"2\"]");
	else
		return err_set(e, ERR_REJECTED, "%.*s is null", (int)name.n, name.p);
	return true;
}

static bool item(void *arg, size_t i, struct str name, struct str *out, struct err *e)
{
	static const char *const ids[] = {"7", "8"}, *const codes[] = {"a", "bb"};
	(void)arg;
	if (str_is(name, "bad"))
		return err_set(e, ERR_REJECTED, "item %zu has no bad", i);
	*out = str_of(str_is(name, "id") ? ids[i] : codes[i]);
	return true;
}

static const uint8_t *who(void *arg, const struct signer_decl *s)
{
	(void)s;
	return arg ? address : NULL;
}

static struct call_scope scope_of(bool knows)
{
	static int here;
	return (struct call_scope){knows ? &here : NULL, value, item, 2, who};
}

/* Calldata of a call, in hex without the selector's 0x; or "! " and the error. */
static char *encoded(const char *text)
{
	struct chain_world w;
	struct call c;
	struct buf raw = {0}, out = {0};
	struct err e = {0};
	struct call_scope scope = scope_of(true);
	begin(&w, text);
	w.rules.items = true;
	if (call_parse(&w.o.a, &w.o.s, &c, &w.o.ps))
		call_check(&w.o.a, &c, &w.rules, &w.o.ps);
	char *problems = said(&w.o.ps);
	assert_string_equal(problems, "");
	free(problems);
	if (call_encode(&w.o.a, &c, &scope, &raw, &e))
		buf_hex(&out, (const uint8_t *)raw.p, raw.n);
	else
		buf_printf(&out, "! %s", e.text);
	buf_fini(&raw);
	scalar_end(&w.o);
	return out.p;
}

#define W0     "0000000000000000000000000000000000000000000000000000000000000000"
#define W(two) "00000000000000000000000000000000000000000000000000000000000000" two

static void test_encode(void **state)
{
	(void)state;
	static const struct {
		const char *text, *hex; /* behind the selector */
	} cases[] = {
		{"C.code(id)", W("2a")},
		{"C.code(5)", W("05")},
		{"C.code(${N})", W("05")},
		{"C.code('6')", W("06")},
		{"C.good(1, true)", W("01") W("01")},
		{"C.good(1, false)", W("01") W0},
		{"C.set(id[], code[])",
			W("40") W("a0") W("02") W("07") W("08") W("02") W("40") W("80")
				W("01") "6100000000000000000000000000000000000000000000000000000000000000" W(
					"02") "6262000000000000000000000000000000000000000000000000000000000000"},
		{"C.set(ids, ['a'])", W("40") W("a0") W("02") W("01") W("02") W("01") W("20")
								  W("01") "6100000000000000000000000000000000000000000000000000000000000000"},
		{"C.pair((1, owner.address()), [keccak('a'), hash32('0x2a')])",
			W("01") "0000000000000000000000005fbdb2315678afecb367f032d93f642f64180aa3"
					"3ac225168df54212a25c1c01fd35bebfea408fdac2e31ddd6f80a4bbf9a5f1cb"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *out = encoded(cases[i].text);
		size_t n = strlen(cases[i].hex);
		if (strlen(out) < 8 + n || strncmp(out + 8, cases[i].hex, n) != 0)
			fail_msg("%s gave\n%s", cases[i].text, out);
		free(out);
	}
	char *out = encoded("C.code(missing)");
	assert_string_equal(out, "! argument id of C.code: missing is null");
	free(out);
	out = encoded("C.good(id, word)");
	has(out, "! argument b of C.good: word: ");
	free(out);
	out = encoded("C.set(bad[], code[])");
	assert_string_equal(out, "! argument ids of C.set: item 0 has no bad");
	free(out);
	out = encoded("C.set(code[], code[])");
	has(out, "! argument ids of C.set: code of item 1: ");
	free(out);
}

static char *text_of(const char *text, const char *type, bool knows)
{
	struct chain_world w;
	struct call c;
	struct str s;
	struct buf out = {0};
	struct err e = {0};
	struct abi_type t;
	struct call_scope scope = scope_of(knows);
	begin(&w, text);
	w.rules.items = true;
	if (call_parse(&w.o.a, &w.o.s, &c, &w.o.ps))
		call_check(&w.o.a, &c, &w.rules, &w.o.ps);
	char *problems = said(&w.o.ps);
	assert_string_equal(problems, "");
	free(problems);
	if (type)
		assert_true(abi_parse_type(&w.o.a, str_of(type), &t, &e));
	if (call_text(&w.o.a, &c, type ? &t : NULL, &scope, &s, &e))
		buf_str(&out, s);
	else
		buf_printf(&out, "! %s", e.text);
	buf_char(&out, 0);
	scalar_end(&w.o);
	return out.p;
}

static void test_text(void **state)
{
	(void)state;
	static const struct {
		const char *text, *type, *out;
	} cases[] = {
		{"id", NULL, "42"},
		{"'it''s $${x'", NULL, "it's ${x"},
		{"true", NULL, "true"},
		{"false", "bool", "false"},
		{"1 ether", NULL, "1000000000000000000"},
		{"owner.address()", NULL, "0x5fbdb2315678afecb367f032d93f642f64180aa3"},
		{"owner.address()", "address", "0x5fbdb2315678afecb367f032d93f642f64180aa3"},
		{"(id, 'x', [1, 2])", NULL, "[\"42\",\"x\",[\"1\",\"2\"]]"},
		{"id[]", NULL, "[\"7\",\"8\"]"},
		{"id[]", "uint256[]", "[\"7\",\"8\"]"},
		{"keccak('')", NULL, "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
		/* the text "0x12", not its byte */
		{"keccak(word)", NULL, ""},
		{"hex(word)", NULL, "0x12"},
		{"hash32('0x00000000000000000000000000000000000000000000000000000000000000ff')", NULL, "0x" W("ff")},
		{"hash32('')", NULL, "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
		{"pack(uint8 1, uint256 id, bool true, bytes word, string 'ab', bytes4 '0x01020304')", NULL,
			"0x01" W("2a") "01"
						   "12"
						   "6162"
						   "01020304"},
		{"pack(address owner.address())", NULL, "0x5fbdb2315678afecb367f032d93f642f64180aa3"},
		{"pack(uint8[] ids, int16 -2)", NULL, "0x" W("01") W("02") "fffe"},
		{"pack(bytes2[] ['0x0102'], address[] [owner.address()], bool[] [true])", NULL,
			"0x0102000000000000000000000000000000000000000000000000000000000000"
			"0000000000000000000000005fbdb2315678afecb367f032d93f642f64180aa3" W("01")},
		{"encode(uint256 id, bool true)", NULL, "0x" W("2a") W("01")},
		{"pack((uint8,uint8) (1, 2))", NULL,
			"! pack takes no tuples, no nested arrays and no arrays of bytes or string"},
		{"pack(string[] ['a'])", NULL,
			"! pack takes no tuples, no nested arrays and no arrays of bytes or string"},
		{"hex('xyz')", NULL, "! xyz is not 0x and pairs of hex digits"},
		{"keccak(missing)", NULL, "! missing is null"},
		{"keccak(hex('xyz'))", NULL, "! xyz is not 0x and pairs of hex digits"},
		{"(hash32(hex('xyz')), 1)", NULL, "! xyz is not 0x and pairs of hex digits"},
		{"[(1, missing)]", NULL, "! missing is null"},
		{"(missing, 1)", NULL, "! missing is null"},
		{"bad[]", NULL, "! item 0 has no bad"},
		{"pack(uint8 missing)", NULL, "! missing is null"},
		{"encode(uint8 missing)", NULL, "! missing is null"},
		{"hash32(missing)", NULL, "! missing is null"},
		{"C.code(1)", NULL, "! the answer of a contract is not known here"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *out = text_of(cases[i].text, cases[i].type, true);
		if (cases[i].out[0] && strcmp(out, cases[i].out) != 0)
			fail_msg("%s gave\n%s", cases[i].text, out);
		free(out);
	}
	char *of_text = text_of("keccak(word)", NULL, true), *of_bytes = text_of("keccak(hex(word))", NULL, true);
	assert_string_not_equal(of_text, of_bytes);
	assert_string_equal(of_bytes, "0x5fa2358263196dbbf23d1ca7a509451f7a2f64c15837bfbb81298b1e3e24e4fa");
	free(of_text);
	free(of_bytes);
	char *out = text_of("owner.address()", NULL, false);
	assert_string_equal(out, "! the address of owner is not known yet");
	free(out);
}

static void holds(const char *text, const char *ret_hex, int want) /* want -1: an error */
{
	struct chain_world w;
	struct check k;
	uint8_t ret[512];
	bool is = false;
	struct err e = {0};
	struct call_scope scope = scope_of(true);
	begin(&w, text);
	assert_true(check_parse(&w.o.a, &w.o.s, &k, &w.o.ps));
	check_check(&w.o.a, &k, &w.rules, &w.o.ps);
	size_t n = strlen(ret_hex) / 2;
	assert_true(hex_from(ret, n, str_of(ret_hex)));
	bool good = check_holds(&w.o.a, &k, (struct bytes){ret, n}, &scope, &is, &e);
	if (good != (want >= 0) || (good && is != (want == 1)))
		fail_msg("%s of %s: %s %s", text, ret_hex, good ? "good" : e.text, is ? "holds" : "holds not");
	scalar_end(&w.o);
}

static void test_check_holds(void **state)
{
	(void)state;
	holds("C.over(1)", W("01"), 1);
	holds("C.over(1)", W0, 0);
	holds("C.over(1)", W("02"), -1);
	holds("C.over(1)", "", -1);
	holds("C.owner() == owner.address()", "0000000000000000000000005fbdb2315678afecb367f032d93f642f64180aa3",
		1);
	holds("C.owner() == '0x5FbDB2315678afecb367f032d93F642f64180aa3'",
		"0000000000000000000000005fbdb2315678afecb367f032d93f642f64180aa3", 1);
	holds("C.owner() == owner.address()", W("05"), 0);
	holds("C.code(1) == '42'",
		W("20") W("02") "3432000000000000000000000000000000000000000000000000000000000000", 1);
	holds("C.code(1) == id",
		W("20") W("02") "3432000000000000000000000000000000000000000000000000000000000000", 1);
	holds("C.code(1) == ''", W("20") W("00"), 1);
	holds("C.code(1) == missing", W("20") W("00"), -1);
}

static void test_result_text(void **state)
{
	(void)state;
	struct chain_world w;
	struct call c;
	struct str s;
	struct err e = {0};
	uint8_t ret[32] = {[31] = 5};
	begin(&w, "C.good(1, true)");
	assert_true(call_parse(&w.o.a, &w.o.s, &c, &w.o.ps));
	call_check(&w.o.a, &c, &w.rules, &w.o.ps);
	ret[31] = 1;
	assert_true(call_result_text(&w.o.a, &c, (struct bytes){ret, 32}, &s, &e));
	assert_true(str_is(s, "true"));
	assert_false(call_result_text(&w.o.a, &c, (struct bytes){ret, 31}, &s, &e));
	has(e.text, "C.good: ");
	scalar_end(&w.o);
	begin(&w, "C.none(1)");
	assert_true(call_parse(&w.o.a, &w.o.s, &c, &w.o.ps));
	call_check(&w.o.a, &c, &w.rules, &w.o.ps);
	assert_false(call_result_text(&w.o.a, &c, (struct bytes){ret, 32}, &s, &e));
	assert_string_equal(e.text, "C.none gives nothing back");
	scalar_end(&w.o);
}

static void count_names(void *arg, const struct call *name)
{
	struct buf *b = arg;
	buf_printf(b, "%.*s%s ", (int)name->text.n, name->text.p, name->kind == CALL_COLUMN ? "[]" : "");
}

static void test_each_name(void **state)
{
	(void)state;
	struct chain_world w;
	struct call c;
	struct buf b = {0};
	begin(&w, "C.pair((a, tx.hash), [keccak(b), c[]])");
	assert_true(call_parse(&w.o.a, &w.o.s, &c, &w.o.ps));
	call_each_name(&c, count_names, &b);
	assert_string_equal(b.p, "a tx.hash b c[] ");
	buf_fini(&b);
	scalar_end(&w.o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_said), cmocka_unit_test(test_equals_in_a_call),
		cmocka_unit_test(test_encode), cmocka_unit_test(test_text), cmocka_unit_test(test_check_holds),
		cmocka_unit_test(test_result_text), cmocka_unit_test(test_each_name)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
