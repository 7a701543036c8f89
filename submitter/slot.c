#include "submitter/slot.h"
#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>

/* How long the lowest slot may stay unmined before its price is raised (S3: counted from when it became the
 * lowest): some heads and a moment, or a longer while if heads don't come. Each replacement doubles it,
 * unless the price is plainly too low. */
enum {
	PATIENCE_HEADS = 3,
	PATIENCE_MS = 2000,
	PATIENCE_BLIND_MS = 15000,
	PATIENCE_DOUBLINGS = 5,
	RECAST_MS = 20000, /* pooled bytes are offered again this often: only so an eviction is seen (S4) */
	RECAST_HEADS = 2,
	HOPELESS_TIMES = 6, /* a payload that the node refuses so often, for so long, while it takes others */
	HOPELESS_MS = 30000,
	RETRY_FIRST_MS = 500, /* after a refusal or silence; doubled up to: */
	RETRY_MAX_MS = 30000,
	WITHIN_USUAL_MS = 60000,
};

const char *attempt_kind_name(enum attempt_kind k)
{
	static const char *const names[] = {"send", "bump", "cancel", "recomposed"};
	return names[k];
}

/* Whatever the sums are of was changed. */
static void changed(struct window *w)
{
	w->sums.stale = true;
}

static void slot_fini(struct slot *s)
{
	for (size_t i = 0; i < s->nattempts; i++) {
		free(s->attempts[i].raw);
		free(s->attempts[i].items);
	}
	free(s->attempts);
}

void window_fini(struct window *w)
{
	for (size_t i = 0; i < w->n; i++)
		slot_fini(&w->slots[i]);
	free(w->slots);
	*w = (struct window){.grace = w->grace, .patience = w->patience};
}

struct slot *window_add(struct window *w, uint64_t nonce, int64_t batch, uint64_t now_ms)
{
	must(w->n == 0 || nonce > w->slots[w->n - 1].nonce);
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->slots = mem_grow(w->slots, w->cap, sizeof *w->slots);
	}
	struct slot *s = &w->slots[w->n++];
	changed(w);
	*s = (struct slot){.nonce = nonce,
		.batch = batch,
		.phase = SLOT_SIGNED,
		.made_ms = now_ms,
		.cut_ms = (int64_t)now_ms,
		.within_ms = WITHIN_USUAL_MS,
		.unused_head = nonce >= w->count ? w->head : 0};
	return s;
}

struct attempt *window_attempt(struct window *w, struct slot *s, const struct attempt *a)
{
	changed(w);
	s->attempts = mem_grow(s->attempts, s->nattempts + 1, sizeof *s->attempts);
	struct attempt *t = &s->attempts[s->nattempts++];
	*t = *a;
	must(u256_mul(&s->cost, a->fee.fee, u256_of(a->gas)) && u256_add(&s->cost, s->cost, a->value));
	t->raw = mem_alloc(a->nraw + 1);
	memcpy(t->raw, a->raw, a->nraw);
	t->items = NULL;
	if (a->nitems) {
		t->items = mem_alloc(a->nitems * sizeof *t->items);
		memcpy(t->items, a->items, a->nitems * sizeof *t->items);
	}
	if (s->phase < SLOT_COUNTED)
		s->phase = SLOT_SIGNED;
	s->pooled |= s->answer == ANSWER_ACCEPTED || s->answer == ANSWER_KNOWN;
	s->held_said = 0;
	s->answer = ANSWER_UNKNOWN;
	s->refusals = 0;
	s->cast_ms = 0;
	s->evicted = false;
	s->held_head = 0;
	s->urged = false;
	s->gone_head = 0; /* what this attempt holds is looked at anew */
	return t;
}

struct slot *window_at(struct window *w, uint64_t nonce)
{
	size_t lo = 0, hi = w->n;
	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		if (w->slots[middle].nonce < nonce)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < w->n && w->slots[lo].nonce == nonce ? &w->slots[lo] : NULL;
}

struct slot *window_lowest(struct window *w)
{
	while (w->below < w->n && w->slots[w->below].phase >= SLOT_COUNTED)
		w->below++;
	return w->below < w->n ? &w->slots[w->below] : NULL;
}

static const struct attempt *newest(const struct slot *s)
{
	must(s->nattempts > 0);
	return &s->attempts[s->nattempts - 1];
}

/* What is mined waits for a final block in its thousands; what is asked here stands behind it. */
static size_t behind_mined(struct window *w)
{
	while (w->settled < w->n && w->slots[w->settled].phase == SLOT_MINED)
		w->settled++;
	return w->settled;
}

/* ── sums ── */

static int64_t deadline(const struct slot *s)
{
	return s->cut_ms + (int64_t)(s->within_ms ? s->within_ms : PRICE_CHEAP_MS);
}

static void add_up(struct window_sums *a, const struct slot *s, size_t place)
{
	if (s->phase == SLOT_MINED)
		return;
	if (a->in[s->phase]++ == 0 && s->phase == SLOT_SIGNED)
		a->signed_from = place;
	if (s->phase == SLOT_COUNTED) {
		a->counted_head = s->counted_head < a->counted_head ? s->counted_head : a->counted_head;
		if (!a->unproved && s->unproved)
			a->unproved = s;
		return;
	}
	if (s->phase == SLOT_POOLED && s->cast_ms < a->pooled_ms)
		a->pooled_ms = s->cast_ms;
	a->unwanted |= s->unwanted;
	a->gone |= s->gone_head != 0;
	must(u256_add(&a->cost, a->cost, s->cost));
	if (!a->urgent || deadline(s) < deadline(a->urgent))
		a->urgent = s;
}

static const struct window_sums *sums(struct window *w)
{
	if (!w->sums.stale)
		return &w->sums;
	w->sums = (struct window_sums){.pooled_ms = UINT64_MAX, .counted_head = UINT64_MAX, .signed_from = w->n};
	for (size_t i = behind_mined(w); i < w->n; i++)
		add_up(&w->sums, &w->slots[i], i);
	return &w->sums;
}

size_t window_unmined(struct window *w)
{
	const struct window_sums *a = sums(w);
	return a->in[SLOT_SIGNED] + a->in[SLOT_CASTING] + a->in[SLOT_POOLED] + a->in[SLOT_REFUSED];
}

size_t window_pooled(struct window *w)
{
	return sums(w)->in[SLOT_POOLED];
}

struct u256 window_cost(struct window *w)
{
	return sums(w)->cost;
}

const struct slot *window_urgent(struct window *w)
{
	return sums(w)->urgent;
}

/* Whoever has nothing unmined below it any more is the lowest from now on; the one before is not. */
static void mark_lowest(struct window *w, uint64_t now_ms)
{
	struct slot *low = window_lowest(w), *before = w->marked ? window_at(w, w->lowest) : NULL;
	if (before && before != low)
		before->lowest_ms = before->lowest_head = 0;
	w->marked = low != NULL;
	if (!low)
		return;
	w->lowest = low->nonce;
	if (low->lowest_ms == 0)
		low->lowest_ms = now_ms ? now_ms : 1, low->lowest_head = w->head;
}

/* Unmined again. What the mempool said is forgotten: an acceptance now is no eviction. */
static void come_back(struct window *w, struct slot *s)
{
	w->below = w->settled = 0;
	changed(w);
	s->phase = s->nonce < w->count ? SLOT_COUNTED : SLOT_SIGNED;
	s->counted_head = w->head;
	s->answer = ANSWER_UNKNOWN;
	s->block = 0;
	s->traced = false;
	s->unproved = NULL;
	s->missed = false;
}

void window_taken_back(struct window *w, struct slot *s, uint64_t now_ms)
{
	must(s->phase >= SLOT_COUNTED);
	come_back(w, s);
	mark_lowest(w, now_ms);
}

static void count_it(struct window *w, struct slot *s)
{
	changed(w);
	s->phase = SLOT_COUNTED;
	s->counted_head = w->head;
}

bool window_head(struct window *w, uint64_t head, uint64_t count, uint64_t now_ms)
{
	bool asks = false;
	bool moved = count > w->count;
	size_t from = behind_mined(w);
	w->head = head;
	w->count = count;
	if (from > 0 && w->slots[from - 1].nonce >= count)
		from = 0; /* blocks with some of them left the chain */
	for (size_t i = from; i < w->n; i++) {
		struct slot *s = &w->slots[i];
		if (moved && s->phase == SLOT_REFUSED && s->refusals > 1)
			s->refusals = 1; /* the mempool has room again, or the gap below is closed */
		if (s->nonce < count && s->phase < SLOT_COUNTED && s->phase != SLOT_CASTING)
			count_it(w, s);
		else if (s->nonce >= count && s->phase >= SLOT_COUNTED)
			come_back(w, s);
		if (s->nonce >= count)
			s->unused_head = head;
		asks |= s->phase == SLOT_COUNTED;
	}
	mark_lowest(w, now_ms);
	return asks;
}

void window_casting(struct window *w, struct slot *s, uint64_t now_ms)
{
	must(s->phase < SLOT_COUNTED && s->phase != SLOT_CASTING);
	s->phase = SLOT_CASTING;
	changed(w);
	s->offered_again = s->cast_ms != 0;
	if (!s->offered_again)
		s->since_ms = now_ms, s->since_head = w->head;
	s->cast_ms = now_ms ? now_ms : 1;
	s->cast_head = w->head;
	if (s->lowest_ms == 0)
		mark_lowest(w, now_ms);
}

/* A lower nonce is missing there: what was pooled below leaves again, the same bytes (P4). */
static void close_gap(struct window *w, const struct slot *s)
{
	changed(w);
	for (struct slot *low = w->slots; low < s; low++)
		if (low->phase == SLOT_POOLED)
			low->phase = SLOT_SIGNED;
}

void window_answered(struct window *w, struct slot *s, enum answer a, uint64_t now_ms)
{
	enum answer before = s->answer;
	s->answer = a;
	if (s->phase != SLOT_CASTING)
		return; /* replaced or counted meanwhile: the word is about older bytes */
	bool there = a == ANSWER_ACCEPTED || a == ANSWER_KNOWN;
	if (a == ANSWER_ACCEPTED && (before == ANSWER_ACCEPTED || before == ANSWER_KNOWN) && s->refusals == 0) {
		s->evictions++;
		if (!s->evicted)
			s->offered_again = false, s->since_ms = now_ms, s->since_head = w->head;
		s->evicted = true;
	}
	if (a == ANSWER_NONCE_HIGH)
		close_gap(w, s);
	s->phase = there ? SLOT_POOLED : SLOT_REFUSED;
	changed(w);
	if (s->nonce < w->count)
		count_it(w, s);
	s->refusals = there ? 0 : s->refusals + 1;
	mark_lowest(w, now_ms);
}

/* While nothing else is taken it may be the node that ails, and a no-op would fare no better. */
bool window_rejected(struct window *w, struct slot *s, bool no, uint64_t now_ms)
{
	if (!no) {
		s->rejected = 0;
		w->taken_ms = now_ms;
		return false;
	}
	if (s->rejected++ == 0)
		s->rejected_ms = now_ms;
	return s->rejected >= HOPELESS_TIMES && now_ms >= s->rejected_ms + HOPELESS_MS && s == window_lowest(w) &&
		   w->taken_ms > s->rejected_ms && s->batch && !s->unwanted;
}

void window_mined(
	struct window *w, struct slot *s, uint64_t block, const uint8_t block_hash[32], uint64_t now_ms)
{
	s->phase = SLOT_MINED;
	changed(w);
	s->unproved = NULL;
	s->block = block;
	memcpy(s->block_hash, block_hash, 32);
	mark_lowest(w, now_ms);
}

void window_held(struct window *w, struct slot *s)
{
	s->held_head = w->head ? w->head : 1;
	s->urged = false;
}

void window_unwanted(struct window *w, struct slot *s)
{
	changed(w);
	s->unwanted = true;
}

void window_urge(struct window *w, struct slot *s)
{
	changed(w);
	s->urged = s->phase < SLOT_COUNTED;
	if (s->phase == SLOT_POOLED || s->phase == SLOT_REFUSED)
		s->phase = SLOT_SIGNED;
}

void window_reason(struct window *w, struct slot *s, bool gone)
{
	if (gone == (s->gone_head != 0))
		return;
	s->gone_head = !gone ? 0 : w->head ? w->head : 1;
	changed(w);
}

void window_closed(struct window *w, uint64_t lowest_open)
{
	size_t n = 0;
	while (n < w->n && w->slots[n].nonce < lowest_open &&
		   (w->slots[n].phase == SLOT_MINED || (w->slots[n].phase == SLOT_COUNTED && w->slots[n].traced)))
		slot_fini(&w->slots[n++]);
	if (n == 0)
		return;
	memmove(w->slots, w->slots + n, (w->n - n) * sizeof *w->slots);
	w->n -= n;
	changed(w);
	w->below = w->below > n ? w->below - n : 0;
	w->settled = w->settled > n ? w->settled - n : 0;
}

void window_forget(struct window *w, struct slot *s)
{
	size_t i = (size_t)(s - w->slots);
	slot_fini(s);
	memmove(s, s + 1, (w->n - i - 1) * sizeof *s);
	w->n--;
	changed(w);
	w->below -= i < w->below;
	w->settled -= i < w->settled;
}

struct slot *window_unexplained(struct window *w, uint64_t heads, int64_t final)
{
	const struct window_sums *a = sums(w);
	if (a->in[SLOT_COUNTED] == 0 || w->head < a->counted_head + heads)
		return NULL;
	for (size_t i = behind_mined(w); i < w->n; i++) {
		struct slot *s = &w->slots[i];
		if (s->phase == SLOT_COUNTED && w->head >= s->counted_head + heads &&
			!(s->traced && s->traced_final >= final))
			return s;
	}
	return NULL;
}

const struct slot *window_unproved(struct window *w)
{
	return sums(w)->unproved;
}

void window_doubt(struct window *w, struct slot *s, const char *why)
{
	s->unproved = why;
	changed(w);
}

static void wake_at(struct window_todo *out, uint64_t ms)
{
	if (out->wake_ms == 0 || ms < out->wake_ms)
		out->wake_ms = ms;
}

static uint64_t retry_after(const struct slot *s)
{
	unsigned doublings = s->refusals ? s->refusals - 1 : 0;
	uint64_t wait = doublings > 6 ? RETRY_MAX_MS : (uint64_t)RETRY_FIRST_MS << doublings;
	return s->cast_ms + (wait > RETRY_MAX_MS ? RETRY_MAX_MS : wait);
}

static bool is_due(const struct window *w, const struct slot *s, uint64_t now_ms, struct window_todo *out)
{
	if (s->phase == SLOT_SIGNED)
		return true;
	if (s->phase == SLOT_REFUSED) {
		if (now_ms >= retry_after(s))
			return true;
		wake_at(out, retry_after(s));
		return false;
	}
	return s->phase == SLOT_POOLED && now_ms >= s->cast_ms + RECAST_MS &&
		   w->head >= s->cast_head + RECAST_HEADS;
}

/* In nonce order: a slot leaves only when all below it have left before or leave now (S4). */
static void find_casts(struct window *w, uint64_t now_ms, struct window_todo *out)
{
	size_t bytes = 0;
	const struct window_sums *a = sums(w);
	bool again = a->in[SLOT_REFUSED] > 0 || (a->in[SLOT_POOLED] > 0 && now_ms >= a->pooled_ms + RECAST_MS);
	if (a->in[SLOT_CASTING] > 0)
		return;
	for (size_t i = again ? w->below : a->signed_from;
		 i < w->n && out->ncast < WINDOW_CAST_MAX && bytes < WINDOW_CAST_BYTES; i++) {
		struct slot *s = &w->slots[i];
		if (!is_due(w, s, now_ms, out))
			continue;
		bytes += newest(s)->nraw;
		out->cast[out->ncast++] = s;
	}
	if (out->ncast)
		out->what = WINDOW_CAST;
}

static bool is_too_long(
	const struct window *w, const struct slot *s, uint64_t now_ms, struct window_todo *out)
{
	uint64_t since_ms = s->lowest_ms > s->since_ms ? s->lowest_ms : s->since_ms;
	uint64_t since_head = s->lowest_ms > s->since_ms ? s->lowest_head : s->since_head;
	size_t n = s->nattempts - 1;
	bool low = s->answer == ANSWER_UNDERPRICED;
	if (w->patience == PRICE_REST && !low)
		return false;
	uint64_t heads = low ? 1 : w->patience > 0 ? (uint64_t)w->patience : PATIENCE_HEADS;
	unsigned shift = heads == 1 ? 0 : n < PATIENCE_DOUBLINGS ? (unsigned)n : PATIENCE_DOUBLINGS;
	uint64_t blind = since_ms + ((uint64_t)PATIENCE_BLIND_MS << shift);
	if (now_ms >= blind)
		return true;
	wake_at(out, blind);
	if (w->head < since_head + (heads << shift))
		return false;
	if (now_ms >= since_ms + PATIENCE_MS)
		return true;
	wake_at(out, since_ms + PATIENCE_MS);
	return false;
}

/* Its own no-op stands already, or is held at this head. */
static struct slot *find_unwanted(struct window *w)
{
	for (size_t i = w->below; sums(w)->unwanted && i < w->n; i++) {
		struct slot *s = &w->slots[i];
		if (s->unwanted && s->phase < SLOT_COUNTED && s->phase != SLOT_CASTING &&
			newest(s)->kind != ATTEMPT_CANCEL && s->held_head != w->head)
			return s;
	}
	return NULL;
}

static struct slot *find_revised(struct window *w)
{
	for (size_t i = w->below; sums(w)->gone && i < w->n; i++) {
		struct slot *s = &w->slots[i];
		if (s->gone_head && s->phase < SLOT_COUNTED && s->phase != SLOT_CASTING &&
			w->head >= s->gone_head + w->grace && s->held_head != w->head)
			return s;
	}
	return NULL;
}

void window_next(struct window *w, uint64_t now_ms, bool changing, struct window_todo *out)
{
	out->what = WINDOW_REST;
	out->slot = NULL;
	out->ncast = 0;
	out->wake_ms = 0;
	struct slot *low = window_lowest(w);
	if (!changing && (out->slot = find_unwanted(w))) {
		out->what = WINDOW_CANCEL;
		return;
	}
	if (!changing && (out->slot = find_revised(w))) {
		out->what = WINDOW_REVISE;
		return;
	}
	find_casts(w, now_ms, out);
	if (out->what == WINDOW_CAST || changing || !low ||
		(low->phase != SLOT_POOLED && low->phase != SLOT_REFUSED) || !low->cast_ms)
		return;
	if (low->answer == ANSWER_FUNDS || low->answer == ANSWER_NONCE_LOW || low->held_head == w->head)
		return; /* a price helps none of these */
	if (!low->urged && !is_too_long(w, low, now_ms, out))
		return;
	if (!low->urged && low->phase == SLOT_POOLED && !low->offered_again) { /* evicted? The same bytes first */
		out->what = WINDOW_CAST;
		out->cast[out->ncast++] = low;
		return;
	}
	out->what = WINDOW_REPLACE;
	out->slot = low;
}
