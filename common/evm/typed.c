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
	struct str name, text; /* text: "Mail(Person from,string contents)" */
	struct member *members;
	size_t n;
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
		const char *blank = memchr(one.p, ' ', one.n);
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
		s->text = trim((struct str){p, (size_t)(close + 1 - p)});
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

/* ── values ── */

static bool encode_value(struct typing *t, struct str type, struct str text, uint8_t out[32]);

/* An atomic value, or the hash of a dynamic one (EIP-712 encodeData). */
static bool encode_atom(struct typing *t, struct str type, struct str text, uint8_t out[32])
{
	struct abi_param p = {0};
	struct abi_value v = {0};
	struct buf b = {0};
	if (str_is(type, "string")) {
		keccak256(out, text.p, text.n);
		return true;
	}
	if (!abi_parse_type(&t->a, type, &p.type, t->e) || !abi_value_from_text(&t->a, &p.type, text, &v, t->e))
		return false;
	if (p.type.kind == ABI_BYTES) {
		keccak256(out, v.bytes.p, v.bytes.n);
		return true;
	}
	bool good = abi_encode(&b, &p, 1, &v, t->e) && b.n == 32;
	if (good)
		memcpy(out, b.p, 32);
	buf_fini(&b);
	return good || err_set(t->e, ERR_REJECTED, "%.*s is no type of a member", (int)type.n, type.p);
}

static bool encode_value(struct typing *t, struct str type, struct str text, uint8_t out[32])
{
	if (struct_of(t, type) || memchr(type.p, '[', type.n))
		return err_set(t->e, ERR_REJECTED, "%.*s: structs within structs and lists are not in this version",
			(int)type.n, type.p);
	return encode_atom(t, type, text, out);
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

static bool struct_hash(struct typing *t, struct str (*value)(const void *arg, const char *name),
	const void *arg, uint8_t out[32])
{
	const struct structure *s = &t->list[0];
	struct buf data = {0};
	uint8_t word[32];
	bool good = true;
	type_hash(t, s, word);
	buf_put(&data, word, 32);
	for (size_t i = 0; good && i < s->n; i++) {
		const struct member *m = &s->members[i];
		struct str text = value(arg, arena_textn(&t->a, m->name.p, m->name.n));
		good = text.p ? encode_value(t, m->type, text, word)
					  : err_set(t->e, ERR_REJECTED, "there is no %.*s to sign", (int)m->name.n, m->name.p);
		buf_put(&data, word, 32);
	}
	if (good)
		keccak256(out, data.p, data.n);
	buf_fini(&data);
	return good;
}

bool typed_digest(uint8_t digest[32], const char *type, const struct typed_domain *d,
	struct str (*value)(const void *arg, const char *name), const void *arg, struct err *e)
{
	struct typing t = {.e = e};
	uint8_t bytes[66] = {0x19, 0x01};
	bool good = read_types(&t, type) && struct_hash(&t, value, arg, bytes + 34);
	if (good) {
		domain_hash(d, bytes + 2);
		keccak256(digest, bytes, sizeof bytes);
	}
	arena_fini(&t.a);
	return good;
}
