#include "common/evm/typed.h"

#include "common/base/mem.h"
#include "common/evm/abi.h"
#include "common/evm/keccak.h"

#include <stdio.h>

void typed_personal(uint8_t digest[32], struct str message)
{
	struct buf b = {0};
	buf_put(&b, "\x19", 1);
	buf_printf(&b, "Ethereum Signed Message:\n%zu", message.n);
	buf_str(&b, message);
	keccak256(digest, b.p, b.n);
	buf_fini(&b);
}

/* ── types: "Mail(Person from,string contents)Person(string name)" ── */

struct member {
	struct str type, name;
};
struct structure {
	struct str name;
	struct member *members;
	size_t n;
	struct abi_param
		*fields; /* of a tuple that holds the same; a struct's own place is found by this pointer */
	bool under_way, resolved;
};
struct typing {
	struct arena a;
	struct structure *list;
	size_t n;
	struct err *e;
};

static struct str trim(struct str s)
{
	while (s.n && s.p[0] == ' ')
		s.p++, s.n--;
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static bool read_members(struct typing *t, struct structure *s, struct str inner)
{
	size_t most = 1;
	for (size_t i = 0; i < inner.n; i++)
		most += inner.p[i] == ',';
	s->members = arena_alloc(&t->a, most * sizeof *s->members);
	while (trim(inner).n) {
		const char *comma = memchr(inner.p, ',', inner.n);
		struct str one = trim((struct str){inner.p, comma ? (size_t)(comma - inner.p) : inner.n});
		const char *blank = one.n ? memchr(one.p, ' ', one.n) : NULL;
		if (!blank)
			return err_set(
				t->e, ERR_REJECTED, "%.*s is no member of a struct: a type and a name", (int)one.n, one.p);
		struct str type = {one.p, (size_t)(blank - one.p)};
		s->members[s->n++] = (struct member){type, trim((struct str){blank, one.n - type.n})};
		size_t used = comma ? (size_t)(comma - inner.p) + 1 : inner.n;
		inner.p += used;
		inner.n -= used;
	}
	return true;
}

static bool read_types(struct typing *t, const char *text)
{
	size_t most = 0;
	for (const char *p = text; *p; p++)
		most += *p == '(';
	t->list = arena_alloc(&t->a, (most + 1) * sizeof *t->list);
	for (const char *p = text; *p;) {
		const char *open = strchr(p, '('), *close = open ? strchr(open, ')') : NULL;
		if (!close || open == p)
			return err_set(t->e, ERR_REJECTED, "%s is no type of EIP-712: Name(type name,…)", text);
		struct structure *s = &t->list[t->n++];
		s->name = trim((struct str){p, (size_t)(open - p)});
		if (!read_members(t, s, (struct str){open + 1, (size_t)(close - open - 1)}))
			return false;
		p = close + 1;
		while (*p == ' ')
			p++;
	}
	return t->n > 0;
}

/* A struct's text as encodeType writes it: no blank but the one between type and name. */
static void put_text(struct buf *b, const struct structure *s)
{
	buf_printf(b, "%.*s(", (int)s->name.n, s->name.p);
	for (size_t i = 0; i < s->n; i++)
		buf_printf(b, "%s%.*s %.*s", i ? "," : "", (int)s->members[i].type.n, s->members[i].type.p,
			(int)s->members[i].name.n, s->members[i].name.p);
	buf_char(b, ')');
}

static const struct structure *struct_of(const struct typing *t, struct str name)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->list[i].name, name))
			return &t->list[i];
	return NULL;
}

/* Structs that s names, and those that they name. */
static void mark_used(const struct typing *t, const struct structure *s, bool *used)
{
	if (used[s - t->list])
		return;
	used[s - t->list] = true;
	for (size_t i = 0; i < s->n; i++) {
		struct str type = s->members[i].type;
		const char *bracket = memchr(type.p, '[', type.n);
		if (bracket)
			type.n = (size_t)(bracket - type.p);
		const struct structure *other = struct_of(t, type);
		if (other)
			mark_used(t, other, used);
	}
}

static void type_hash(struct typing *t, const struct structure *s, uint8_t out[32])
{
	bool *used = arena_alloc(&t->a, t->n * sizeof *used);
	struct buf b = {0};
	mark_used(t, s, used);
	used[s - t->list] = false;
	put_text(&b, s);
	for (;;) { /* the others in the order of their names */
		const struct structure *least = NULL;
		for (size_t i = 0; i < t->n; i++) {
			const struct structure *x = &t->list[i];
			size_t n = least && least->name.n < x->name.n ? least->name.n : x->name.n;
			int c = least ? memcmp(x->name.p, least->name.p, n) : -1;
			if (used[i] && (c < 0 || (c == 0 && x->name.n < least->name.n)))
				least = x;
		}
		if (!least)
			break;
		used[least - t->list] = false;
		put_text(&b, least);
	}
	keccak256(out, b.p, b.n);
	buf_fini(&b);
}

/* ── what a member is ── */

static bool resolve(struct typing *t, struct structure *s);

/* "Person", "Person[2][]", "uint256[]" as a type of the ABI: a struct is a tuple. */
static bool resolve_type(struct typing *t, struct str text, struct abi_type *out)
{
	size_t open = text.n;
	if (text.n > 2 && text.p[text.n - 1] == ']') {
		while (open > 0 && text.p[open - 1] != '[')
			open--;
		struct abi_type *item = arena_alloc(&t->a, sizeof *item);
		struct abi_type length;
		struct buf b = {0};
		buf_printf(&b, "uint8%.*s", (int)(text.n - open + 1), text.p + open - 1);
		bool good = open > 1 && abi_parse_type(&t->a, (struct str){b.p, b.n}, &length, t->e) &&
					resolve_type(t, (struct str){text.p, open - 1}, item);
		buf_fini(&b);
		*out = (struct abi_type){.kind = ABI_ARRAY, .item = item, .length = good ? length.length : 0};
		if (!good && !t->e->text[0])
			err_put(t->e, ERR_REJECTED, "%.*s is no type", (int)text.n, text.p);
		return good;
	}
	struct structure *s = (struct structure *)(uintptr_t)struct_of(t, text);
	if (!s)
		return abi_parse_type(&t->a, text, out, t->e);
	if (!resolve(t, s))
		return false;
	*out = (struct abi_type){.kind = ABI_TUPLE, .fields = s->fields, .nfields = s->n};
	return true;
}

static bool resolve(struct typing *t, struct structure *s)
{
	if (s->resolved)
		return true;
	if (s->under_way)
		return err_set(t->e, ERR_REJECTED, "%.*s holds itself; it has no end", (int)s->name.n, s->name.p);
	s->under_way = true;
	s->fields = arena_alloc(&t->a, (s->n + 1) * sizeof *s->fields);
	for (size_t i = 0; i < s->n; i++) {
		const struct member *m = &s->members[i];
		s->fields[i].name = arena_textn(&t->a, m->name.p, m->name.n);
		if (!resolve_type(t, m->type, &s->fields[i].type))
			return err_prefix(t->e, "%.*s.%.*s: %.*s is no type that can be signed", (int)s->name.n,
				s->name.p, (int)m->name.n, m->name.p, (int)m->type.n, m->type.p);
	}
	s->resolved = true;
	return true;
}

/* ── values ── */

static const struct structure *struct_with(const struct typing *t, const struct abi_param *fields)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].fields == fields)
			return &t->list[i];
	return NULL;
}

static bool encode_value(
	struct typing *t, const struct abi_type *type, const struct abi_value *v, uint8_t out[32]);

/* hashStruct: the type's hash and each member's word. */
static bool hash_struct(
	struct typing *t, const struct structure *s, const struct abi_value *members, uint8_t out[32])
{
	struct buf data = {0};
	uint8_t word[32];
	bool good = true;
	type_hash(t, s, word);
	buf_put(&data, word, 32);
	for (size_t i = 0; good && i < s->n; i++) {
		good = encode_value(t, &s->fields[i].type, &members[i], word);
		buf_put(&data, word, 32);
	}
	keccak256(out, data.p, data.n);
	buf_fini(&data);
	return good;
}

/* encodeData of one member: itself, or the hash of what has no fixed size (a list: of its items' words). */
static bool encode_value(
	struct typing *t, const struct abi_type *type, const struct abi_value *v, uint8_t out[32])
{
	struct abi_param p = {.type = *type};
	struct buf b = {0};
	bool good = true;
	switch (type->kind) {
	case ABI_STRING:
	case ABI_BYTES: keccak256(out, v->bytes.p, v->bytes.n); return true;
	case ABI_TUPLE: return hash_struct(t, struct_with(t, type->fields), v->items, out);
	case ABI_ARRAY:
		for (size_t i = 0; good && i < v->n; i++) {
			uint8_t word[32];
			good = encode_value(t, type->item, &v->items[i], word);
			buf_put(&b, word, 32);
		}
		keccak256(out, b.p, b.n);
		break;
	default:
		good = abi_encode(&b, &p, 1, v, t->e) && b.n == 32;
		if (good)
			memcpy(out, b.p, 32);
	}
	buf_fini(&b);
	return good;
}

/* A text is signed as it is, U+0000 and all. */
static bool read_value(struct typing *t, const struct abi_type *type, struct str text, struct abi_value *v)
{
	if (type->kind != ABI_STRING)
		return abi_value_from_text(&t->a, type, text, v, t->e);
	*v = (struct abi_value){.bytes = {(const uint8_t *)text.p, text.n}};
	return true;
}

static void domain_hash(const struct typed_domain *d, uint8_t out[32])
{
	struct buf type = {0}, data = {0};
	uint8_t word[32];
	buf_text(&type, "EIP712Domain(");
	buf_put(&data, (uint8_t[32]){0}, 32); /* of the type */
	if (d->name) {
		buf_text(&type, "string name,");
		keccak256(word, d->name, strlen(d->name));
		buf_put(&data, word, 32);
	}
	if (d->version) {
		buf_text(&type, "string version,");
		keccak256(word, d->version, strlen(d->version));
		buf_put(&data, word, 32);
	}
	buf_text(&type, "uint256 chainId");
	u256_to_be(word, u256_of(d->chain_id));
	buf_put(&data, word, 32);
	if (d->contract) {
		buf_text(&type, ",address verifyingContract");
		memset(word, 0, 12);
		memcpy(word + 12, d->contract, 20);
		buf_put(&data, word, 32);
	}
	buf_char(&type, ')');
	keccak256((uint8_t *)data.p, type.p, type.n);
	keccak256(out, data.p, data.n);
	buf_fini(&type);
	buf_fini(&data);
}

static bool read_all(struct typing *t, const char *type)
{
	if (!read_types(t, type)) {
		if (!t->e->text[0])
			err_put(t->e, ERR_REJECTED, "there is no type");
		return false;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct structure *s = &t->list[i];
		if (struct_of(t, s->name) != s)
			return err_set(t->e, ERR_REJECTED, "%.*s stands there twice", (int)s->name.n, s->name.p);
	}
	return resolve(t, &t->list[0]);
}

bool typed_members(struct arena *a, const char *type, const char *const **names, size_t *n, struct err *e)
{
	struct typing t = {.e = e};
	bool good = read_all(&t, type);
	if (good) {
		const struct structure *s = &t.list[0];
		const char **out = arena_alloc(a, (s->n + 1) * sizeof *out);
		for (size_t i = 0; i < s->n; i++)
			out[i] = arena_text(a, s->fields[i].name);
		*names = out;
		*n = s->n;
	}
	arena_fini(&t.a);
	return good;
}

static bool root_hash(struct typing *t, struct str (*value)(const void *arg, const char *name),
	const void *arg, uint8_t out[32])
{
	const struct structure *s = &t->list[0];
	struct abi_value *v = arena_alloc(&t->a, (s->n + 1) * sizeof *v);
	for (size_t i = 0; i < s->n; i++) {
		struct str text = value(arg, s->fields[i].name);
		if (!text.p)
			return err_set(t->e, ERR_REJECTED, "there is no %s to sign", s->fields[i].name);
		if (!read_value(t, &s->fields[i].type, text, &v[i]))
			return false;
	}
	return hash_struct(t, s, v, out);
}

bool typed_digest(uint8_t digest[32], const char *type, const struct typed_domain *d,
	struct str (*value)(const void *arg, const char *name), const void *arg, struct err *e)
{
	struct typing t = {.e = e};
	uint8_t bytes[66] = {0x19, 0x01};
	bool good = read_all(&t, type) && root_hash(&t, value, arg, bytes + 34);
	if (good) {
		domain_hash(d, bytes + 2);
		keccak256(digest, bytes, sizeof bytes);
	}
	arena_fini(&t.a);
	return good;
}
