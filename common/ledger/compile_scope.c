#include "common/ledger/compile_in.h"

/* GRAMMAR §8: records that SQL knows; a field or column called like one would hide it. */
static const char *const taken[] = {
	"args", "auth", "block", "chain", "entry", "event", "job", "log", "probe", "request", "tx", NULL};

static bool is_taken(const char *name)
{
	for (size_t i = 0; taken[i]; i++)
		if (text_is(taken[i], name))
			return true;
	return false;
}

void scope_name_add(struct compiler *k, struct scope *s, struct name n)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 32;
		struct name *list = arena_alloc(&k->mem, cap * sizeof(*list));
		if (s->n)
			memcpy(list, s->list, s->n * sizeof(*list));
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = n;
}

const struct name *scope_find(const struct scope *s, struct str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_is(name, s->list[i].name))
			return &s->list[i];
	return NULL;
}

/* "TokenRevealed has no field :tokenld; did you mean :tokenId? It has no other" */
void scope_unknown(struct compiler *k, const struct scope *s, struct str name, struct pos at)
{
	const char *word = arena_textn(&k->mem, name.p, name.n);
	const char **words = arena_alloc(&k->mem, (s->n + 1) * sizeof(*words));
	struct buf others = {0};
	for (size_t i = 0; i < s->n; i++)
		words[i] = s->list[i].name;
	const char *near = nearest_word(word, words);
	for (size_t i = 0; i < s->n; i++)
		if (!strchr(words[i], '.') && !is_taken(words[i]) && !text_is(words[i], near))
			buf_printf(&others, " :%s", words[i]);
	const char *rest = others.n ? arena_printf(&k->mem, "It also has%s", others.p)
					   : near   ? "It has no other"
								: "It has none";
	buf_fini(&others);
	if (near) {
		const char *hint = arena_printf(&k->mem, ":%s", near);
		problem_add(k->ps, at, "%s has no %s :%s; did you mean %s? %s", s->owner, s->noun, word, hint, rest);
		problem_near(k->ps, hint);
	} else {
		problem_add(k->ps, at, "%s has no %s :%s. %s", s->owner, s->noun, word, rest);
	}
}

static bool is_hex(const struct abi_param *p)
{
	const struct abi_type *t = &p->type;
	if (p->indexed && abi_indexed_is_hash(p))
		return true;
	if (t->kind == ABI_ARRAY)
		t = t->item;
	return t->kind == ABI_ADDRESS || t->kind == ABI_BYTES || t->kind == ABI_BYTESN || t->kind == ABI_FUNCTION;
}

static void add_plain(
	struct compiler *k, struct scope *s, const char *name, const char *type, const char *expr)
{
	scope_name_add(k, s, (struct name){.name = name, .type = type_oid(k, type), .expr = expr});
}

static void add_hex(struct compiler *k, struct scope *s, const char *name, const char *raw)
{
	scope_name_add(k, s,
		(struct name){.name = name,
			.type = type_oid(k, "text"),
			.hex = true,
			.raw = raw,
			.expr = arena_printf(&k->mem, "('0x' || encode(%s, 'hex'))", raw)});
}

static void add_fields(struct compiler *k, struct scope *s, const struct event_decl *ev, const char *row)
{
	for (size_t i = 0; i < ev->entry->nin; i++) {
		const struct abi_param *p = &ev->entry->in[i];
		struct buf type = {0};
		abi_pg_type(&type, p);
		struct name n = {.name = p->name,
			.type = type_oid(k, type.p),
			.hex = is_hex(p),
			.expr = arena_printf(&k->mem, "%s.%s", row, quote_name(k, ev->columns[i]))};
		buf_fini(&type);
		if (!is_taken(p->name))
			scope_name_add(k, s, n);
		n.name = arena_printf(&k->mem, "args.%s", p->name);
		scope_name_add(k, s, n);
	}
}

/* jsonb of all that is known of the event: wide numbers as text (GRAMMAR §10). */
static const char *event_json(
	struct compiler *k, const struct scope *s, const struct event_decl *ev, const char *row)
{
	struct buf b = {0};
	buf_text(&b, "jsonb_build_object('args', '{}'::jsonb");
	for (size_t i = 0; i < ev->entry->nin; i++) {
		const char *key = arena_printf(&k->mem, "args.%s", ev->entry->in[i].name);
		const struct name *n = scope_find(s, str_of(key));
		buf_printf(
			&b, " || jsonb_build_object(%s, %s)", quote(k, n->name + 5), value_json_sql(k, n->expr, n->type));
	}
	buf_printf(&b,
		", 'name', %s, 'contract', %s, 'seq', %s._seq, 'source', CASE WHEN %s._swept THEN 'swept' ELSE "
		"'live' END, 'tx', '0x' || "
		"encode(%s._tx, 'hex'), 'log', %s._log, 'block', %s._block, 'time', %s)",
		quote(k, ev->entry->as), quote(k, ev->contract->name), row, row, row, row, row,
		value_json_sql(k, arena_printf(&k->mem, "%s._at", row), type_oid(k, "timestamp with time zone")));
	const char *text = arena_textn(&k->mem, b.p, b.n);
	buf_fini(&b);
	return text;
}

void scope_event(struct compiler *k, struct scope *s, const struct event_decl *ev, const char *row)
{
	struct arena *a = &k->mem;
	s->owner = ev->entry->as;
	s->noun = "field";
	add_fields(k, s, ev, row);
	add_plain(k, s, "event", "jsonb", event_json(k, s, ev, row));
	add_plain(k, s, "event.name", "text", arena_printf(a, "CAST(%s AS text)", quote(k, ev->entry->as)));
	add_plain(
		k, s, "event.contract", "text", arena_printf(a, "CAST(%s AS text)", quote(k, ev->contract->name)));
	add_plain(k, s, "event.seq", "bigint", arena_printf(a, "%s._seq", row));
	add_plain(k, s, "event.source", "text",
		arena_printf(a, "CASE WHEN %s._swept THEN 'swept' ELSE 'live' END", row));
	add_plain(k, s, "log.index", "integer", arena_printf(a, "%s._log", row));
	add_hex(k, s, "log.address", arena_printf(a, "%s._address", row));
	add_hex(k, s, "tx.hash", arena_printf(a, "%s._tx", row));
	add_plain(k, s, "block.number", "bigint", arena_printf(a, "%s._block", row));
	add_hex(k, s, "block.hash", arena_printf(a, "%s._block_hash", row));
	add_plain(k, s, "block.time", "timestamp with time zone", arena_printf(a, "%s._at", row));
}

void scope_header(struct compiler *k, struct scope *s, const char *row)
{
	s->noun = "name";
	add_hex(k, s, "tx.hash", arena_printf(&k->mem, "%s._tx", row));
	add_plain(k, s, "block.number", "bigint", arena_printf(&k->mem, "%s._block", row));
	add_hex(k, s, "block.hash", arena_printf(&k->mem, "%s._block_hash", row));
	add_plain(k, s, "block.time", "timestamp with time zone", arena_printf(&k->mem, "%s._at", row));
}

/* A member of data, which is text there. */
static void add_data(struct compiler *k, struct scope *s, const char *name, const char *type, const char *row,
	const char *member)
{
	const char *text = arena_printf(&k->mem, "(%s.data->>'%s')", row, member);
	bool is_text = text_is(type, "text"), is_time = text_is(member, "time");
	scope_name_add(k, s,
		(struct name){.name = name,
			.type = type_oid(k, type),
			.hex = is_text && !text_is(member, "error"),
			.expr = is_text   ? text
					: is_time ? arena_printf(&k->mem, "to_timestamp(%s::bigint)", text)
							  : arena_printf(&k->mem, "CAST(%s AS %s)", text, type)});
}

void scope_happening(struct compiler *k, struct scope *s, const struct trigger_decl *t, const char *row)
{
	s->noun = "name";
	add_data(k, s, "block.number", "bigint", row, "block");
	add_data(k, s, "block.hash", "text", row, "hash");
	add_data(k, s, "block.time", "timestamp with time zone", row, "time");
	if (text_is(t->kind, "swept"))
		add_data(k, s, "found", "bigint", row, "found");
	if (t->batch || text_is(t->kind, "reorg"))
		add_data(k, s, "tx.hash", "text", row, "tx");
	if (!t->batch)
		return;
	add_data(k, s, "tx.from", "text", row, "from");
	add_data(k, s, "tx.error", "text", row, "error");
	add_plain(k, s, "tx.status", "text",
		arena_printf(
			&k->mem, "CASE %s.data->>'ok' WHEN 'true' THEN 'success' WHEN 'false' THEN 'reverted' END", row));
	batch_item_names(k, (size_t)(t->batch - k->c->batches), arena_printf(&k->mem, "%s.iargs", row), s);
}

bool scope_columns(
	struct compiler *k, struct scope *s, const struct prepared *p, const char *record, struct pos at)
{
	if (!sql_columns_ok(k, p, at))
		return false;
	size_t before = s->n;
	for (size_t i = 0; i < p->ncols; i++) {
		const struct column *c = &p->cols[i];
		struct scope old = {.list = s->list, .n = before};
		if (is_taken(c->name)) {
			problem_add(k->ps, at,
				"the column %s is called like a record that SQL knows; give it another name", c->name);
			return false;
		}
		if (scope_find(&old, str_of(c->name))) {
			problem_add(
				k->ps, at, "the column %s makes the name :%s again; give it another name", c->name, c->name);
			return false;
		}
		bool text = c->type == type_oid(k, "text") || c->type == type_oid(k, "text[]");
		scope_name_add(k, s,
			(struct name){.name = c->name,
				.type = c->type,
				.hex = text, /* it may hold 0x…: nobody says where it comes from */
				.expr = arena_printf(&k->mem, "%s.%s", record, quote_name(k, c->name))});
	}
	return true;
}
