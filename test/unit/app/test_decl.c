#include "test/unit/app/ktty.h"

struct trial {
	struct app_pieces p;
	const char *said[4]; /* parts of lines; none: it loads */
};

/* One line of what differs, for all trials before the test fails. */
static bool differs(const struct trial *t, const char *out)
{
	size_t parts = 0, lines = 0;
	bool wrong = false;
	for (; parts < 4 && t->said[parts]; parts++)
		if (!strstr(out, t->said[parts])) {
			print_error("there is no \"%s\"\n", t->said[parts]);
			wrong = true;
		}
	for (const char *p = out; *p; p++)
		lines += *p == '\n';
	return wrong || lines != parts;
}

static void run(const struct trial *t, size_t n)
{
	size_t failed = 0;
	for (size_t i = 0; i < n; i++) {
		struct config *c;
		char *text = app_text(&t[i].p), *out = load_text(text, NULL, &c);
		if (differs(&t[i], out)) {
			const struct app_pieces *p = &t[i].p;
			const char *all[] = {p->top, p->chain, p->contract, p->signer, p->batch, p->rules, p->more};
			for (size_t k = 0; k < sizeof all / sizeof *all; k++)
				if (all[k])
					print_error("%s\n", all[k]);
			print_error("gave\n%s--\n", out);
			failed++;
		}
		free(out);
		free(text);
		config_free(c);
	}
	assert_int_equal(failed, 0);
}
#define RUN(trials) run(trials, sizeof trials / sizeof *trials)

static void test_words_and_kinds(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{0}, {0}},
		{{.top = "fleet: { log: info, pol: 3 }"},
			{"fleet has no word pol; did you mean pool? It also knows log check drain alarm"}},
		{{.top = "fleet: 5"}, {"fleet is a map of words, not one value"}},
		{{.top = "fleet: [ 5 ]"}, {"fleet is a map of words, not a list"}},
		{{.top = "fleet: { pool: { a: 1 } }"}, {"fleet.pool is one value, not a map"}},
		{{.top = "fleet: { pool: [ 1 ] }"}, {"fleet.pool is one value, not a list"}},
		{{.top = "fleet: { zzzzzz: 1 }"},
			{"fleet has no word zzzzzz; it knows log pool check drain alarm keep"}},
		{{.top = "streams: { mount: /s, allow: { streams: x } }"},
			{"streams is not in this version", "streams.allow is a list"}},
		{{.top = "fleet: { pool: ~, check: , log: \"\" }"}, {0}},
		{{.top = "streams: { mount: /s }"}, {"2:1 streams is not in this version"}},
		{{.top = "streams: { mount: s, keep: { \"a-*\": { age: 5 } } }"},
			{"streams is not in this version", "streams.mount is a path", "a time without a unit"}},
		{{.top = "probes: { of: { a: { http: x } } }"},
			{"probes is not in this version", "probes.of.a.http is no URL"}},
		{{.more = "serve: { tls: { cert: a, key: b }, limit: { request.ip: 5/m } }"}, {0}},
		{{.more = "serve: { graphql: { path: /g } }"}, {"serve.graphql is not in this version"}},
		{{.more = "serve: { ws: { x: { } }, graphql: { path: /g } }"},
			{"a path begins with /", "serve.graphql is not"}},
		{{.more = "serve: { ws: { /a: { topics: [ t, tt, lock:5 ], speak: socket.io, ping: 1ms }, /b: { "
				  "topics: "
				  "\"lo*\" } } }",
			 .rules = "  - on: C.E\n    do: [ { publish: t }, { publish: \"lock:{id}\" } ]"},
			{"nothing publishes to tt", "speak: socket.io is not in this version",
				"ping and pong are 1s at least"}},
		{{.more = "serve: { ready: /a, live: /a }"}, {"serve.ready and serve.live are one path"}},
		{{.more = "serve: { ready: a, listen: [ \"h:1\", \"h:x\", \":1\" ] }"},
			{"serve.ready is a path", "h:x is no host:port", ":1 is no host:port"}},
		{{.more =
				 "serve: { auth: { a: { bearer: x }, b: { }, c: { bearer: \"${T:-}\", jwt: \"${U:-}\" } } }"},
			{"a secret written out", "serve.auth.b is { bearer: ${VAR} }",
				"serve.auth.c is { bearer: ${VAR} }"}},
		{{.more = "serve: { errors: { a: \"{title} {nope}\", b: [ \"{{x}}\" ] } }"},
			{"errors takes no insert {nope}; it knows title detail status request now"}},
		{{.more = "serve: { cors: \"*\", limit: { request.ip: 5/min } }"}, {"did you mean 5/m?"}},
		{{.top = "files: { f: { path: codes.json, values: cid }, g: { } }"},
			{"a is no CID", "files.g needs path"}},
		{{.top = "files: { f: { path: list.json } }"}, {"1:1 a mapping file is one JSON object"}},
		{{.top = "files: { f: { path: deep.json } }"},
			{"2:7 a value of a mapping file is a text, a number or a bool, not a map"}},
		{{.top = "files: { f: { path: inner.json } }"},
			{"1:8 a value of a mapping file is a text, a number or a bool, not a list"}},
		{{.top = "files: { f: { path: broken.json } }"}, {"2:8 no JSON: something else is expected here"}},
		{{.top = "files: { f: { path: half.json } }"}, {"1:9 JSON that ends too early"}},
		{{.top = "files: { f: { path: word.json }, g: { path: none.json }, h: { path: true.json }, i: { "
				 "path: text.json } }"},
			{"a mapping file is one", "a mapping file is one", "a mapping file is one",
				"a mapping file is one"}},
		{{.top = "files: { f: { path: all.json } }"}, {0}},
		{{.top = "sql: [ app.sql, gone.sql ]"}, {"gone.sql can't be read: No such file or directory"}},
		{{.top = "profile: x\nprofiles: { a: { B: \"${NONE}\" } }"}, {"no profile is named x"}},
		{{.top = "profile: tset\nprofiles: { test: { B: \"${NONE}\" } }"},
			{"no profile is named tset; did you mean test?"}},
		{{.top = "profile: a\nprofiles: { a: { B: \"${NONE}\" } }"},
			{"NONE is not set; put it into the environment or into profile a"}},
		{{.top = "profile: a\nprofiles: { a: { B: 3 }, b: { C: \"${NONE}\" } }\nfleet: { pool: \"${B}\" }"},
			{0}},
		{{.top = "profile: a\nprofiles: { a: { B-C: 3, D: [ 1 ] } }"},
			{"B-C is no name of a variable", "profiles.a.D is one value, not a list"}},
		{{.top = "profiles: { a: 5 }\nprofile: ~"}, {"profiles.a is a map of words"}},
	};
	RUN(trials);
}

static void test_chains(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.chain = "    final: safe\n    window: 80\n    seen: 2\n    overdue: 1h\n    id: 1"}, {0}},
		{{.chain = "    final: finalized"}, {0}},
		{{.chain = "    final: final"}, {"chains.main.final is a number, safe or finalized, not final"}},
		{{.chain = "    seen: confirmed"}, {"chains.main.seen: confirmed is not in this version"}},
		{{.chain = "    kind: solana"}, {"chains.main.kind: solana is not in this version"}},
		{{.chain = "    completeness: receipts\n    sweep: 1h"}, {0}},
		{{.chain = "    completeness: receits"},
			{"chains.main.completeness is none, bloom, sources or receipts, not receits; did you mean"}},
		{{.chain = "    completeness: sources"},
			{"chains.main.completeness: sources compares two endpoints on different hosts; rpc has one "
			 "endpoint"}},
		{{.chain = "    sweep: 500ms"}, {"chains.main.sweep is 1s at least"}},
		{{.chain = "    final: 70\n    window: 64"}, {"chains.main.window is less than final"}},
		{{.chain = "    window: 100001"}, {"100000 blocks at most"}},
		{{.chain = "    range: 0\n    run: 0"},
			{"chains.main.range is 1 at least", "chains.main.run is 1 at least"}},
		{{.chain = "    retry: { first: 2s, max: 1s }"}, {"chains.main.retry.max is less than first"}},
		{{.chain = "    retry: { alarm: [ 1, 2, 3 ] }"}, {"chains.main.retry.alarm takes two numbers"}},
		{{.chain = "    retry: { alarm: 1000001 }"}, {"1000000 at most"}},
		{{.chain = "    retry: { alarm: [ x ] }"}, {"x is no number"}},
		{{.chain = "    ws: http://x"}, {"chains.main.ws begins with ws:// or wss://"}},
		{{.chain = "  two: { rpc: { url: http://a, ws: ws://b } }"},
			{"contracts.C.chain is needed: there is more than one chain", "signers.owner.chain is needed"}},
		{{.chain = "  two: { rpc: [ { url: http://a, ws: http://b } ], ws: ws://c }",
			 .contract = "    chain: main",
			 .signer = "    chain: main"},
			{"chains.two.rpc[0].ws begins with ws://", "chains.two.ws stands in rpc already"}},
#define TWO(rest) \
	.chain = "  two: { rpc: " rest " }", .contract = "    chain: main", .signer = "    chain: main"
		{{TWO("[ http://a, http://b ]")}, {0}},
		{{.chain = "  two: { rpc: http://a }", .contract = "    chain: man", .signer = "    chain: main"},
			{"no chain is named man; did you mean main?"}},
		{{TWO("{ url: http://a, role: read, rps: 5, private: true }")}, {0}},
		{{TWO("[ http://a/x, http://b, http://a/x ]")}, {"chains.two.rpc names one endpoint twice"}},
		{{TWO("[ { url: http://a, role: write }, { url: http://b, role: [ write, write ] } ]")},
			{"chains.two.rpc: no endpoint has the role read", "chains.two.rpc[1].role names write twice"}},
		{{TWO("[ { url: http://a, role: wirte } ]")},
			{"chains.two.rpc[0].role is read, write or archive, not wirte; did you mean write?"}},
		{{TWO("[ { url: http://a, role: archive }, { url: http://b, role: write } ]")}, {0}},
		{{TWO("[ http://u:p@Node.example/1, \"wss://node.example:8546/2\" ], completeness: sources")},
			{"chains.two.completeness: sources compares two endpoints on different hosts; rpc has one host"}},
		{{TWO("[ http://a, { url: http://b, role: write } ], completeness: sources")},
			{"one host that is read"}},
		{{TWO("[ \"http://[::2]:1\", \"http://[::2]:2\" ], completeness: sources")}, {"one host"}},
		{{TWO("[ http://a, http://b ], completeness: sources")}, {0}},
		{{TWO("[ \"http://127.0.0.1:1\", \"http://127.0.0.1:2\" ], completeness: sources")}, {0}},
		{{TWO("ws://a, ws: ws://b")}, {0}},
#undef TWO
		{{.chain = "  two: { }", .contract = "    chain: main", .signer = "    chain: main"},
			{"chains.two needs rpc"}},
		{{.chain = "  two-x: { rpc: http://a }\n  pg_x: { rpc: http://a }\n  Files: { rpc: http://b }",
			 .contract = "    chain: main",
			 .signer = "    chain: main"},
			{"two-x is no name", "pg_x is taken", "Files is taken"}},
		{{.chain = "  C: { rpc: http://a }", .contract = "    chain: main", .signer = "    chain: main"},
			{"C is the name of a chain already (line 6); declared things share one name space"}},
	};
	RUN(trials);
}

static void test_contracts(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.contract = "      - event F(uint256 a)\n      - abi.json"}, {0}},
		{{.contract = "      - evnt F(uint256 a)"},
			{"15:9 a line begins with event, function, error or constructor"}},
		{{.contract = "      - event F(uint257 a)"}, {":17 "}},
		{{.contract = "      - gone.json"}, {"gone.json can't be read"}},
		{{.contract = "      - bad.json"}, {"bad.json: "}},
		{{.contract = "      - event E(uint256 a)"}, {"C has an event E already; name this one: … as E2"}},
		{{.contract = "      - event E(uint256 a) as E2"}, {0}},
		{{.contract = "      - event E(uint256 id, address who, string[] tags) as E2"},
			{"a log can be C.E2 and C.E (line 11): same address, same topic; declare it once"}},
		{{.contract = "      - function code(address a)"}, {"C has a function code of 1 arguments already"}},
		{{.contract = "      - function code(address a, bool b)"}, {0}},
		{{.contract = "      - event Aa(uint256 a, uint256 a)"}, {"Aa has two fields named a"}},
		{{.contract = "      - event AbC(uint256 a)\n      - event Ab_c(uint256 a)"},
			{"AbC and Ab_c would be one table, ab_c"}},
		{{.contract = "      - event Anon(uint256 indexed a, uint256 indexed b) anonymous"},
			{"a log can be C.Anon and C.E (line 11): same address, same number of topics"}},
		{{.contract = "      - event Anon(uint256 indexed a) anonymous"}, {0}},
		{{.contract = "  D: { address: \"0x5FbDB2315678afecb367f032d93F642f64180aa3\", abi: \"event "
					  "E(uint256 i, address w, string[] t)\" }"},
			{"a log can be D.E and C.E (line 11)"}},
		{{.contract = "  D: { address: \"0x5FbDB2315678afecb367f032d93F642f64180aa4\", abi: \"event "
					  "E(uint256 i, address w, string[] t)\" }"},
			{"contracts.D.address: "}},
		{{.contract = "  D: { address: \"0x5fbdb2315678afecb367f032d93f642f64180aa4\", abi: \"event "
					  "E(uint256 i, address w, string[] t)\" }"},
			{0}},
		{{.contract =
				 "  c: { address: \"0x5fbdb2315678afecb367f032d93f642f64180aa4\", abi: \"function x()\" }"},
			{"C and c would be one schema, c"}},
		{{.contract = "  D: { abi: \"function x()\" }\n  F: { address: "
					  "\"0x5fbdb2315678afecb367f032d93f642f64180aa4\" }"},
			{"contracts.D needs address", "contracts.F needs abi"}},
		{{.contract = "  D: { address: { from: C.E.who }, abi: \"event X(uint256 a)\" }"}, {0}},
#define FROM(from) \
	.contract = "  D: { address: { from: " from " }, abi: \"event X(address a, address[] b)\" }"
		{{FROM("C.E.id")}, {"E.id is uint256; a factory names its children in a field of type address"}},
		{{FROM("D.X.b")}, {"X.b is address[]; a factory names"}},
		{{FROM("C.E.woh")}, {"E has no field woh; did you mean who?"}},
		{{FROM("C.F.who")}, {"C has no event F"}},
		{{FROM("B.E.who")}, {"no contract is named B"}},
		{{FROM("C.E")}, {"contracts.D.address.from is Factory.Event.field, not C.E"}},
		{{FROM("C.E.who.x")}, {"is Factory.Event.field"}},
		{{FROM("D.X.a")}, {"contracts.D.address.from comes back to D itself"}},
		{{FROM("G.Y.g") "\n  G: { address: { from: D.X.a }, abi: \"event Y(address indexed g)\" }"},
			{"contracts.D.address.from comes back to D", "contracts.G.address.from comes back to G"}},
		{{FROM("C.E.who") "\n  G: { address: { from: D.X.a }, abi: \"event Y(address indexed g)\" }"}, {0}},
		{{FROM("C.E.who") "\n  G: { address: { from: C.E.who }, abi: \"event X(address c, address[] d)\" }"},
			{"a log can be G.X and D.X (line 15)"}},
		{{FROM("C.E.who") "\n  G: { address: { from: D.X.a }, abi: \"event X(address c, address[] d)\" }"},
			{0}},
		{{FROM("C.E.who") "\n  G: { address: \"0x5fbdb2315678afecb367f032d93f642f64180aa4\", abi: "
						  "\"event X(address c, address[] d)\" }"},
			{0}},
		{{.contract = "  D: { address: { from: C.E.who }, abi: \"function f() view returns (address)\" }",
			 .signer = "    must: D.f() == owner.address()"},
			{"D has as many addresses as its factory made; a call needs one"}},
		{{.contract = "  D: { address: { }, abi: \"event X(uint256 a)\" }"},
			{"contracts.D.address needs from"}},
		{{.contract = "  D: { address: [ { from: C.E.who } ], abi: \"event X(uint256 a)\" }"},
			{"contracts.D.address: { from: … } stands alone"}},
		{{.chain = "  two: { rpc: http://a }",
			 .contract = "    chain: main\n  D: { chain: two, address: { from: C.E.who }, abi: \"event "
						 "X(uint256 a)\" }",
			 .signer = "    chain: main"},
			{"contracts.D.address.from: C is on main, and D on two"}},
#undef FROM
		{{.contract = "  D: { address: \"9P3wW4XQH7DntMqfEiLqS6SNztihxfenNUSqECh3WTf3\", idl: x.json }"},
			{"contracts.D.idl is not in this version"}},
		{{.contract = "      - function f1()\n      - function f2()\n      - function f3()\n      - function "
					  "f4()\n      - function f5()\n      - function f6()\n"
					  "      - function f7()\n      - function f8()\n      - function f9()\n      - function "
					  "g1()\n      - function g2()\n      - function g3()\n      - function g4()\n      - "
					  "function g5()"},
			{0}},
		{{.contract = "      - event L(uint256 "
					  "aVeryLongNameOfAFieldThatNoOneWouldEverWriteButAGeneratorOfCodeMight)"},
			{"would be longer than 63 bytes"}},
		{{.contract = "      - event "
					  "AVeryLongNameOfAnEventThatNoOneWouldEverWriteButAGeneratorOfCodeMight(uint256 a)"},
			{"the table of AVeryLong"}},
		{{.chain = "  two: { rpc: http://b }",
			 .contract = "    chain: main\n  D: { chain: two, address: "
						 "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\", abi: \"event E(uint256 i, address "
						 "w, string[] t)\" }",
			 .signer = "    chain: main"},
			{0}},
		{{.contract = "    start: latest"}, {0}},
		{{.contract = "    start: last"},
			{"contracts.C.start is a number, latest, not last; did you mean latest?"}},
	};
	RUN(trials);
}

static void test_endpoints(void **state)
{
	(void)state;
	static const char *const env[][2] = {
		{"OWNER_PRIVATE_KEY", KTTY_KEY}, {"URLS", "ws://w/k, http://b , http://c"}, {NULL, NULL}};
	struct app_pieces p = {.chain = "    completeness: bloom\n    sweep: 15m\n"
									"  two: { rpc: \"${URLS}\" }\n"
									"  three:\n    ws: wss://t\n    rpc:\n"
									"      - { url: http://x, role: write, private: true }\n"
									"      - { url: http://y, role: archive, rps: 25 }\n"
									"      - { url: wss://z, ws: ws://other, role: [ read, write ] }\n",
		.contract = "    chain: main\n"
					"  D: { chain: main, address: { from: C.E.who }, abi: \"event X(address a)\" }",
		.signer = "    chain: main"};
	struct config *c;
	char *text = app_text(&p), *out = load_text(text, env, &c);
	assert_string_equal(out, "");
	const struct chain_decl *one = c->chains, *two = one + 1, *three = one + 2;
	assert_int_equal(one->completeness, PROOF_BLOOM);
	assert_int_equal(one->sweep_ms, 15 * 60 * 1000);
	assert_int_equal(two->completeness, PROOF_NONE);
	assert_int_equal(one->rpc[0].roles, ENDPOINT_READ | ENDPOINT_WRITE);
	assert_true(one->rpc[0].ws == NULL && one->rpc[0].rps == 0 && !one->rpc[0].private);
	assert_int_equal(two->nrpc, 3);
	assert_string_equal(two->rpc[0].url, "ws://w/k");
	assert_string_equal(two->rpc[0].ws, "ws://w/k");
	assert_string_equal(two->rpc[1].url, "http://b");
	assert_string_equal(two->rpc[2].url, "http://c");
	assert_int_equal(three->nrpc, 3);
	assert_string_equal(three->rpc[0].ws, "wss://t");
	assert_int_equal(three->rpc[0].roles, ENDPOINT_WRITE);
	assert_true(three->rpc[0].private && !three->rpc[1].private);
	assert_int_equal(three->rpc[1].roles, ENDPOINT_ARCHIVE | ENDPOINT_READ);
	assert_int_equal(three->rpc[1].rps, 25);
	assert_string_equal(three->rpc[2].ws, "ws://other");
	assert_ptr_equal(chain_endpoint(three, ENDPOINT_READ), &three->rpc[1]);
	assert_ptr_equal(chain_endpoint(three, ENDPOINT_WRITE), &three->rpc[0]);
	assert_ptr_equal(chain_endpoint(three, ENDPOINT_READ | ENDPOINT_WRITE), &three->rpc[2]);
	assert_null(chain_endpoint(two, ENDPOINT_ARCHIVE));
	assert_null(c->contracts[0].factory);
	assert_ptr_equal(c->contracts[1].factory, &c->events[0]);
	assert_int_equal(c->contracts[1].factory_field, 1);
	assert_int_equal(c->contracts[1].naddresses, 0);
	char *shown = config_printed(c);
	has(shown, "sweep: 15m");
	has(shown, "from: C.E.who");
	free(shown);
	free(out);
	free(text);
	config_free(c);
}

static void test_columns(void **state)
{
	(void)state;
	struct config *c;
	struct app_pieces p = {
		.contract = "      - event Many(uint256 _id, uint256 id, bytes32 ID, address _from, uint256, uint256 "
					"seq, uint256 xmin, uint256 __, uint256 tokenURI, uint256 ctid)"};
	char *out = load_pieces(&p, &c);
	assert_string_equal(out, "");
	free(out);
	const struct event_decl *ev = &c->events[1];
	assert_string_equal(ev->table, "many");
	static const char *const want[] = {
		"id", "id_", "id__", "from", "arg4", "seq", "xmin_", "field", "token_uri", "ctid_"};
	for (size_t i = 0; i < ev->entry->nin; i++)
		assert_string_equal(ev->columns[i], want[i]);
	config_free(c);
}

static void test_signers(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.signer =
				 "    must: C.owner() == owner.address()\n    gas: { limit: 21000, max: 5 gwei, tip: 1 gwei "
				 "}\n    low: 1 ether\n    max_cost: 0\n    order: strict\n    adopt: true\n    window: 4"},
			{0}},
		{{.chain = "  two: { rpc: [ { url: http://a, role: read }, { url: http://b, role: archive } ] }",
			 .contract = "    chain: main",
			 .signer = "    chain: two"},
			{"signers.owner needs an endpoint of two with the role write", "C is on another chain",
				"adds to a batch of two"}},
		{{.signer = "    keyfile: k.hex"}, {"signers.owner has key and keyfile; one of them"}},
		{{.signer = "  two: { keyfile: k.hex }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{0}},
		{{.signer = "  two: { keyfile: k.hex }"},
			{"batches.b.signer is needed: there is more than one signer"}},
		{{.signer = "  two: { }", .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{"signers.two needs key: ${VAR}, or keys, keyfile, exec or web3signer"}},
		{{.signer = "  two: { key: \"${OWNER_PRIVATE_KEY}\" }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{"owner and two are one key on one chain; one account has one lane"}},
		{{.signer = "    exec: x\n    web3signer: http://x\n    passfile: p\n    keys: [ \"${A:-}\" ]"},
			{"signers.owner has key and keys; one of them", "signers.owner has key and exec",
				"signers.owner has key and web3signer", "signers.owner.passfile opens a keyfile"}},
		{{.signer = "  two: { exec: [ ./sign, --fast ], address: [ "
					"\"0x5FbDB2315678afecb367f032d93F642f64180aa3\" ] }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{0}},
		{{.signer = "  two: { web3signer: ws://x }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{"signers.two.web3signer is asked over http:// or https://"}},
		{{.signer =
				 "  two: { web3signer: http://x, address: [ \"0x5FbDB2315678afecb367f032d93F642f64180aa3\", "
				 "\"0x5fbdb2315678afecb367f032d93f642f64180aa3\" ] }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{"signers.two.address names 0x5fbdb2315678afecb367f032d93f642f64180aa3 twice"}},
		{{.signer = "  two: { keyfile: [ a, b ], address: \"0x5FbDB2315678afecb367f032d93F642f64180aa3\" }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{"signers.two.address names 1 of 2 accounts"}},
		{{.signer = "    address: \"0x5FbDB2315678afecb367f032d93F642f64180aa3\""},
			{"signers.owner.address is 0x5FbDB2315678afecb367f032d93F642f64180aa3, but the key there is of "
			 "0x"}},
		{{.signer = "    address: \"0x5FbDB2315678afecb367f032d93F642f64180aa\""},
			{"signers.owner.address:"}},
		{{.signer = "  two: { keys: [ \"${OWNER_PRIVATE_KEY}\" ] }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{"owner and two are one key on one chain; one account has one lane"}},
		{{.signer = "  two: { keys: [ \"${TWO_KEY}\", \"${TWO_KEY}\" ] }",
			 .batch = "    key: id\n    send: C.set(id[], id[])\n    signer: owner"},
			{"TWO_KEY is not set", "TWO_KEY is not set"}},
		{{.signer = "    cancel_max: 5 gwei"}, {0}},
		{{.signer = "    allow: C.set\n    max_value: 1 ether\n    limit: 100/h\n    spend: { most: 1 ether, "
					"per: 1d }"},
			{0}},
		{{.signer = "    allow: [ C.set, \"0x5FbDB2315678afecb367f032d93F642f64180aa3\" ]"}, {0}},
		{{.signer = "    allow: [ C.owner ]"}, {"C.set is not in signers.owner.allow; add it there"}},
		{{.signer = "    allow: [ C.st, D.set, x ]"},
			{"C has no function st; did you mean set?", "no contract is named D",
				"is Contract.fn or an address, not x", "C.set is not in"}},
		{{.signer = "    limit: 0/h\n    spend: { most: 1 ether, per: 32d }"},
			{"0/h is no rate", "signers.owner.spend.per is from 1ms to 31d"}},
		{{.signer = "    limit: 100/hour\n    spend: { most: 5 }\n    max_value: 3"},
			{"100/hour is no rate", "an amount without a unit", "signers.owner.spend needs per",
				"an amount without a unit"}},
		{{.signer = "    gas: { max: 6 gwei }\n    cancel_max: 5 gwei"},
			{"signers.owner.cancel_max is less than gas.max"}},
		{{.signer = "    gas: { limit: 20999, max: 1 gwei, tip: 2 gwei }"},
			{"gas.limit is less than 21000", "gas.tip is more than max"}},
		{{.signer = "    gas: { max: 5 lamports }"}, {"lamports and sol are of Solana chains"}},
		{{.signer = "    gas: { max: 5 }"}, {"an amount without a unit; did you mean 5 wei?"}},
		{{.signer = "    window: 0\n    order: sometimes"},
			{"signers.owner.window is 1 at least", "signers.owner.order is any or strict, not sometimes"}},
		{{.signer = "    must: C.owner() == x"}, {"signers.owner.must has no name x; it has none"}},
		{{.signer = "    must: C.owner() == ownr.address()"},
			{"no contract or signer is named ownr; did you mean owner?"}},
		{{.signer = "    must: C.owner() === owner.address()"}, {"a call is made of names"}},
		{{.top = "fleet: { log: \"${OWNER_PRIVATE_KEY:-}\" }"}, {"fleet.log is"}},
		{{.rules = "  - on: C.E\n    sql: SELECT ${OWNER_PRIVATE_KEY}"},
			{"OWNER_PRIVATE_KEY is a secret (line 18); it can't stand in sql, text or a call"}},
		{{.rules = "  - on: C.E\n    log: \"k ${OWNER_PRIVATE_KEY}\""},
			{":13 OWNER_PRIVATE_KEY is a secret"}},
		{{.batch = "    key: id\n    send: C.set(id[], [${OWNER_PRIVATE_KEY}])"},
			{"OWNER_PRIVATE_KEY is a secret"}},
	};
	RUN(trials);
}

static void test_batches(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    gas: 20999"},
			{"batches.b.gas is 21000 or more: what every transaction takes"}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    gas: 21000"}, {0}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    within: cheap"}, {0}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    within: 12s"}, {0}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    within: 12"},
			{"batches.b.within is a duration, as 12s or 5m, or the word cheap, not 12"}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    within: cheep"},
			{"batches.b.within is a duration, as 12s or 5m, or the word cheap, not cheep"}},
		{{.batch = "    send: C.set(id[], tags[])"}, {"batches.b needs key"}},
		{{.batch = "    key: id"}, {"batches.b needs send"}},
		{{.batch = "    key: [ id, who ]\n    send: C.set(id[], tags[])"},
			{"batches.b.key: a key of several names is not in this version"}},
		{{.batch = "    key: [ id ]\n    send: C.set(id[], tags[])"}, {0}},
		{{.batch = "    key: i d\n    send: C.set(id[], tags[])"},
			{"batches.b.key is one name, or a list of names, not i d"}},
		{{.batch = "    key: idd\n    send: C.set(id[], tags[])"},
			{"22:10 E has no field idd; did you mean id? It also has who tags"}},
		{{.batch = "    key: id\n    let: SELECT 1 AS code WHERE :idd = 1\n    send: C.set(id[], code[])"},
			{":33 E has no field :idd; did you mean :id? It also has :who :tags"}},
		{{.batch = "    key: id\n    let: SELECT 1 AS code\n    send: C.set(id[], cod[])"},
			{"E has no field cod; did you mean code? It also has id who tags"}},
		{{.batch = "    key: id\n    let: SELECT *\n    send: C.set(id[], cod[])"}, {0}},
		{{.batch = "    key: id\n    skip: C.code(idd) == code\n    let: SELECT 1 AS code\n    send: "
				   "C.set(id[], code[])"},
			{"E has no field idd; did you mean id?"}},
		{{.batch = "    key: id\n    send: C.set(id, tags[])"},
			{"id is of one item, and a batch has up to 10; write id[]"}},
		{{.batch = "    key: id\n    max: 1\n    send: C.set([id], tags)"}, {0}},
		{{.batch = "    key: id\n    send: C.code(id)"}, {"C.code only reads (view)", "id is of one item"}},
		{{.batch = "    key: id\n    send: keccak('x')"}, {"batches.b.send is a call of a contract"}},
		{{.batch = "    key: id\n    send: C.sett(id[], tags[])"},
			{"C has no function sett; did you mean set?"}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    else: park"},
			{"batches.b: else is of let, which is not there"}},
		{{.batch = "    key: id\n    let: SELECT 1 AS c\n    send: C.set(id[], tags[])\n    else: parked"},
			{"batches.b.else is park or skip, not parked; did you mean park?"}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    signer: ownr"},
			{"no signer is named ownr; did you mean owner?"}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    retry: { first: 10m, max: 1m }"},
			{"batches.b.retry.max is less than first"}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n    retry: { first: 10m }\n    max: 10001"},
			{"batches.b.max is from 1 to 10000"}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n  unused: { key: x, send: \"C.set(y[], "
				   "z[])\" }"},
			{0}},
		{{.batch = "    key: id\n    send: C.set(id[], tags[])\n  owner: { key: x, send: \"C.set(y[], z[])\" "
				   "}"},
			{"owner is the name of a signer already (line 17)"}},
		{{.batch = "    key: id\n    send: C.set(id[], [${NONE}])"}, {"NONE is not set"}},
		{{.chain = "  two: { rpc: http://b }",
			 .contract = "    chain: two",
			 .signer = "    chain: main\n    must: C.owner() == owner.address()",
			 .batch = "    key: id\n    send: C.set(id[], tags[])"},
			{"signers.owner.must asks C, which is on another chain than owner",
				"C is on another chain than owner, who signs",
				"an event of two that adds to a batch of main is not in this version"}},
	};
	RUN(trials);
}

/* gas: is read; without it a batch may take what a block and a transaction take (0). */
static void test_batch_gas(void **state)
{
	(void)state;
	struct config *c;
	struct app_pieces p = {.batch = "    key: id\n    send: C.set(id[], tags[])\n    gas: 8000000"};
	char *out = load_pieces(&p, &c);
	assert_string_equal(out, "");
	assert_int_equal(c->batches->gas, 8000000);
	free(out);
	config_free(c);
	p.batch = "    key: id\n    send: C.set(id[], tags[])";
	out = load_pieces(&p, &c);
	assert_string_equal(out, "");
	assert_int_equal(c->batches->gas, 0);
	free(out);
	config_free(c);
}

static void test_item_names(void **state)
{
	(void)state;
	struct config *c;
	struct app_pieces p = {.batch = "    key: id\n    let: SELECT :who::text AS code\n    skip: C.code(id) "
									"== code\n    send: C.set(id[], code[])\n"};
	char *out = load_pieces(&p, &c);
	assert_string_equal(out, "");
	free(out);
	assert_int_equal(c->batches->nnames, 2);
	assert_string_equal(c->batches->names[0], "id");
	assert_string_equal(c->batches->names[1], "who");
	config_free(c);
	p.batch = "    key: id\n    let: SELECT t.* FROM t WHERE x = :tx.hash\n    send: C.set(id[], code[])\n";
	out = load_pieces(&p, &c);
	assert_string_equal(out, "");
	free(out);
	assert_int_equal(c->batches->nnames, 2); /* code can only come from let */
	assert_string_equal(c->batches->names[1], "tx.hash");
	config_free(c);
}

static void test_rules(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.rules =
				 "  - on: C.E\n    do: [ { sql: SELECT 1 }, { let: \"SELECT 1 AS x\", else: skip }, { log: "
				 "\"{x} {id} {tx.hash} {{\" }, { batch: b } ]\n    at: final\n    late: apply\n    needs: x"},
			{0}},
		{{.rules = "  - on: [ C.E, C.E ]\n    batch: b"}, {"C.E stands in on: twice"}},
		{{.rules = "  - on: C.*\n    batch: b"}, {0}},
		{{.rules = "  - on: E\n    batch: b"},
			{"27:9 E is no trigger; it is Contract.Event, Contract.* or a name and what happens to it"}},
		{{.rules = "  - on: C.Ee\n    batch: b"}, {"27:11 C has no event Ee"}},
		{{.rules = "  - on: D.E\n    batch: b"}, {"27:9 no contract, chain or batch is named D"}},
		{{.rules = "  - on: mian.start\n    log: x"},
			{"no contract, chain or batch is named mian; did you mean main?"}},
		{{.rules = "  - on: [ main.start, main.live, main.sweep, main.swept, main.final, main.reorg ]\n    "
				   "log: "
				   "\"{block.number}\""},
			{0}},
		{{.rules = "  - on: [ b.sent, b.mined, b.failed, b.final, b.orphaned ]\n    log: \"{tx.hash} "
				   "{tx.error} "
				   "{tx.status} {tx.from} {block.number} {id}\""},
			{0}},
		{{.rules = "  - on: [ C.E, main.start ]\n    log: \"{block.number}\""}, {0}},
		{{.rules = "  - on: [ C.E, main.start ]\n    log: \"{id}\""},
			{"main.start has no name id; it has none"}},
		{{.rules = "  - on: [ main.live, main.live ]\n    log: x"}, {"main.live stands in on: twice"}},
		{{.rules = "  - on: main.swept\n    log: \"{found}\"\n  - on: main.sweep\n    log: \"{found}\""},
			{"main.sweep has no name found"}},
		{{.rules = "  - on: main.final\n    log: \"{tx.hash}\"\n  - on: main.live\n    log: \"{tx.hash}\"\n  "
				   "- on: "
				   "main.reorg\n    log: \"{tx.from} {tx.sig}\""},
			{"main.live has no name tx.hash", "tx.from is not in this version",
				"tx.sig is not in this version"}},
		{{.rules = "  - on: b.mined\n    log: \"{tx.hsah}\""},
			{"b.mined has no name tx.hsah; did you mean tx.hash?"}},
		{{.rules = "  - on: main.live\n    at: final\n    late: apply\n    where: { id: 1 }\n    log: x"},
			{"rules[0].where is of events; main.live is none", "rules[0].at is of events",
				"rules[0].late is of events"}},
		{{.rules = "  - on: main.live\n    do: [ { let: SELECT 1 AS id, else: park } ]"},
			{"an event can wait in a rule, what only happens can't; here else is skip"}},
		{{.rules = "  - on: main.live\n    do: [ { let: SELECT 1 AS id, else: skip }, { batch: b } ]"}, {0}},
		{{.rules = "  - on: main.live\n    batch: b"},
			{"22:10 main.live has no name id", "24:17 main.live has no name id; it has code"}},
		{{.chain = "  two: { rpc: http://a }",
			 .contract = "    chain: main",
			 .signer = "    chain: main",
			 .rules = "  - on: two.live\n    do: [ { let: SELECT 1 AS id }, { batch: b } ]"},
			{"what happens on two and adds to a batch of main is not in this version"}},
		{{.rules = "  - on: main.strt\n    log: x"}, {"main has no trigger strt; did you mean start?"}},
		{{.rules = "  - on: b.mind\n    log: \"{whatever}\""},
			{"b has no trigger mind; did you mean mined?"}},
		{{.rules = "  - on: probes.changed\n    log: x\n  - on: streams.appended\n    log: y\n  - on: "
				   "streams.apended\n    log: y"},
			{"rules[0].on: probes.changed is not", "rules[1].on: streams.appended is not",
				"streams has no trigger apended; did you mean appended?"}},
		{{.rules = "  - batch: b"}, {"rules[0] needs on: or every:"}},
		{{.rules = "  - on: C.E\n    every: 5m\n    batch: b"},
			{"rules[0] has on and every; one of them", "rules[0].batch with every: is not in this version"}},
		{{.rules = "  - on: C.E"},
			{"rules[0] does nothing; it needs a step: sql, let, batch, publish, log or do"}},
		{{.rules = "  - on: C.E\n    batch: b\n    sql: SELECT 1"},
			{"rules[0] has two steps, batch and sql; put them into do: [ … ], in order"}},
		{{.rules = "  - on: C.E\n    batch: b\n    do: [ { sql: SELECT 1 } ]"},
			{"rules[0] has do: and a step beside it; one of them"}},
		{{.rules = "  - on: C.E\n    name: first\n    batch: b\n  - on: first.failed\n    log: x"},
			{"rules[1].on: first.failed is not in this version"}},
		{{.rules = "  - on: C.E\n    sql: SELECT \"\" AS x"}, {0}},
		{{.rules = "  on: C.E"}, {"rules is a list: each begins with -"}},
		{{.rules = "  - x"}, {"rules[0] is a map of words"}},
		{{.rules = "  - on: C.E\n    do: { sql: SELECT 1 }"}, {"rules[0].do is one value, not a map"}},
		{{.rules = "  - on: C.E\n    do: sql"}, {"rules[0].do is a list of steps"}},
		{{.rules = "  - on: C.E\n    do: [ x, { sqll: SELECT 1 }, { else: skip, let: SELECT 1 AS x } ]"},
			{"rules[0].do[0]: a step is a map that begins with its verb",
				"rules[0].do[1] has no word sqll; did you mean sql?",
				"the verb of a step comes first: write let before else"}},
		{{.rules = "  - on: C.E\n    batsh: b"},
			{"rules[0] has no word batsh; did you mean batch?", "does nothing"}},
		{{.rules = "  - on: C.E\n    batch: b\n    elze: park"},
			{"rules[0] has no word elze; it knows on every"}},
		{{.rules = "  - on: C.E\n    batch: bb"}, {"no batch is named bb"}},
		{{.rules = "  - on: C.E\n    batch:"}, {"rules[0].batch says nothing"}},
		{{.rules = "  - on: C.E\n    http: \"http://x\"\n    as: y"},
			{"rules[0].http is not in this version"}},
		{{.rules = "  - on: C.E\n    do: [ { pin: id, as: x, url: \"http://y\" }, { publish: t }, { append: "
				   "s }, { send: \"C.set([id], [x])\" } ]"},
			{"rules[0].do[0].pin is not", "rules[0].do[2].append is not", "rules[0].do[3].send is not"}},
		{{.rules = "  - on: C.E\n    publish: \"{idd}\"\n    type: \"{whoo}\"\n    data: SELECT :nope"},
			{"E has no field idd; did you mean id?", "E has no field whoo; did you mean who?",
				"E has no field :nope"}},
		{{.rules = "  - on: C.E\n    publish: t\n    data: DELETE FROM x RETURNING a"},
			{"rules[0].data only reads"}},
		{{.rules = "  - on: C.E\n    do: [ { call: { x: C.code(id) } }, { run: x }, { rank: y, member: who, "
				   "add: id }, { parallel: [ { log: x } ] } ]"},
			{"call is not in", "run is not in", "rank is not in", "parallel is not in"}},
		{{.rules = "  - on: C.E\n    key: id\n    batch: b"}, {"rules[0].key is not in this version"}},
		{{.rules = "  - on: C.E\n    sql: SELECT :idd"},
			{"E has no field :idd; did you mean :id? It also has :who :tags"}},
		{{.rules =
				 "  - on: C.E\n    sql: SELECT :args.id, :event, :event.name, :block.time, :log.index, :who"},
			{0}},
		{{.rules = "  - on: C.E\n    sql: SELECT :tx.from, :tx.sig"},
			{":tx.from is not in this version", ":tx.sig is not in this version"}},
		{{.rules = "  - on: C.E\n    sql: SELECT :tx.hsh"},
			{"E has no field :tx.hsh; did you mean :tx.hash?"}},
		{{.rules = "  - on: C.E\n    log: \"{idd}\""}, {"28:12 E has no field idd; did you mean id?"}},
		{{.rules = "  - on: C.E\n    each: SELECT unnest(:tags) AS tag\n    sql: SELECT :tagg"},
			{"rules[0] has no name :tagg; did you mean :tags? It also has :id :who :tag"}},
		{{.rules = "  - on: C.E\n    each: SELECT unnest(:tags) AS id\n    sql: SELECT :id"},
			{"E has id already; a name is made once"}},
		{{.rules = "  - on: C.E\n    each: SELECT unnest(:tags)\n    sql: SELECT :anything, :tx.nothing"},
			{"rules[0] has no name :tx.nothing"}},
		{{.rules = "  - on: C.E\n    each: DELETE FROM t RETURNING a\n    sql: SELECT :a"},
			{"rules[0].each only reads"}},
		{{.rules = "  - on: C.E\n    let: SELECT 1 AS x\n    else: SELECT 2"},
			{"rules[0].else: in a rule else is park or skip; a sql is for requests"}},
		{{.rules = "  - on: C.E\n    name: a b\n    batch: b\n  - on: C.E\n    name: main\n    batch: b"},
			{"a b is no name", "main is the name of a chain already"}},
		{{.rules = "  - on: C.E\n    compare: SELECT 1 AS a\n    chain: { a: C.owner() }"},
			{"rules[0].compare needs a clock (every:)"}},
		{{.rules = "  - on: C.E\n    sql: >\n      SELECT 1"}, {"sql in a > block"}},
		{{.rules = "  - on: C.E\n    sql: SELECT 1\n      + 1"}, {"unquoted sql stands on one line"}},
		{{.rules = "  - on: C.E\n    sql: SELECT 1 # + 1"}, {"unquoted sql with a # behind it"}},
		{{.rules = "  - on: C.E\n    sql: |\n      SELECT 1,\n        :idd"}, {"30:9 E has no field :idd"}},
		{{.rules = "  - { on: C.E, sql: 'SELECT ''x'', :idd' }"}, {"27:36 E has no field :idd"}},
		{{.contract = "      - event T(uint256 block, (uint256 a, bool b) s)",
			 .rules = "  - on: C.T\n    sql: SELECT :args.block, :s.a, :s"},
			{0}},
		{{.contract = "      - event T(uint256 block, (uint256 a, bool b) s)",
			 .rules = "  - on: C.T\n    sql: SELECT :block"},
			{"T has no field :block; did you mean :args.block?"}},
		{{.contract = "      - event T(uint256 id)",
			 .rules = "  - on: [ C.E, C.T ]\n    sql: SELECT :id, :who"},
			{"T has no field :who; it has :id"}},
	};
	RUN(trials);
}

static void test_where(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.rules = "  - on: C.E\n    where: { id: [ 1, 2 ], who: "
				   "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\" }\n    batch: b"},
			{0}},
		{{.rules = "  - on: C.E\n    where: { idd: 1 }\n    batch: b"},
			{"E has no field idd; did you mean id?"}},
		{{.rules = "  - on: C.E\n    where: { id: x }\n    batch: b"}, {"rules[0].where.id is uint256: "}},
		{{.rules = "  - on: C.E\n    where: 5\n    batch: b"}, {"rules[0].where is a map of words"}},
		{{.contract = "      - event H(string indexed s, bytes indexed d)",
			 .rules = "  - on: C.H\n    where: { d: x }\n    log: x"},
			{"d is indexed, so only its hash is known"}},
		{{.contract = "      - event U(uint8 id, string s)\n      - event V(int256 id, string indexed s)",
			 .rules = "  - on: [ C.E, C.U, C.V ]\n    where: { id: 255 }\n    log: x"},
			{0}},
		{{.contract = "      - event U(uint8 id, string s)\n      - event V(int256 id, string indexed s)",
			 .rules = "  - on: [ C.E, C.U ]\n    where: { id: 256 }\n    log: x"},
			{"rules[0].where.id is uint8: "}},
		{{.contract = "      - event U(uint8 id, string s)\n      - event V(int256 id, string indexed s)",
			 .rules = "  - on: [ C.U, C.V ]\n    where: { s: ab }\n    log: x"},
			{"rules[0].where.s is ab in U and 0x"}},
	};
	RUN(trials);
	struct config *c;
	struct app_pieces p = {.contract = "      - event H(string indexed s, bytes indexed d)",
		.rules = "  - on: C.H\n    where: { s: abc, d: "
				 "\"0x00000000000000000000000000000000000000000000000000000000000000AA\" }\n    log: x\n"
				 "  - on: C.E\n    where: { id: \"007,8\", who: "
				 "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\", tags: \"${NO:-}\" }\n    log: x\n"
				 "  - on: C.E\n    where: { id: \"${TWO:-1}\" }\n    needs: ${NO:-}\n    log: x\n"};
	char *out = load_pieces(&p, &c);
	has(out, "007,8"); /* commas part only what came from a variable */
	free(out);
	p.rules = "  - on: C.H\n    where: { s: abc, d: "
			  "\"0x00000000000000000000000000000000000000000000000000000000000000AA\" }\n    log: x\n"
			  "  - on: C.E\n    where: { id: \"${LIST:-7 ,8 }\", who: "
			  "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\", tags: \"${NO:-}\" }\n    log: x\n"
			  "    needs: ${NO:-}\n";
	out = load_pieces(&p, &c);
	assert_string_equal(out, "");
	free(out);
	const struct rule_decl *r = c->rules;
	assert_string_equal(
		r[0].where[0].values[0], "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
	assert_string_equal(
		r[0].where[1].values[0], "0x00000000000000000000000000000000000000000000000000000000000000aa");
	assert_true(r[0].where[0].indexed && !r[0].off && r[1].off);
	assert_int_equal(r[1].nwhere, 2);
	assert_int_equal(r[1].where[0].nvalues, 2);
	assert_string_equal(r[1].where[0].values[1], "8");
	assert_string_equal(r[1].where[1].values[0], "0x5fbdb2315678afecb367f032d93f642f64180aa3");
	assert_true(r[1].where[0].indexed && !r[1].where[1].indexed);
	config_free(c);
}

static void test_clocks(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.rules = "  - every: 5m\n    compare: SELECT id, code FROM t\n    chain: { code: C.code(id) }\n    "
				   "fix: UPDATE t SET code = :chain.code WHERE id = :id\n    missing: DELETE FROM t WHERE id "
				   "= :id\n    most: 10%"},
			{0}},
		{{.rules = "  - every: 5m\n    do: [ { compare: SELECT id FROM t, chain: C.code(id), fix: \"UPDATE t "
				   "SET c = :chain.arg0 WHERE id = :id\" } ]"},
			{0}},
		{{.rules = "  - every: 5m\n    do: [ { compare: SELECT id FROM t, chain: C.code(id) }, { compare: "
				   "SELECT id FROM t, chain: C.code(id) } ]"},
			{"a second compare in one rule is not in this version"}},
		{{.rules = "  - every: 5m"}, {"rules[0] does nothing; a clock needs compare"}},
		{{.rules = "  - every: 5\n    log: x"},
			{"did you mean 5ms?", "rules[0].log with every: is not in this version"}},
		{{.rules = "  - every: 5ms\n    compare: SELECT id FROM t\n    chain: C.code(id)"},
			{"rules[0].every is 1s at least"}},
		{{.rules = "  - every: 5m\n    compare: SELECT id FROM t"}, {"rules[0].compare needs chain"}},
		{{.rules = "  - every: 5m\n    compare: SELECT id FROM t\n    chain: { code: C.code(id) }"},
			{"rules[0].compare has no name code; it has id"}},
		{{.rules = "  - every: 5m\n    compare: SELECT id, code FROM t\n    chain: { code: C.code(idd) }"},
			{"rules[0].compare has no name idd; did you mean id? It also has code"}},
		{{.rules = "  - every: 5m\n    compare: SELECT id, code FROM t\n    chain: { code: C.code(id) }\n    "
				   "fix: UPDATE t SET code = :chain.cod, x = :tx.hash\n    missing: DELETE FROM t WHERE c = "
				   ":chain.code"},
			{"did you mean :chain.code?", "rules[0].compare has no name :tx.hash",
				"rules[0].compare has no name :chain.code; it has :id :code"}},
		{{.rules = "  - every: 5m\n    compare: SELECT * FROM t\n    chain: { code: C.code(id) }\n    fix: "
				   "UPDATE t SET code = :chain.code WHERE id = :any"},
			{0}},
		{{.rules = "  - every: 5m\n    compare: DELETE FROM t RETURNING id\n    chain: C.code(id)"},
			{"rules[0].compare only reads"}},
		{{.rules = "  - every: 5m\n    compare: SELECT :x AS id\n    chain: C.code(id)"},
			{"rules[0].compare has no name :x; it has none"}},
		{{.rules = "  - every: 5m\n    compare: SELECT id FROM t\n    chain: keccak(id)"},
			{"rules[0].chain asks a contract"}},
		{{.rules = "  - every: 5m\n    compare: SELECT id FROM t\n    chain: C.set([id], ['x'])"},
			{"set gives nothing back"}},
		{{.rules = "  - every: 5m\n    at: final\n    where: { id: 1 }\n    each: SELECT 1 AS x\n    "
				   "compare: SELECT id FROM t\n    chain: C.code(id)"},
			{"rules[0].at is of events; a clock has none", "rules[0].where is of events",
				"rules[0].each with every: is not in this version"}},
		{{.rules = "  - every: 5m\n    compare: SELECT id FROM t\n    chain: C.code(id)\n    most: 5"},
			{"a share without %; did you mean 5%?"}},
		{{.rules = "  - every: 5m\n    http: \"http://x\""}, {"rules[0].http is not in this version"}},
	};
	RUN(trials);
}

static void test_rule_values(void **state)
{
	(void)state;
	struct config *c;
	struct app_pieces p = {.rules = "  - on: C.E\n    at: final\n    late: apply\n    name: first\n    do:\n "
									"     - let: SELECT 1 AS x\n        else: park\n"
									"      - let: SELECT 1 AS y\n        else: skip\n      - let: SELECT 1 "
									"AS z\n      - log: \"a {id} {x}\"\n      - sql: SELECT :z\n"};
	char *out = load_pieces(&p, &c);
	assert_string_equal(out, "");
	free(out);
	const struct rule_decl *r = c->rules;
	assert_string_equal(r->name, "first");
	assert_true(r->at_final && r->late_apply && r->nsteps == 5);
	assert_int_equal(r->steps[0].missing, MISSING_PARK);
	assert_int_equal(r->steps[1].missing, MISSING_SKIP);
	assert_int_equal(r->steps[2].missing, MISSING_ERROR);
	assert_int_equal(r->steps[3].kind, STEP_LOG);
	assert_int_equal(r->steps[3].log->n, 4);
	assert_int_equal(r->steps[4].kind, STEP_SQL);
	config_free(c);
}

static void test_routes(void **state)
{
	(void)state;
	static const struct trial trials[] = {
		{{.more = "routes: { GET /a: { one: SELECT 1 AS x }, \"GET /a/{id}\": { all: \"SELECT :id AS x, "
				  ":request.ip AS y\" }, \"POST /a/{rest*}\": { do: [ { reply: SELECT :rest AS x } ] } }"},
			{0}},
		{{.more = "routes: { GTE /a: { one: SELECT 1 AS x }, get: { one: SELECT 1 AS x }, GET a: { one: "
				  "SELECT 1 AS x } }"},
			{"GTE is none of GET POST PUT PATCH DELETE ANY; did you mean GET?", "get is none of",
				"begins with /"}},
		{{.more = "routes: { \"GET /{a\": { one: SELECT 1 AS x }, \"GET /b{a}\": { one: SELECT 1 AS x }, "
				  "\"GET /{c?}/d\": { one: SELECT 1 AS x }, \"GET /{a}/{a}\": { one: SELECT 1 AS x } }"},
			{"a part of a path is a word or one {name}", "a part of a path is a word or one {name}",
				"stand at the end of a path", "has a already; a name is made once"}},
		{{.more = "routes: { \"GET /{a}\": { one: SELECT 1 AS x }, \"GET /{b}\": { one: SELECT 1 AS x } }"},
			{"GET /{b} and GET /{a} (line 30) are one route"}},
		{{.more = "routes: { GET /a: { }, GET /b: { one: SELECT 1 AS x, all: SELECT 1 AS x } }"},
			{"routes.GET /a answers nothing; it needs one, all or do",
				"has more than one of one, all and do"}},
		{{.more = "routes: { GET /a: { one: \"SELECT :idd AS x\", params: { id: int, n: { type: units, "
				  "decimals: 78 }, s: { type: string, decimals: 3 } } } }"},
			{"routes.GET /a has no name :idd; did you mean :id? It also has :n :s", "decimals is 77 at most",
				"decimals is of type units"}},
		{{.more = "routes: { GET /a: { one: SELECT 1 AS x, body: { a-b: int, c: strng, d: { optional: true } "
				  "} } }"},
			{"a-b is no name", "no type is named strng; did you mean string?", "needs type"}},
		{{.more = "routes: { GET /a: { one: INSERT INTO t VALUES (1) }, GET /b: { do: [ { sql: DELETE FROM t "
				  "} ] }, GET /c: { all: SELECT 1 AS x, with: { w: DELETE FROM t } } }"},
			{"routes.GET /a.one only reads", "routes.GET /b.do[0].sql only reads",
				"routes.GET /c.with.w only reads", "routes.GET /c: with is of one"}},
		{{.more = "routes: { GET /a: { do: [ { reply: SELECT 1 AS x }, { sql: SELECT 2 AS y } ] }, GET /b: { "
				  "do: [ { "
				  "catchup: main } ] }, POST /c: { do: [ { reply: SELECT 1 AS x }, { catchup: main } ] } }"},
			{"routes.GET /a.do[1].sql: what follows reply is a durable job, and a GET only reads",
				"routes.GET /b.do[0].catchup: catchup writes, and a GET only reads"}},
		{{.more = "routes: { GET /a: { call: { k: keccak(owner.address()) }, one: SELECT 1 AS x }, POST /b: "
				  "{ do: [ { call: { a: owner.address() } } ] } }"},
			{"routes.GET /a.call.k: who serves routes has no key, and does not know the address of owner",
				"routes.POST /b.do[0].call.a: who serves routes has no key"}},
		{{.more = "routes: { POST /a: { auth: amdin, do: [ { reply: \"SELECT :auth.sub AS x\" } ] } "
				  "}\nserve: { auth: { admin: { bearer: \"${T:-}\" } } }"},
			{"serve.auth declares no amdin; did you mean admin?"}},
		{{.more = "routes: { POST /a: { auth: x, name: main, once: Key, cache: 5, do: [ { reply: SELECT 1 AS "
				  "x } ] } }"},
			{"serve.auth declares no x", "main is the name of a chain already", "did you mean 5ms?"}},
		{{.more = "routes: { POST /a: { cache: 5s, do: [ { reply: SELECT 1 AS x } ] } }"},
			{"routes.POST /a: cache is of one and all"}},
		{{.more = "routes: { GET /a: { one: SELECT 1 AS x, params: { a: { type: bool, min: 1 }, b: { type: "
				  "string, max: "
				  "1.5 }, c: { type: int, max: x, match: a } } } }"},
			{"a bool has no min", "b.max is a length: a whole number, not 1.5", "c.max is a decimal number",
				"c: match is of type string"}},
		{{.more = "routes: { GET /a: { one: SELECT 1 AS x, params: { d: { type: int, items: strng } } } }"},
			{"d: items is of type array", "no type is named strng"}},
		{{.more = "routes: { POST /a: { name: a b, limit: { request.ip: 5/m, who: 5/m }, do: [ { reply: "
				  "SELECT 1 AS x } ] } }"},
			{"a b is no name", "has no name who"}},
		{{.more = "routes: { GET /a: { one: SELECT 1 AS x, lost: { a: \"{now} {up.redis} {x}\" }, else: "
				  "SELECT 1 AS y } , GET /b: { all: SELECT 1 AS x, else: SELECT 1 AS y } }"},
			{"lost takes no insert {x}; it knows now up.* uptime version", "else is of one"}},
		{{.more = "routes: { GET /a: { call: { k: C.code(5), z: C.cod(1) }, one: \"SELECT :k AS a, :k.x AS "
				  "b, :q AS c\" } }"},
			{"C has no function cod; did you mean code?", "has no name :q"}},
	};
	RUN(trials);
}

static void test_requests(void **state)
{
	(void)state;
#define POST(steps) "routes:\n  POST /a:\n    body: { x: string, y: bytes65 }\n    do:\n" steps
	static const struct trial trials[] = {
		{{.more = POST("      - { let: SELECT 1 AS n, else: SELECT 404 AS _status }\n      - { refuse: "
					   "\"SELECT 1 AS a WHERE :n = 2\" }\n"
					   "      - { verify: y, by: x, message: x, as: good }\n      - { call: { h: "
					   "\"keccak(pack(string x))\" }, else: SELECT 1 AS e }\n"
					   "      - { sql: \"INSERT INTO t VALUES (:good, :h, :job.id)\" }\n      "
					   "- { publish: \"t{n}\", data: \"SELECT :h AS c\", type: x }\n"
					   "      - { log: \"{n}\" }\n      - { send: \"C.set([n], [x])\", signer: owner, "
					   "skip: \"C.code(n) == x\", retry: { tries: 3 }, wait: 30s, as: sent, else: SELECT 1 "
					   "AS x }\n      - { reply: \"SELECT :n AS a, :sent.hash AS b\" }\n"
					   "      - { flush: b }\n      - { catchup: main, from: start }\n")},
			{0}},
		{{.more = POST("      - { http: \"http://h/{x}\", as: r }\n      - { seal: x, as: s, key: "
					   "\"${K:-}\" }\n      - { append: s }\n      - { parallel: [ { log: a } ] }\n")},
			{"do[0].http is not in this version", "do[1].seal is not in this version",
				"do[2].append is not in this version", "do[3].parallel is not in this version"}},
		{{.more = POST("      - { send: raw(x), rate: 10/s }\n      - { sql: \"SELECT :sent.sig\" }\n")},
			{"do[0].rate is not in this version", "raw() is not in this version",
				"do[0].send is a call of a contract", "has no name :sent.sig"}},
		{{.more = POST("      - { send: \"C.set([x], [z])\", as: t }\n      - { sql: \"SELECT :t.x\" }\n")},
			{"34:30 routes.POST /a has no name z", "has no name :t.x"}},
		{{.rules = "  - { on: route0.mined, log: \"{tx.hash}\" }",
			 .more = POST("      - { send: \"C.set([x], [x])\", skip: \"C.code(w) == x\" }\n")},
			{"has no name w"}},
		{{.more = POST("      - { send: \"C.set([x], [x])\" }\n      - { send: \"C.set([x], [x])\" }\n")},
			{"a second send; a route sends one transaction"}},
		{{.more = POST("      - { send: \"C.set([x], [x])\", signer: ownr, else: park }\n")},
			{"no signer is named ownr; did you mean owner?", "in a request else is a sql"}},
		{{.more = POST("      - { send: \"C.code(5)\" }\n")},
			{"C.code only reads (view); a transaction changes something"}},
		{{.more = POST("      - { verify: y, by: x, as: good }\n")},
			{"verify takes message (EIP-191), or type and domain (EIP-712)"}},
		{{.more = POST("      - { verify: y, by: x, type: \"T(uint a)\", as: good }\n")},
			{"has no name a; it has x y", "verify: a type needs its domain"}},
		{{.more =
				 POST("      - { verify: y, by: x, type: \"T(string x)\", domain: { contract: D }, as: good, "
					  "else: SELECT 1 AS e }\n")},
			{"no contract is named D", "verify says what comes of it: as, or else"}},
		{{.more = POST("      - { verify: z, by: [ x, w ], message: x, as: x }\n")},
			{"has no name z", "by is one name", "has no name w", "has x already"}},
		{{.more = POST("      - { verify: y, by: x, message: x, as: 1x }\n")}, {"1x is no name"}},
		{{.more = POST("      - { flush: c }\n      - { catchup: man }\n      - { run: x }\n      - "
					   "{ compare: SELECT 1 AS a, chain: C.code(1) }\n")},
			{"no batch is named c", "no chain is named man; did you mean main?",
				"no rule is named x; give the rule a name:", "compare is of rules with every:"}},
		{{.rules = "  - { on: C.E, name: mirror, batch: b }",
			 .more = POST("      - { run: mirror, only: x, wait: 5s }\n      - { replay: miror }\n")},
			{"run takes a rule with every: and compare:, as mirror is none", "only is not in this version",
				"no rule is named miror; did you mean mirror?"}},
		{{.rules = "  - { name: m, every: 1h, compare: \"SELECT 1 AS id, 'x' AS code\", chain: { code: "
				   "C.code(id) } }",
			 .more = POST("      - { run: m }\n      - { replay: m }\n")},
			{"replay takes a rule on events, as m is none"}},
		{{.more = POST("      - { batch: b }\n")},
			{"routes.POST /a has no name id; it has x y", "24:17 routes.POST /a has no name id"}},
		{{.more = POST(
			  "      - { batch: c }\n      - { call: { 1a: C.code(1), x: C.code(1) }, lost: skip }\n")},
			{"no batch is named c", "1a is no name", "has x already", "in a request else is a sql"}},
	};
	RUN(trials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words_and_kinds), cmocka_unit_test(test_chains),
		cmocka_unit_test(test_contracts), cmocka_unit_test(test_endpoints), cmocka_unit_test(test_columns),
		cmocka_unit_test(test_signers), cmocka_unit_test(test_batches), cmocka_unit_test(test_batch_gas),
		cmocka_unit_test(test_item_names), cmocka_unit_test(test_rules), cmocka_unit_test(test_where),
		cmocka_unit_test(test_clocks), cmocka_unit_test(test_rule_values), cmocka_unit_test(test_routes),
		cmocka_unit_test(test_requests)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
