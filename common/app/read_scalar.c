#define _GNU_SOURCE /* memmem, memrchr */
#include "common/app/template.h"
#include "common/app/value.h"

#include <stdio.h>

static void value_problem(struct reading *r, struct pos at, const struct unit_error *e)
{
	problem_add(r->ps, at, "%s", e->text);
	problem_near(r->ps, e->near[0] ? e->near : NULL);
}

bool read_is_name(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > 40 || !((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')))
		return false;
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == n;
}

/* bytes of the file */
static void strike_out(struct reading *r, size_t from, size_t to)
{
	for (size_t i = from; r->shown && i < to; i++)
		if (r->shown[i] != '\n' && ((unsigned char)r->shown[i] & 0xC0) != 0x80)
			r->shown[i] = (unsigned char)r->shown[i] < 0x80 ? '*' : r->shown[i];
}

void url_show(struct buf *b, struct str url)
{
	const char *scheme = memmem(url.p, url.n, "://", 3);
	size_t host = scheme ? (size_t)(scheme - url.p) + 3 : 0, end = host, from = host;
	while (end < url.n && !strchr("/?#", url.p[end]))
		end++;
	for (size_t i = host; i < end; i++)
		from = url.p[i] == '@' ? i + 1 : from;
	buf_put(b, url.p, host);
	buf_put(b, url.p + from, end - from);
	for (size_t i = end; i < url.n && url.p[i] == '/';) {
		size_t next = i + 1;
		while (next < url.n && !strchr("/?#", url.p[next]))
			next++;
		if (next - i > 16) /* as long as the key of a provider */
			buf_text(b, "/***");
		else
			buf_put(b, url.p + i, next - i);
		i = next;
		end = next;
	}
	if (end < url.n)
		buf_text(b, "?***");
}

/* In the shown copy of the file: what stands between :// and the host, and all behind it that is not ${VAR}.
 */
static void strike_url(struct reading *r, const struct node *n)
{
	const char *text = r->y->text.p,
			   *scheme = n ? memmem(text + n->begin, n->end - n->begin, "://", 3) : NULL;
	if (!scheme)
		return;
	size_t host = (size_t)(scheme - text) + 3, end = host, user = host;
	while (end < n->end && !strchr("/?#", text[end]))
		end++;
	for (size_t i = host; i < end; i++)
		user = text[i] == '@' ? i : user;
	strike_out(r, host, user);
	if (n->end > end + 17)
		strike_out(r, end + 1, n->end - (n->style != NODE_PLAIN));
}

/* The host may stand behind the "?": postgresql:///app?host=/run/postgresql. */
static void check_database_url(struct reading *r, struct value *out)
{
	bool known = text_starts(out->text.p, "postgresql://") || text_starts(out->text.p, "postgres://");
	if (known && !memchr(out->text.p, ' ', out->text.n))
		return;
	out->set = false;
	problem_add(r->ps, out->at, "%s is no address of a database: postgresql://user@host/name", out->path);
}

static void check_url(struct reading *r, const struct node *n, struct value *out)
{
	static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
	struct str s = out->text;
	size_t skip = 0;
	strike_url(r, n);
	if (strcmp(out->key->word, "read_url") == 0) {
		check_database_url(r, out);
		return;
	}
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (s.n > strlen(schemes[i]) && memcmp(s.p, schemes[i], strlen(schemes[i])) == 0)
			skip = strlen(schemes[i]);
	if (skip && s.p[skip] != '/' && s.p[skip] != ':' && !memchr(s.p, ' ', s.n))
		return;
	out->set = false;
	problem_add(r->ps, out->at,
		"%s is no URL: it begins with http://, https://, ws:// or wss:// and names a host", out->path);
}

static void check_listen(struct reading *r, struct value *out)
{
	const char *colon = memrchr(out->text.p, ':', out->text.n);
	uint64_t port;
	if (out->text.n > 6 && memcmp(out->text.p, "unix:/", 6) == 0)
		return;
	if (colon && colon > out->text.p && !memchr(out->text.p, ' ', out->text.n) &&
		str_to_u64((struct str){colon + 1, out->text.n - (size_t)(colon + 1 - out->text.p)}, &port) &&
		port <= 65535)
		return;
	out->set = false;
	problem_add(r->ps, out->at, "%.*s is no host:port, as 0.0.0.0:3000, and no unix:/path", (int)out->text.n,
		out->text.p);
}

static void check_word(struct reading *r, struct value *out)
{
	int works;
	const char *word = out->text.p, *const *words = NULL;
	if (key_word(out->key, word, out->text.n, &works)) {
		if (works || r->later)
			return;
		out->set = false;
		problem_add(r->ps, out->at, "%s: %s is not in this version", out->path, word);
		return;
	}
	out->set = false;
	const char *list[16] = {0};
	char *copy = arena_text(r->a, out->key->words), *rest = NULL;
	size_t n = 0;
	for (char *w = strtok_r(copy, " |", &rest); w && n < 15; w = strtok_r(NULL, " |", &rest))
		list[n++] = w;
	words = list;
	const char *near = nearest_word(word, words);
	struct buf all = {0};
	for (size_t i = 0; i < n; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", list[i]);
	const char *number = out->key->type == KEY_DEPTH ? "a number, " : "";
	if (near)
		problem_add(
			r->ps, out->at, "%s is %s%s, not %s; did you mean %s?", out->path, number, all.p, word, near);
	else
		problem_add(r->ps, out->at, "%s is %s%s, not %s", out->path, number, all.p, word);
	problem_near(r->ps, near);
	buf_fini(&all);
}

static void check_type(struct reading *r, struct value *out)
{
	static const char *const types[] = {"string", "int", "number", "bool", "object", "array", "uint256",
		"address", "bytes32", "bytes65", "pubkey", "base64", "uuid", "time", "units", NULL};
	for (size_t i = 0; types[i]; i++)
		if (str_is(out->text, types[i]))
			return;
	const char *near = nearest_word(out->text.p, types);
	problem_add(r->ps, out->at, "no type is named %s; %s%s%s", out->text.p, near ? "did you mean " : "",
		near ? near : "",
		near ? "?"
			 : "types are string int number bool object array uint256 address bytes32 bytes65 pubkey base64 "
			   "uuid time units");
	problem_near(r->ps, near);
}

static void read_sql(struct reading *r, const struct node *n, struct value *out)
{
	const struct yaml *y = r->y;
	size_t end = n ? n->end : 0;
	if (n && n->style == NODE_FOLDED) {
		problem_add(r->ps, out->at, "sql in a > block: it joins a -- comment with the next line; write |");
		return;
	}
	while (end < y->text.n && (y->text.p[end] == ' ' || y->text.p[end] == '\t'))
		end++;
	if (n && n->style == NODE_PLAIN && memchr(y->text.p + n->begin, '\n', n->end - n->begin))
		problem_add(r->ps, out->at, "unquoted sql stands on one line; write it as a | block");
	else if (n && n->style == NODE_PLAIN && end < y->text.n && y->text.p[end] == '#')
		problem_add(r->ps, out->at,
			"unquoted sql with a # behind it: YAML cuts it there; write it as a | block or quote it");
	out->sql = sqltext_parse(r->a, &out->scalar, r->ps);
	out->set = out->sql != NULL;
}

static void read_secret(struct reading *r, const struct node *n, struct value *out)
{
	bool of_a_signer = text_starts(out->path, "signers.");
	if (!expand_secret(r->vars, &out->scalar, r->vars->keyless && of_a_signer)) {
		if (n)
			strike_out(r, n->begin, n->end);
		out->set = false;
		return;
	}
	struct str value = scalar_value(r->a, &out->scalar);
	for (size_t i = 0; i < out->scalar.nvars; i++)
		for (int twice = 0; twice < 2; twice++) { /* the looked-up text and its copy in out->text */
			struct secret_text *s = arena_alloc(r->a, sizeof *s);
			const char *p = twice ? value.p : out->scalar.vars[i].value.p;
			if (p && *p)
				*s = (struct secret_text){(char *)(uintptr_t)p, of_a_signer, r->secrets}, r->secrets = s;
		}
	out->text = value;
	out->set = value.n > 0;
}

static bool fine(struct reading *r, struct value *out, bool good, const struct unit_error *e)
{
	out->set = good;
	if (!good)
		value_problem(r, out->at, e);
	return good;
}

/* The types that are read from the expanded text. */
static void read_text(struct reading *r, const struct node *n, struct value *out)
{
	struct unit_error e = {0};
	bool solana;
	switch (out->key->type) {
	case KEY_NUMBER: fine(r, out, unit_number(out->text, &out->number, &e), &e); break;
	case KEY_BOOL: fine(r, out, unit_bool(out->text, &out->flag, &e), &e); break;
	case KEY_DURATION: fine(r, out, unit_duration(out->text, &out->number, &e), &e); break;
	case KEY_RATE: fine(r, out, unit_rate(out->text, &out->rate, &e), &e); break;
	case KEY_RATIO: fine(r, out, unit_ratio(out->text, &out->ratio, &e), &e); break;
	case KEY_PERCENT: fine(r, out, unit_percent(out->text, &out->number, &e), &e); break;
	case KEY_AMOUNT:
		if (fine(r, out, unit_amount(out->text, &out->amount, &solana, &e), &e) && solana)
			problem_add(
				r->ps, out->at, "lamports and sol are of Solana chains; here it is wei, gwei or ether");
		break;
	case KEY_DEPTH:
		out->number = UINT64_MAX;
		if (out->text.n && out->text.p[0] >= '0' && out->text.p[0] <= '9')
			fine(r, out, unit_number(out->text, &out->number, &e), &e);
		else
			check_word(r, out);
		break;
	case KEY_WORD: check_word(r, out); break;
	case KEY_TYPE: check_type(r, out); break;
	case KEY_URL: check_url(r, n, out); break;
	case KEY_LISTEN: check_listen(r, out); break;
	case KEY_PATH:
		if (out->text.p[0] != '/' || memchr(out->text.p, ' ', out->text.n))
			problem_add(r->ps, out->at, "%s is a path: it begins with / and has no blanks", out->path);
		break;
	case KEY_FIELD:
		out->set = name_length(out->text, 0) == out->text.n;
		if (!out->set)
			problem_add(r->ps, out->at, "%s is one name, or a list of names, not %s", out->path, out->text.p);
		break;
	default: break;
	}
}

static bool is_open(enum key_type t)
{
	return t == KEY_SQL || t == KEY_TEXT || t == KEY_CALL || t == KEY_CHECK || t == KEY_ELSE;
}

void read_one(struct reading *r, struct scalar s, const struct node *n, struct value *out)
{
	enum key_type t = out->key->type;
	out->form = VALUE_ONE;
	out->scalar = s;
	if (t == KEY_SECRET) {
		read_secret(r, n, out);
		return;
	}
	bool stays = strcmp(out->key->map, "profile") ==
				 0; /* the chosen one was read before all else, the others stay unread */
	if (!s.nvars && !stays)
		expand(r->vars, &out->scalar, is_open(t) ? USE_OPEN : USE_PLAIN);
	bool unset = false;
	for (size_t i = 0; i < out->scalar.nvars; i++)
		unset |= !out->scalar.vars[i].set;
	out->text = scalar_value(r->a, &out->scalar);
	out->set = !scalar_is_empty(&out->scalar);
	if (!out->set && !unset) {
		out->written = false; /* empty after expansion: as if the key were not there */
		read_default(r, out);
		return;
	}
	if (unset && !is_open(t)) {
		out->set = false;
		return;
	}
	if (t == KEY_SQL || (t == KEY_ELSE && !str_is(out->text, "park") && !str_is(out->text, "skip"))) {
		read_sql(r, n, out);
	} else if (t == KEY_CALL) {
		out->call = arena_alloc(r->a, sizeof *out->call);
		out->set = call_parse(r->a, &out->scalar, out->call, r->ps);
	} else if (t == KEY_CHECK) {
		out->check = arena_alloc(r->a, sizeof *out->check);
		out->set = check_parse(r->a, &out->scalar, out->check, r->ps);
	} else if (t == KEY_TEXT) {
		out->template = template_parse(r->a, &out->scalar, r->ps);
	} else {
		read_text(r, n, out);
	}
}

void read_parted(struct reading *r, struct str text, struct value *out)
{
	size_t max = 1;
	for (size_t i = 0; i < text.n; i++)
		max += text.p[i] == ',';
	out->form = VALUE_LIST;
	out->items = arena_alloc(r->a, max * sizeof *out->items);
	for (size_t i = 0; i <= text.n;) {
		const char *comma = i < text.n ? memchr(text.p + i, ',', text.n - i) : NULL;
		size_t end = comma ? (size_t)(comma - text.p) : text.n, from = i;
		while (from < end && text.p[from] == ' ')
			from++;
		size_t to = end;
		while (to > from && text.p[to - 1] == ' ')
			to--;
		struct value *v = &out->items[out->n];
		*v = (struct value){.key = out->key, .path = out->path, .at = out->at, .name_at = out->name_at};
		v->written = out->node != NULL;
		struct scalar s = {.at = out->at, .text = {arena_textn(r->a, text.p + from, to - from), to - from}};
		if (to > from) {
			read_one(r, s, NULL, v);
			out->n++;
		}
		i = end + 1;
	}
	out->set = out->n > 0;
}

void read_default(struct reading *r, struct value *out)
{
	const struct keyword *k = out->key;
	if (!k->def) {
		/* a map whose rows have defaults is there even when it is not written */
		const struct keyword *first =
			k->type == KEY_MAP && k->sub && !(k->flags & (KEY_LIST | KEY_LATER)) ? key_first(k->sub) : NULL;
		if (!first || *first->word == '*')
			return;
		out->form = VALUE_MAP;
		size_t rows = 0;
		for (const struct keyword *row = first; row->map && strcmp(row->map, k->sub) == 0; row++)
			rows++;
		out->items = arena_alloc(r->a, (rows + 1) * sizeof *out->items);
		for (const struct keyword *row = first; row->map && strcmp(row->map, k->sub) == 0; row++) {
			struct value *v = &out->items[out->n++];
			*v = (struct value){.key = row, .name = row->word, .at = out->at, .name_at = out->at};
			v->path = arena_printf(r->a, "%s.%s", out->path, row->word);
			read_default(r, v);
		}
		return;
	}
	struct value read = {
		.key = k, .path = out->path, .name = out->name, .at = out->at, .name_at = out->name_at};
	struct scalar s = {.at = out->at, .text = str_of(k->def)};
	if (k->flags & KEY_LIST)
		read_parted(r, s.text, &read);
	else
		read_one(r, s, NULL, &read);
	*out = read;
}
