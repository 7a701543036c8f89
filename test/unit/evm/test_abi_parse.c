#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evm/abi.h"
#include "test/unit/evm/hex.h"

#include <stdio.h>

static struct arena mem;

static int teardown(void **state)
{
	(void)state;
	arena_fini(&mem);
	return 0;
}

static struct abi_entry parse(const char *line)
{
	struct abi_entry x;
	struct err e = {0};
	size_t at;
	if (!abi_parse_line(&mem, str_of(line), &x, &at, &e))
		fail_msg("%s: byte %zu: %s", line, at, e.text);
	return x;
}

/* The line is refused at the byte where | stands in it. */
static void refused(const char *marked, const char *why)
{
	struct abi_entry x;
	struct err e = {0};
	size_t at;
	const char *bar = strchr(marked, '|');
	char line[400];
	snprintf(line, sizeof line, "%.*s%s", (int)(bar - marked), marked, bar + 1);
	if (abi_parse_line(&mem, str_of(line), &x, &at, &e))
		fail_msg("%s was taken", line);
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", line, e.text, why);
	if (at != (size_t)(bar - marked))
		fail_msg("%s: at byte %zu, not %d: %s", line, at, (int)(bar - marked), e.text);
}

static void test_known_hashes(void **state)
{
	(void)state;
	static const struct {
		const char *line, *hash;
	} cases[] = {
		{"event TokenRevealed(uint256 indexed tokenId)",
			"afd1af0d18662bc4cbe66cd3885857264bb71d267eb57c0add879e84a5be3177"},
		{"event TokensRevealed(uint256[] tokenIds)",
			"5f36dfedf769ad12bf71aec843edc397276a255b70d51016d99f5fb020dfd902"},
		{"event TokenCodesUpdated(uint256[] tokenIds, string[] codes)",
			"90ac0c0aa7a0c396d9494f545f571b38381d9d52c6e899fea05290cf4ea32d1e"},
		{"event TipSubmitted(bytes32 indexed, address indexed, address indexed, uint256, bytes32 h, bytes "
		 "sig)",
			"c63987a5d8f1b0e421d41640725b49c71751822d3a721cbf3c48a056787b3c02"},
		{"function setBulkTokenCodes(uint256[] calldata tokenIds, string[] calldata codes) external",
			"7c901f37"},
		{"function getTokenCode(uint) view returns (string memory)", "2e0d64e6"},
		{"function owner() external view returns (address)", "8da5cb5b"},
		{"function execute((address from,address to,uint256 value,uint256 gas,uint48 deadline,bytes "
		 "data,bytes signature) r)",
			"df905caf"},
		{"function submitTip(address from,address to,uint256 amount,bytes32 cidHash,uint256 nonce,uint8 "
		 "v,bytes32 r,bytes32 s)",
			"787fc49c"},
		{"error InvalidTokenId()", "3f6cc768"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct abi_entry x = parse(cases[i].line);
		struct bytes wanted = unhex(&mem, cases[i].hash);
		assert_memory_equal(x.hash, wanted.p, wanted.n);
	}
}

static void test_event(void **state)
{
	(void)state;
	struct abi_entry x = parse("  event\tTipSent ( address indexed from,uint amount , string note, bytes "
							   "indexed ) anonymous as Tip2 ; ");
	assert_int_equal(x.kind, ABI_EVENT);
	assert_string_equal(x.name, "TipSent");
	assert_string_equal(x.as, "Tip2");
	assert_string_equal(x.signature, "TipSent(address,uint256,string,bytes)");
	assert_true(x.anonymous);
	assert_int_equal(x.nin, 4);
	assert_string_equal(x.in[0].name, "from");
	assert_true(x.in[0].indexed);
	assert_string_equal(x.in[1].name, "amount");
	assert_false(x.in[1].indexed);
	assert_string_equal(x.in[3].name, "arg3");
	assert_true(x.in[3].indexed);
	assert_false(abi_indexed_is_hash(&x.in[0]));
	assert_false(abi_indexed_is_hash(&x.in[2]));
	assert_true(abi_indexed_is_hash(&x.in[3]));
	x = parse("event Empty()");
	assert_int_equal(x.nin, 0);
	assert_string_equal(x.as, "Empty");
	assert_false(x.anonymous);
	parse("event Four(uint indexed a, uint indexed b, uint indexed c, uint indexed d) anonymous");
	parse("event $dollar_1(uint indexed_ )");
}

static void test_function(void **state)
{
	(void)state;
	struct abi_entry x =
		parse("function f(address payable[2] to, function cb, bytes1) external payable virtual override "
			  "returns (uint8 a, tuple(int16 x, bool)[] b) as g");
	assert_int_equal(x.kind, ABI_FUNCTION_ENTRY);
	assert_string_equal(x.signature, "f(address[2],function,bytes1)");
	assert_string_equal(x.as, "g");
	assert_true(x.payable);
	assert_false(x.view);
	assert_int_equal(x.nout, 2);
	assert_string_equal(x.out[1].name, "b");
	assert_int_equal(x.out[1].type.kind, ABI_ARRAY);
	assert_string_equal(x.out[1].type.item->fields[1].name, "arg1");
	static const char *const views[] = {
		"view", "pure", "constant", "public view", "private pure", "internal constant"};
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
		char line[80];
		snprintf(line, sizeof line, "function f() %s returns (bool)", views[i]);
		assert_true(parse(line).view);
	}
	x = parse("function f() nonpayable");
	assert_false(x.view || x.payable);
	x = parse("constructor(address owner, uint) public payable");
	assert_int_equal(x.kind, ABI_CONSTRUCTOR);
	assert_string_equal(x.name, "constructor");
	assert_true(x.payable);
	assert_int_equal(x.nin, 2);
	x = parse("error Bad(uint256 have, uint256 want);");
	assert_int_equal(x.kind, ABI_ERROR);
	assert_int_equal(x.nin, 2);
}

static void test_refused(void **state)
{
	(void)state;
	refused("|", "begins with event");
	refused("|Transfer(address)", "begins with event");
	refused("|events E()", "begins with event");
	refused("|fallback() external", "begins with event");
	refused("event |", "a name");
	refused("event |(uint a)", "a name");
	refused("event E|", "( should");
	refused("event E |uint a)", "( should");
	refused("event E(uint a|", ", or )");
	refused("event E(uint a |b)", ", or )");
	refused("event E(uint a,|)", "a type should stand");
	refused("event E(|,uint a)", "a type should stand");
	refused("event E(tuple|)", "a type should stand");
	refused("event E(tuple |x)", "a type should stand");
	refused("event E(|IERC20 token)", "IERC20 is not a Solidity type");
	refused("event E(|uint7 a)", "uint7 is not");
	refused("event E(|uint12 a)", "uint12 is not");
	refused("event E(|uint264 a)", "uint264 is not");
	refused("event E(|uint0 a)", "uint0 is not");
	refused("event E(|uint08 a)", "uint08 is not");
	refused("event E(|int1 a)", "int1 is not");
	refused("event E(|bytes33 a)", "bytes33 is not");
	refused("event E(|bytes0 a)", "bytes0 is not");
	refused("event E(|uintx a)", "uintx is not");
	refused("event E(|fixed a)", "fixed is not");
	refused("event E(|uint99999999999999999999 a)", "is not a Solidity");
	refused("event E((uint a, |Foo b) c)", "Foo is not");
	refused("event E(()| a)", "at least one field");
	refused("event E(uint[|-1] a)", "a number, then");
	refused("event E(uint[2 |a)", "a number, then");
	refused("event E(uint[|0] a)", "fixed length is 1 to");
	refused("event E(uint[|1048577] a)", "fixed length is 1 to");
	refused("event E(uint[|99999999999999999999] a)", "fixed length is 1 to");
	refused("event E(uint[1024][1025]| a)", "too wide");
	refused("event E(uint[1048576] a, uint b|)", "too wide");
	refused("event E(uint indexed |indexed a)", "indexed stands once");
	refused("function f(uint |indexed a)", "indexed stands once");
	refused("event E((uint |indexed a) b)", "indexed stands once");
	refused("event E(uint indexed a, uint indexed b, uint indexed c, uint indexed d)|", "has room for 3");
	refused(
		"event E(uint indexed a, uint indexed b, uint indexed c, uint indexed d, uint indexed e) anonymous|",
		"room for 4");
	refused("event E() |view", "should end here");
	refused("event E() |payable", "should end here");
	refused("event E()|; x", "should end here");
	refused("event E() |)", "should end here");
	refused("error E() |anonymous", "should end here");
	refused("constructor() |view", "should end here");
	refused("constructor() |returns (uint)", "should end here");
	refused("function f() returns |", "( should");
	refused("function f() returns (uint) |returns (uint)", "should end here");
	refused("function f() as |", "a name");
	refused("function f() as g |as h", "should end here");
	refused("function f() |11", "should end here");
	refused("event E(((((((((((((((((|(uint)))))))))))))))))) a)", "nested deeper");
	refused("event E(uint[][][][][][][][][][][][][][][][|] a)", "nested deeper");
}

static void test_semicolon_twice(void **state)
{
	(void)state;
	struct abi_entry x;
	size_t at;
	assert_false(abi_parse_line(&mem, STR("event E();;"), &x, &at, NULL));
}

static void test_types(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
	} cases[] = {{"uint", "uint256"}, {"int", "int256"}, {" int8 ", "int8"}, {"uint256[][3]", "uint256[][3]"},
		{"(address , uint8)[2]", "(address,uint8)[2]"}, {"tuple(bytes32 a,(bool b) c)", "(bytes32,(bool))"},
		{"tuple (string)", "(string)"}, {"address payable", "address"}, {"function[]", "function[]"},
		{"bytes24", "bytes24"}, {"uint[ ][ 7 ]", "uint256[][7]"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct abi_type t, again;
		struct err e = {0};
		struct buf b = {0};
		assert_true(abi_parse_type(&mem, str_of(cases[i].text), &t, &e));
		abi_type_text(&b, &t);
		assert_string_equal(b.p, cases[i].canonical);
		assert_true(abi_parse_type(&mem, str_of(b.p), &again, &e));
		buf_fini(&b);
	}
	static const char *const bad[] = {
		"", "uint256 a", "uint256]", "(uint256", "[]", "uint256[", "()", "address payabl"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct abi_type t;
		struct err e = {0};
		assert_false(abi_parse_type(&mem, str_of(bad[i]), &t, &e));
		assert_int_equal(e.class, ERR_MALFORMED);
	}
}

static struct abi_entry *parse_json(const char *json, size_t *n)
{
	struct abi_entry *all;
	struct err e = {0};
	if (!abi_parse_json(&mem, str_of(json), &all, n, &e))
		fail_msg("%s: %s", json, e.text);
	return all;
}

static void test_json(void **state)
{
	(void)state;
	size_t n;
	struct abi_entry *x = parse_json(
		"[{\"type\":\"constructor\",\"inputs\":[{\"name\":\"owner\",\"type\":\"address\",\"internalType\":"
		"\"contract X\"}],"
		"\"stateMutability\":\"payable\"},"
		"{\"type\":\"receive\",\"stateMutability\":\"payable\"},{\"type\":\"fallback\"},"
		"{\"name\":\"f\",\"constant\":true,\"inputs\":[],\"outputs\":[{\"name\":\"\",\"type\":\"uint256\"}]},"
		"{\"type\":\"function\",\"name\":\"g\",\"stateMutability\":\"pure\",\"inputs\":[{\"name\":\"s\","
		"\"type\":\"tuple[2][]\","
		"\"components\":[{\"name\":\"a\",\"type\":\"uint8\"},{\"type\":\"tuple\",\"components\":[{\"name\":"
		"\"b\",\"type\":"
		"\"string\"}]}]}]},"
		"{\"type\":\"event\",\"name\":\"E\",\"anonymous\":true,\"inputs\":[{\"name\":\"a\",\"type\":"
		"\"uint256\",\"indexed\":true},"
		"{\"name\":\"b\",\"type\":\"bytes\",\"indexed\":false}]},"
		"{\"type\":\"error\",\"name\":\"Bad\",\"inputs\":[]},{\"type\":\"function\",\"name\":\"h\","
		"\"payable\":true}]",
		&n);
	assert_int_equal(n, 6);
	assert_int_equal(x[0].kind, ABI_CONSTRUCTOR);
	assert_true(x[0].payable);
	assert_string_equal(x[1].signature, "f()");
	assert_true(x[1].view);
	assert_string_equal(x[1].out[0].name, "arg0");
	assert_string_equal(x[2].signature, "g((uint8,(string))[2][])");
	assert_true(x[2].view);
	assert_string_equal(x[2].in[0].type.item->item->fields[1].name, "arg1");
	assert_string_equal(x[3].as, "E");
	assert_true(x[3].anonymous && x[3].in[0].indexed && !x[3].in[1].indexed);
	assert_int_equal(x[4].kind, ABI_ERROR);
	assert_true(x[5].payable);
	x = parse_json(
		"{\"contractName\":\"C\",\"abi\":[{\"type\":\"event\",\"name\":\"E\"}],\"bytecode\":\"0x\"}", &n);
	assert_int_equal(n, 1);
	parse_json("[]", &n);
	assert_int_equal(n, 0);
}

static void json_refused(const char *json, const char *why)
{
	struct abi_entry *all;
	size_t n;
	struct err e = {0};
	assert_false(abi_parse_json(&mem, str_of(json), &all, &n, &e));
	assert_int_equal(e.class, ERR_MALFORMED);
	if (!strstr(e.text, why))
		fail_msg("%s: \"%s\" says nothing of \"%s\"", json, e.text, why);
}

#define EVENT(inputs) "[{\"type\":\"event\",\"name\":\"E\",\"inputs\":[" inputs "]}]"

static void test_json_refused(void **state)
{
	(void)state;
	json_refused("", "not JSON");
	json_refused("[", "not JSON");
	json_refused("[] x", "not JSON");
	json_refused("7", "an ABI file is");
	json_refused("{}", "an ABI file is");
	json_refused("{\"abi\":{}}", "an ABI file is");
	json_refused("[7]", "entry 0 of the ABI is not an object");
	json_refused("[{\"type\":\"event\"}]", "entry 0 of the ABI: its \"name\"");
	json_refused("[{\"type\":\"event\",\"name\":7}]", "its \"name\"");
	json_refused("[{\"type\":\"event\",\"name\":\"\"}]", "its \"name\"");
	json_refused("[{\"type\":\"event\",\"name\":\"1E\"}]", "its \"name\"");
	json_refused("[{\"type\":\"event\",\"name\":\"E;drop\"}]", "its \"name\"");
	json_refused("[{}]", "its \"name\"");
	json_refused(EVENT("{\"name\":\"a\"}"), "E: parameter 0: a parameter has no \"type\"");
	json_refused(EVENT("{\"name\":\"a b\",\"type\":\"bool\"}"), "a parameter's name");
	json_refused(EVENT("{\"type\":\"bool\"},{\"type\":\"uint7\"}"), "parameter 1: uint7 is not");
	json_refused(EVENT("{\"type\":\"bool x\"}"), "should end at byte 5");
	json_refused(EVENT("{\"type\":\"tuple\"}"), "a type should stand");
	json_refused(EVENT("{\"type\":\"tuple\",\"components\":[]}"), "a type should stand");
	json_refused(EVENT("{\"type\":\"tuple\",\"components\":[{\"type\":\"x\"}]}"),
		"parameter 0: parameter 0: x is not");
	json_refused(EVENT("{\"type\":\"uint256[1048576]\"},{\"type\":\"bool\"}"), "too wide");
	json_refused(EVENT("{\"type\":\"uint\",\"indexed\":true},{\"type\":\"uint\",\"indexed\":true},{\"type\":"
					   "\"uint\",\"indexed\":"
					   "true},{\"type\":\"uint\",\"indexed\":true}"),
		"room for 3");
	json_refused("[{\"name\":\"f\",\"outputs\":[{\"type\":\"x\"}]}]", "f, outputs: parameter 0: x is not");
	struct err e;
	struct abi_entry *all;
	size_t n;
	assert_false(abi_parse_json(&mem, (struct str){"[]\0", 3}, &all, &n, &e));
	char deep[200];
	memset(deep, '[', sizeof deep);
	assert_false(abi_parse_json(&mem, (struct str){deep, sizeof deep}, &all, &n, &e));
	assert_non_null(strstr(e.text, "deeper"));
}

static void test_json_depth(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_text(&b, "[{\"name\":\"f\",\"inputs\":[");
	for (int i = 0; i < 20; i++)
		buf_text(&b, "{\"type\":\"tuple\",\"components\":[");
	buf_text(&b, "{\"type\":\"bool\"}");
	for (int i = 0; i < 20; i++)
		buf_text(&b, "]}");
	buf_text(&b, "]}]");
	json_refused(b.p, "nested deeper");
	buf_fini(&b);
	/* brackets inside strings don't count */
	size_t n;
	parse_json("[{\"type\":\"x\",\"note\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			   "[[[\\\"[[[\"}]",
		&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_hashes),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_function),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_semicolon_twice),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_refused),
		cmocka_unit_test(test_json_depth),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
