#include "listener/proof.h"
#include "common/evm/keccak.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ── trust ── */

/* A hash that fits does not fit by chance; growing numbers may. */
static const uint32_t enough[PROOF_CHECKS] = {[PROOF_CHECK_BLOOM] = 1,
	[PROOF_CHECK_ROOT] = 1,
	[PROOF_CHECK_HEADER] = 1,
	[PROOF_CHECK_INDEX] = 64,
	[PROOF_CHECK_TX] = 64,
	[PROOF_CHECK_PAIR] = 64};
static const char *const check_names[PROOF_CHECKS] = {[PROOF_CHECK_BLOOM] = "the bloom of blocks",
	[PROOF_CHECK_ROOT] = "the root of receipts",
	[PROOF_CHECK_HEADER] = "the hash of headers",
	[PROOF_CHECK_INDEX] = "log indexes that grow through a block",
	[PROOF_CHECK_TX] = "the transactions that logs name",
	[PROOF_CHECK_PAIR] = "one index for each transaction"};

bool proof_trusts(const struct proof_trust *t, enum proof_check c)
{
	return t->passed[c] >= enough[c] && !t->failed[c];
}

bool proof_bloom_counts(const struct proof_trust *t)
{
	return proof_trusts(t, PROOF_CHECK_BLOOM) && !t->outside;
}

const char *proof_unsupported(struct proof_trust *t)
{
	for (int c = 0; c < PROOF_CHECKS; c++)
		if (t->failed[c] && !t->said[c]) {
			t->said[c] = true;
			return check_names[c];
		}
	return NULL;
}

static void passed(struct proof_trust *t, enum proof_check c)
{
	if (t->passed[c] < UINT32_MAX)
		t->passed[c]++;
	t->lies[c] = 0;
	if (enough[c] == 1)
		t->failed[c] = false; /* what failed before was a lie, or another form */
}

/* true: it is a lie. Before a check could be trusted, a failure says that it does not hold on this chain. */
static bool is_lie(struct proof_trust *t, enum proof_check c)
{
	if (proof_trusts(t, c)) {
		t->lies[c]++;
		return true;
	}
	t->failed[c] = true;
	return false;
}

void proof_give_up(struct proof_trust *t)
{
	for (int c = 0; c < PROOF_CHECKS; c++)
		if (enough[c] > 1 && t->lies[c] > 0)
			t->failed[c] = true;
}

bool proof_header(struct proof_trust *t, enum header_truth truth)
{
	if (truth == HEADER_TRUE)
		passed(t, PROOF_CHECK_HEADER);
	return truth != HEADER_FALSE || !is_lie(t, PROOF_CHECK_HEADER);
}

struct proof_given proof_given(
	struct arena *a, const struct proof_filter *f, const struct log *logs, size_t n)
{
	struct log *wanted = arena_alloc(a, n * sizeof *wanted);
	struct proof_given g = {.logs = wanted, .known = true};
	for (size_t i = 0; i < n; i++)
		if (f->wanted(f->arg, &logs[i]))
			wanted[g.n++] = logs[i];
	return g;
}

/* ── logs and their header ── */

/* A bloom that is nearly full says yes to anything: passing it proves nothing. */
bool proof_bloom_is_full(const uint8_t bloom[256])
{
	int bits = 0;
	for (size_t i = 0; i < 256; i++)
		bits += __builtin_popcount(bloom[i]);
	return bits > 2048 * 9 / 10;
}

static bool bloom_holds(const struct block_header *h, const struct log *l)
{
	uint8_t bloom[256] = {0};
	log_bloom(l, bloom);
	for (size_t i = 0; i < 256; i++)
		if (bloom[i] & ~h->bloom[i])
			return false;
	return true;
}

bool proof_bloom(struct proof_trust *t, const struct block_header *h, const uint8_t bloom[256], size_t n)
{
	for (size_t i = 0; i < 256; i++)
		if (bloom[i] & ~h->bloom[i])
			return !is_lie(t, PROOF_CHECK_BLOOM);
	if (n > 0 && !proof_bloom_is_full(h->bloom))
		passed(t, PROOF_CHECK_BLOOM);
	return true;
}

const char *proof_behind(struct proof_trust *t, const struct proof_place *from, const struct proof_place *to)
{
	static const uint8_t none[32];
	bool one = memcmp(from->tx_hash, to->tx_hash, 32) == 0;
	if (one && memcmp(to->tx_hash, none, 32) == 0)
		return NULL; /* R3: logs without a transaction */
	if (one != (from->tx == to->tx)) {
		if (is_lie(t, PROOF_CHECK_PAIR))
			return one ? "has another transaction index than a log of the same transaction"
					   : "has another transaction than a log of the same transaction index";
	} else {
		passed(t, PROOF_CHECK_PAIR);
	}
	if (one)
		return NULL;
	if (from->log < to->log)
		passed(t, PROOF_CHECK_INDEX);
	else if (is_lie(t, PROOF_CHECK_INDEX))
		return "has a log index that does not grow through the block";
	return NULL;
}

static bool refuted(struct proof_block *out, const char *what, const struct block_header *h)
{
	out->verdict = PROOF_REFUTED;
	out->liar = PROOF_GIVEN;
	snprintf(out->why, sizeof out->why, "%s, block %" PRIu64, what, h->number);
	return false;
}

static bool check_bloom(
	struct proof_trust *t, const struct block_header *h, const struct proof_given *g, struct proof_block *out)
{
	size_t inside = 0;
	for (size_t i = 0; i < g->n; i++) {
		const struct log *l = &g->logs[i];
		if (bloom_holds(h, l)) {
			inside++;
			continue;
		}
		if (receipt_outside(h->number, h->hash, l->tx_hash)) {
			t->outside = true;
			continue;
		}
		if (is_lie(t, PROOF_CHECK_BLOOM))
			return refuted(out, "a log that the header's bloom does not hold", h);
	}
	if (inside > 0 && inside == g->n && !proof_bloom_is_full(h->bloom))
		passed(t, PROOF_CHECK_BLOOM);
	return true;
}

static bool check_index(
	struct proof_trust *t, const struct block_header *h, const struct proof_given *g, struct proof_block *out)
{
	bool grows = true, several = false;
	for (size_t i = 1; i < g->n; i++) {
		const struct log *a = &g->logs[i - 1], *b = &g->logs[i];
		several |= a->tx_index != b->tx_index;
		if (a->tx_index == b->tx_index && a->log_index == b->log_index)
			return refuted(
				out, "two logs at one place", h); /* numbering within a transaction tells them apart */
		grows &= a->log_index < b->log_index;
	}
	if (!grows && is_lie(t, PROOF_CHECK_INDEX))
		return refuted(out, "logs whose indexes do not grow through the block", h);
	if (grows && several)
		passed(t, PROOF_CHECK_INDEX);
	return true;
}

/* R3: logs without a transaction of the block's list (zkSync's system logs, Polygon's state-sync) are no lie.
 */
static bool check_tx(
	struct proof_trust *t, const struct block_header *h, const struct proof_given *g, struct proof_block *out)
{
	static const uint8_t none[32];
	bool any = false;
	for (size_t i = 0; i < g->n; i++) {
		const struct log *l = &g->logs[i];
		if (l->tx_index >= h->ntxs || memcmp(l->tx_hash, none, 32) == 0)
			continue;
		any = true;
		if (memcmp(h->txs[l->tx_index], l->tx_hash, 32) != 0 && is_lie(t, PROOF_CHECK_TX))
			return refuted(out, "a log of a transaction that does not stand there", h);
	}
	if (any && !t->failed[PROOF_CHECK_TX])
		passed(t, PROOF_CHECK_TX);
	return true;
}

static bool check_place(const struct block_header *h, const struct proof_given *g, struct proof_block *out)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct log *l = &g->logs[i];
		if (l->removed)
			return refuted(out, "a removed log", h);
		if (l->block != h->number || memcmp(l->block_hash, h->hash, 32) != 0)
			return refuted(out, "a log of another block", h);
		if (i > 0 && (l->tx_index < l[-1].tx_index))
			return refuted(out, "logs out of order", h);
	}
	return true;
}

void proof_logs(struct proof_trust *t, enum proof_level want, const struct block_header *h,
	const struct proof_given *g, const struct proof_filter *f, struct proof_block *out)
{
	*out = (struct proof_block){.level = PROOF_NONE, .logs = g->logs, .nlogs = g->n};
	if (!check_place(h, g, out) || !check_bloom(t, h, g, out) || !check_index(t, h, g, out) ||
		!check_tx(t, h, g, out))
		return;
	if (want == PROOF_NONE || g->n > 0 || !proof_bloom_counts(t) || f->bloom(f->arg, h->bloom))
		return;
	out->verdict = PROOF_PROVED;
	out->level = want;
}

/* ── receipts ── */

enum { FORM_STATE_ROOT = 256, FORM_VERSION, FORM_OUTSIDE };

static size_t form_of(const struct full_receipt *r)
{
	if (r->outside)
		return FORM_OUTSIDE;
	if (r->type == 0 && !r->has_status && r->has_root)
		return FORM_STATE_ROOT;
	if (r->has_deposit_version)
		return FORM_VERSION;
	return r->type & 255;
}

static bool has_form(const uint8_t *forms, size_t form)
{
	return forms[form / 8] >> form % 8 & 1;
}

static void put_form(uint8_t *forms, size_t form)
{
	forms[form / 8] = (uint8_t)(forms[form / 8] | 1u << form % 8);
}

/* The first form that never passed here; PROOF_FORMS: none such. */
static size_t new_form(const struct proof_trust *t, const struct receipts *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!has_form(t->forms, form_of(&r->list[i])))
			return form_of(&r->list[i]);
	return PROOF_FORMS;
}

static void trust_forms(struct proof_trust *t, const struct receipts *r)
{
	for (size_t i = 0; i < r->n; i++) {
		put_form(t->forms, form_of(&r->list[i]));
		t->outside |= r->list[i].outside;
	}
	passed(t, PROOF_CHECK_ROOT);
}

static void lied(struct proof_block *out, const char *what, const struct block_header *h)
{
	if (out->verdict == PROOF_PROVED)
		return; /* the bloom has shown that there is nothing to be proved */
	out->liar = PROOF_ASKED;
	out->again = true;
	snprintf(out->why, sizeof out->why, "%.150s, block %" PRIu64, what, h->number);
}

/* Said once a form: what is not known of a chain is not news with each block. */
static void unsupported(struct proof_trust *t, struct proof_block *out, size_t form,
	const struct block_header *h, const char *what)
{
	out->unsupported = true;
	t->failed[PROOF_CHECK_ROOT] |= t->passed[PROOF_CHECK_ROOT] == 0;
	if (out->verdict == PROOF_REFUTED || has_form(t->said_forms, form))
		return;
	put_form(t->said_forms, form);
	snprintf(
		out->why, sizeof out->why, "receipts of type %zu %s, block %" PRIu64, form & 255, what, h->number);
}

/* The root does not cover log indexes; the order of the receipts does. Where indexes grow through blocks they
 * are counted, whatever was said. */
static void learn_indexes(struct proof_trust *t, const struct receipts *r)
{
	size_t at = 0;
	bool counted = true, several = false;
	for (size_t i = 0; i < r->n; i++) {
		several |= at > 0 && r->list[i].nlogs > 0;
		for (size_t k = 0; k < r->list[i].nlogs; k++)
			counted &= r->list[i].logs[k].log_index == at++;
	}
	if (counted && several)
		t->passed[PROOF_CHECK_INDEX] += enough[PROOF_CHECK_INDEX];
	else if (!counted)
		is_lie(t, PROOF_CHECK_INDEX);
}

static size_t count_wanted(const struct receipts *r, const struct proof_filter *f)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->list[i].nlogs; k++)
			n += f->wanted(f->arg, &r->list[i].logs[k]);
	return n;
}

static void take_logs(struct proof_trust *t, struct arena *a, const struct block_header *h,
	const struct proof_filter *f, const struct receipts *r, struct proof_block *out)
{
	size_t n = count_wanted(r, f), at = 0;
	struct log *logs = arena_alloc(a, n * sizeof *logs), *to = logs;
	learn_indexes(t, r);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->list[i].nlogs; k++, at++) {
			const struct log *l = &r->list[i].logs[k];
			if (!f->wanted(f->arg, l))
				continue;
			*to = *l;
			to->data.p = arena_copy(a, l->data.p, l->data.n);
			to->has_time = true;
			to->time = h->time;
			if (proof_trusts(t, PROOF_CHECK_INDEX))
				to->log_index = at;
			to++;
		}
	out->logs = logs;
	out->nlogs = n;
}

static bool same_set(const struct log *a, size_t na, const struct log *b, size_t nb)
{
	struct proof_set s = {{0}};
	uint8_t x[32], y[32];
	for (size_t i = 0; i < na; i++)
		proof_set_add(&s, &a[i]);
	proof_set_end(&s, x);
	for (size_t i = 0; i < nb; i++)
		proof_set_add(&s, &b[i]);
	proof_set_end(&s, y);
	proof_set_fini(&s);
	return na == nb && memcmp(x, y, 32) == 0;
}

/* Do the receipts belong to this header, in number and by name? */
static bool fit(const struct block_header *h, struct receipts *r, struct err *e)
{
	if (!receipts_check(r, h->hash, h->number, e))
		return false;
	size_t inside = r->n - (r->n > 0 && r->list[r->n - 1].outside);
	if (h->txs && inside != h->ntxs)
		return err_set(e, ERR_MALFORMED, "%zu receipts for %zu transactions", inside, h->ntxs);
	for (size_t i = 0; h->txs && i < inside; i++)
		if (memcmp(r->list[i].tx_hash, h->txs[i], 32) != 0)
			return err_set(e, ERR_MALFORMED, "receipt %zu names another transaction", i);
	return true;
}

static bool holds_outside(const struct receipts *r, const struct proof_filter *f)
{
	const struct full_receipt *last = r->n > 0 ? &r->list[r->n - 1] : NULL;
	for (size_t k = 0; last && last->outside && k < last->nlogs; k++)
		if (f->wanted(f->arg, &last->logs[k]))
			return true;
	return false;
}

/* Is the root that of the header? Where it is not: who is to blame, if anybody. */
static bool check_root(struct proof_trust *t, const struct block_header *h, const struct receipts *r,
	const struct err *misfit, struct proof_block *out)
{
	uint8_t root[32];
	uint64_t type;
	size_t form = new_form(t, r);
	if (!receipts_root(r, root, &type)) {
		unsupported(t, out, type & 255, h, "are not known here, so they prove nothing");
		return false;
	}
	bool same = memcmp(root, h->receipts_root, 32) == 0, ever = t->passed[PROOF_CHECK_ROOT] > 0;
	/* No receipts, and the root of none: worth something where roots are kept, or nothing was used. */
	if (same && (r->n > 0 || ever || h->gas_used == 0)) {
		if (misfit->class != ERR_NONE) /* what the root does not cover is wrong */
			lied(out, misfit->text, h);
		return misfit->class == ERR_NONE;
	}
	if (ever && form == PROOF_FORMS)
		lied(out, misfit->class != ERR_NONE ? misfit->text : "receipts whose root is not the header's", h);
	else
		unsupported(t, out, form == PROOF_FORMS ? 0 : form, h, "never had the header's root on this chain");
	return false;
}

void proof_receipts(struct proof_trust *t, struct arena *a, const struct block_header *h,
	const struct proof_given *g, const struct proof_filter *f, struct receipts *r, struct proof_block *out)
{
	struct err misfit = {0};
	proof_logs(t, PROOF_RECEIPTS, h, g, f, out);
	fit(h, r, &misfit);
	if (!check_root(t, h, r, &misfit, out))
		return;
	if (r->n > 0)
		trust_forms(t, r);
	take_logs(t, a, h, f, r, out);
	out->verdict = PROOF_PROVED;
	out->level = PROOF_RECEIPTS;
	out->liar = PROOF_NOBODY;
	out->why[0] = 0;
	if (holds_outside(r, f)) {
		out->verdict = PROOF_UNPROVED;
		out->level = PROOF_NONE;
		unsupported(t, out, FORM_OUTSIDE, h, "stand outside the header's root");
	}
	if (g->known && !same_set(g->logs, g->n, out->logs, out->nlogs)) {
		out->liar = PROOF_GIVEN;
		snprintf(out->why, sizeof out->why,
			"%zu logs were given, the receipts hold %zu or others, block %" PRIu64, g->n, out->nlogs,
			h->number);
	}
}

/* ── two sources ── */

void proof_sources(const struct block_header *h, const struct proof_given *g, const struct log *other,
	size_t n, struct proof_block *out)
{
	*out = (struct proof_block){.level = PROOF_NONE, .logs = g->logs, .nlogs = g->n};
	if (same_set(g->logs, g->n, other, n)) {
		out->verdict = PROOF_PROVED;
		out->level = PROOF_SOURCES;
		return;
	}
	out->liar = PROOF_EITHER;
	out->again = true;
	snprintf(out->why, sizeof out->why, "two endpoints differ: %zu logs and %zu, block %" PRIu64, g->n, n,
		h->number);
}

static void put_u64(struct keccak *k, uint64_t v)
{
	uint8_t be[8];
	for (unsigned i = 0; i < 8; i++)
		be[i] = (uint8_t)(v >> (56 - 8 * i));
	keccak_add(k, be, 8);
}

void proof_set_add(struct proof_set *s, const struct log *l)
{
	struct keccak k;
	uint8_t hash[32];
	keccak_init(&k);
	keccak_add(&k, l->block_hash, 32);
	keccak_add(&k, l->tx_hash, 32);
	put_u64(&k, l->tx_index);
	put_u64(&k, l->log_index);
	keccak_add(&k, l->address, 20);
	put_u64(&k, l->ntopics); /* else a last topic and a first word of data would be the same bytes */
	keccak_add(&k, l->topics, 32 * (size_t)l->ntopics);
	keccak_add(&k, l->data.p, l->data.n);
	keccak_end(&k, hash);
	buf_put(&s->hashes, hash, 32);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

void proof_set_end(struct proof_set *s, uint8_t digest[32])
{
	if (s->hashes.n > 0)
		qsort(s->hashes.p, s->hashes.n / 32, 32, by_bytes);
	keccak256(digest, s->hashes.p, s->hashes.n);
	buf_clear(&s->hashes);
}

void proof_set_fini(struct proof_set *s)
{
	buf_fini(&s->hashes);
}
