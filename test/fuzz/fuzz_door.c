/* What a request brings to the front door, as lines: method and path, query, Accept, Origin, Authorization,
 * Content-Type, and behind them the body. Whatever it is, the door finds one route or says why, and names
 * come out whole. */
#include "../../reconciler/serve/accept.c"
#include "../../reconciler/serve/auth.c"
#include "../../reconciler/serve/input.c"
#include "../../reconciler/serve/json.c"
#include "../../reconciler/serve/names.c"
#include "../../reconciler/serve/path.c"
#include "../../reconciler/serve/value.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct field_decl number = {.name = "", .type = FIELD_INT};
static const char *const colours[] = {"\"red\"", "\"blue\""};
static const struct field_decl fields[] = {
	{.name = "id", .type = FIELD_UINT256, .in_path = true},
	{.name = "word", .type = FIELD_STRING, .in_path = true, .optional = true, .min = "1", .max = "20"},
	{.name = "i", .type = FIELD_INT, .optional = true, .min = "-5"},
	{.name = "n", .type = FIELD_NUMBER, .optional = true, .max = "1.5"},
	{.name = "b", .type = FIELD_BOOL, .optional = true},
	{.name = "o", .type = FIELD_OBJECT, .optional = true},
	{.name = "list", .type = FIELD_ARRAY, .optional = true, .items = &number, .max = "3"},
	{.name = "addr", .type = FIELD_ADDRESS, .optional = true},
	{.name = "h", .type = FIELD_BYTES32, .optional = true},
	{.name = "pk", .type = FIELD_PUBKEY, .optional = true},
	{.name = "b64", .type = FIELD_BASE64, .optional = true},
	{.name = "u", .type = FIELD_UUID, .optional = true},
	{.name = "t", .type = FIELD_TIME, .optional = true},
	{.name = "eth", .type = FIELD_UNITS, .optional = true, .decimals = 18, .min = "0.1"},
	{.name = "m", .type = FIELD_STRING, .optional = true, .match = "^0x[0-9a-fA-F]{4}$", .header = "X-M"},
	{.name = "c", .type = FIELD_STRING, .n_one_of = 2, .one_of = colours, .otherwise = "\"red\""},
};
enum { FIELDS = sizeof fields / sizeof *fields, KEYS = 4 };
static const char *const routes[] = {"GET /", "GET /n/{id}", "POST /n/{id}", "GET /n/last",
	"ANY /n/{id}/{word?}", "PUT /a/b/c", "GET /rest/{id}/{word*}", "GET /_fairlead/story/{id}",
	"DELETE /{id}"};

static struct door {
	struct arena mem;
	struct path_table *paths;
	struct input *params, *body;
	struct auth_key *keys[KEYS];
} door;

static void open_door(void)
{
	struct err e = {0};
	struct pos at;
	const char *const secrets[KEYS] = {"", "let me in", "a secret of thirty-two characters",
		"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"};
	if (door.paths)
		return;
	door.paths = path_table_new();
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		const char *blank = strchr(routes[i], ' ');
		const struct route_segment *s;
		enum path_method m;
		must(path_method_of((struct str){routes[i], (size_t)(blank - routes[i])}, &m));
		size_t n = path_segments(&door.mem, blank + 1, &s);
		path_add(door.paths, m, s, n, routes[i]);
	}
	door.params = input_new(fields, FIELDS, &e, &at);
	door.body = input_new(fields + 2, FIELDS - 2, &e, &at);
	must(door.params && door.body);
	for (int i = 0; i < KEYS; i++) {
		struct auth_decl d = {.name = "a", .is_jwt = i > 1};
		*(i > 1 ? &d.jwt.value : &d.bearer.value) = mem_text(secrets[i]);
		door.keys[i] = auth_key_new(&d, &e);
		must(door.keys[i] != NULL);
	}
}

static struct str line(struct str *rest)
{
	const char *lf = memchr(rest->p, '\n', rest->n);
	size_t n = lf ? (size_t)(lf - rest->p) : rest->n;
	struct str l = {rest->p, n};
	rest->p += n + (lf != NULL);
	rest->n -= n + (lf != NULL);
	return l;
}

/* Good ones name every field, each a valid text; bad ones say at least one thing. */
static void check(bool good, const struct input_errors *e, const struct serve_names *names, size_t first)
{
	must(good == (e->n == 0) && e->n <= INPUT_ERRORS);
	for (size_t i = 0; i < e->n; i++)
		must(e->list[i].text[0] && memchr(e->list[i].text, 0, sizeof e->list[i].text));
	for (size_t i = first; good && i < FIELDS; i++) {
		const struct serve_name *one = names_find(names, str_of(fields[i].name));
		must(one && (!one->text.p || (utf8_valid(one->text) && !memchr(one->text.p, 0, one->text.n))));
		must(one->text.p || fields[i].optional);
	}
}

static struct str header(void *arg, const char *name)
{
	must(text_is(name, "X-M"));
	return *(const struct str *)arg;
}

static void find(struct str first, struct arena *a, struct path_match *m)
{
	static const char *const words[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	enum path_method way = (enum path_method)(first.n ? (unsigned char)first.p[0] % 5 : 0);
	struct str path = first.n ? (struct str){first.p + 1, first.n - 1} : first;
	enum path_result r = path_find(door.paths, way, path, a, m);
	if (r != PATH_FOUND) {
		must(r != PATH_OTHER || (m->allowed && !(m->allowed & (1U << way | 1U << PATH_ANY))));
		m->n = 0;
		return;
	}
	must(m->target && m->n <= PATH_VALUES && m->allowed & (1U << way | 1U << PATH_ANY));
	must(text_starts(m->target, words[way]) || text_starts(m->target, "ANY"));
	for (size_t i = 0; i < m->n; i++) /* of {rest*} a broken code is told by the field */
		must(!m->values[i].p || (utf8_valid(m->values[i]) && (m->has_rest || m->values[i].n)));
}

static void let_in_or_not(struct str given, struct serve_names *names)
{
	const char *why = NULL;
	must(!auth_let_in(door.keys[0], given, 1700000000, names, &why) && why);
	if (auth_let_in(door.keys[1], given, 1700000000, names, &why))
		must(given.n > 9 && memcmp(given.p + given.n - 9, "let me in", 9) == 0);
	size_t before = names->n;
	for (int i = 2; i < KEYS; i++)
		auth_let_in(door.keys[i], given, 1700000000, names, &why);
	for (size_t i = before; i < names->n; i++)
		must(text_starts(names->list[i].name, "auth."));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a = {0};
	struct serve_names names = {.a = &a}, of_body = {.a = &a};
	struct input_errors e;
	struct path_match m;
	/* in a buffer of its own size, so that a read behind the end is seen */
	struct str rest = {mem_textn((const char *)p, n), n};
	char *owned = (char *)(uintptr_t)rest.p;
	open_door();
	struct str first = line(&rest), query = line(&rest), accept = line(&rest), origin = line(&rest),
			   given = line(&rest), type = line(&rest);
	find(first, &a, &m);
	struct input_text from = {.path = m.values, .npath = m.n, .query = query, .header = header, .arg = &type};
	check(input_params(door.params, &from, &names, &e), &e, &names, 0);
	check(input_body(door.body, rest, &of_body, &e), &e, &of_body, 2);
	int json = accept_weight(accept, "application/json"), text = accept_weight(accept, "text/plain");
	must(json >= 0 && json <= 1000 && text >= 0 && text <= 1000);
	const char *allowed = "https://app.example";
	must(origin_allowed(origin, &allowed, 1) == str_is(origin, allowed));
	must(!is_foreign(origin, (struct str){0}, (struct str){0}, STR("app.example")) ==
		 (!origin.p ||
			 (origin.n == 18 && strncasecmp(origin.p + 7, "app.example", 11) == 0 &&
				 memcmp(origin.p, "http://", 7) == 0) ||
			 (origin.n == 19 && strncasecmp(origin.p + 8, "app.example", 11) == 0 &&
				 memcmp(origin.p, "https://", 8) == 0)));
	is_json_type(type);
	is_token_list(type);
	let_in_or_not(given, &names);
	arena_fini(&a);
	free(owned);
	return 0;
}
