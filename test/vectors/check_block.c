#define _GNU_SOURCE
#include "test/vectors/check.h"
#include "common/evm/receipts.h"
#include "common/evm/trie.h"

/* Blocks as chains answered: the header's hash, the root and bloom of the receipts, the root of the
 * transactions. */

struct list {
	struct bytes items[1024];
	size_t n;
};
static void put_item(void *arg, size_t i, struct buf *out)
{
	const struct list *l = arg;
	buf_put(out, l->items[i].p, l->items[i].n);
}

static void check_transactions(const struct vector *v, struct str header)
{
	struct list l = {.n = 0};
	struct str s = v->field[4];
	static const char name[] = "\"transactionsRoot\":\"";
	const char *at = memmem(header.p, header.n, name, sizeof name - 1);
	uint8_t wanted[32], root[32];
	if (str_is(s, "none") || !check(v, at != NULL, "the header has a transactionsRoot"))
		return;
	check(v, hex_from(wanted, 32, (struct str){at + sizeof name - 1, 66}), "transactionsRoot is hex");
	while (s.n > 0 && l.n < 1024) {
		const char *comma = memchr(s.p, ',', s.n);
		size_t n = comma ? (size_t)(comma - s.p) : s.n, size = n / 2 - 1;
		uint8_t *p = arena_alloc(v->arena, size);
		check(v, hex_from(p, size, (struct str){s.p, n}), "a transaction is hex");
		l.items[l.n++] = (struct bytes){p, size};
		s = (struct str){s.p + n + (comma != NULL), s.n - n - (comma != NULL)};
	}
	trie_root(root, l.n, put_item, &l);
	check(v, memcmp(root, wanted, 32) == 0, "the root of the transactions");
}

static void check_header(const struct vector *v, struct str header, struct block_header *h)
{
	bool found;
	check(v, header_parse(v->arena, header, h, &found, NULL) && found, "the header is read");
	check(v, header_check(v->arena, header) == HEADER_TRUE, "the header's hash");
	static const char *const fields[] = {"\"stateRoot\":\"0x", "\"extraData\":\"0x", "\"gasUsed\":\"0x",
		"\"mixHash\":\"0x", "\"timestamp\":\"0x", "\"receiptsRoot\":\"0x", "\"logsBloom\":\"0x"};
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		char *copy = arena_textn(v->arena, header.p, header.n), *at = strstr(copy, fields[i]);
		if (!check(v, at != NULL, "a field is there") || at[strlen(fields[i])] == '"')
			continue;
		char *digit = at + strlen(fields[i]);
		*digit = *digit == '0' ? '1' : '0';
		check(v, header_check(v->arena, str_of(copy)) == HEADER_FALSE, "a changed field is seen");
	}
}

void check_block(const struct vector *v)
{
	struct block_header h;
	struct receipts r;
	struct err e = {0};
	uint8_t root[32], bloom[256] = {0};
	uint64_t type;
	bool found;
	check_header(v, v->field[2], &h);
	if (!check(v, receipts_parse(v->arena, v->field[3], &r, &found, &e) && found, "the receipts are read"))
		return;
	check(v, r.n == h.ntxs, "as many receipts as transactions");
	check(v, receipts_check(&r, h.hash, h.number, &e), "the receipts fit together");
	check(v, receipts_root(&r, root, &type) && memcmp(root, h.receipts_root, 32) == 0,
		"the root of the receipts");
	for (size_t i = 0; i < r.n; i++)
		for (size_t k = 0; k < r.list[i].nlogs; k++)
			log_bloom(&r.list[i].logs[k], bloom);
	check(v, memcmp(bloom, h.bloom, 256) == 0, "the bloom of the logs");
	check_transactions(v, v->field[2]);
}
