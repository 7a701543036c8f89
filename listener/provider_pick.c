/* Which of the endpoints is asked, and why none can be. */
#include "listener/provider_in.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	BURIED_PROBE_MS = 60000, /* between two tries below what an endpoint is known to have */
	POLLS_MOST = 3           /* that fail in a row: it does not show heads any more */
};

int64_t providers_head(const struct providers *ps)
{
	int64_t best = -1;
	for (size_t i = 0; i < ps->n; i++) {
		const struct heads_state *h = provider_heads(&ps->all[i]);
		if (ps->all[i].state == PROVIDER_WELL && h->heard && (int64_t)h->head > best)
			best = (int64_t)h->head;
	}
	return best;
}

/* It shows heads, and still does. */
static bool shows(const struct provider *p)
{
	const struct heads_state *h = provider_heads(p);
	return p->state == PROVIDER_WELL && h->heard && h->failures < POLLS_MOST;
}

int64_t providers_head_of_two(const struct providers *ps)
{
	int64_t best = -1;
	for (size_t i = 0; i < ps->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct provider *a = &ps->all[i], *b = &ps->all[k];
			uint64_t x = provider_heads(a)->head, y = provider_heads(b)->head;
			int64_t both = (int64_t)(x < y ? x : y);
			if (shows(a) && shows(b) && strcmp(a->host, b->host) != 0 && both > best)
				best = both;
		}
	return best;
}

int64_t provider_lag(const struct provider *p)
{
	const struct heads_state *h = provider_heads(p);
	int64_t best = providers_head(p->ps);
	if (!h->heard || best < 0)
		return -1;
	return best > (int64_t)h->head ? best - (int64_t)h->head : 0;
}

static bool fits(const struct provider *p, const struct provider_need *n)
{
	const struct heads_state *h = provider_heads(p);
	if (p->state != PROVIDER_WELL || (p->decl->roles & n->role) != n->role || p == n->other ||
		(n->receipts && p->no_receipts))
		return false;
	if (n->other_host && strcmp(p->host, n->other_host->host) == 0)
		return false;
	return n->shown < 0 || (h->heard && (int64_t)h->head >= n->shown);
}

bool provider_is_full(const struct provider *p)
{
	return p->in_flight >= p->learner.parallel;
}

bool provider_is_late(const struct provider *p)
{
	return p->in_flight > 0 && loop_now_ms(p->ps->loop) - p->since_ms > provider_patience_ms(p);
}

/* Less is better. What a request would wait for, and then each in turn. */
struct rank {
	int unwell;
	bool full, late;
	int64_t lag;
	uint64_t wait, cost, order;
};

static struct rank rank_of(const struct provider *p, const struct provider_need *n)
{
	uint64_t now = loop_now_ms(p->ps->loop);
	uint64_t wait = provider_wait_ms(p, n->calls > 0 ? n->calls : 1);
	int64_t lag = provider_lag(p);
	return (struct rank){
		.unwell = (wait > PROVIDER_WAITS_MS) + (now < p->shaky_until_ms) + 2 * (now < p->lied_until_ms),
		.wait = wait > PROVIDER_WAITS_MS ? wait : 0,
		.full = !n->urgent && provider_is_full(p),
		.late = provider_is_late(p),
		.lag = lag > 1 || lag < 0 ? lag : 0, /* one block is no lag: heads are not heard at one moment */
		.cost = wait * 1000 + (p->latency_us + 1000) * (p->in_flight + 1),
		.order = p->order};
}

static bool better(const struct rank *a, const struct rank *b)
{
	if (a->unwell != b->unwell)
		return a->unwell < b->unwell;
	if (a->wait != b->wait)
		return a->wait < b->wait;
	if (a->full != b->full)
		return !a->full;
	if (a->late != b->late)
		return !a->late;
	if (a->lag != b->lag)
		return a->lag >= 0 && (b->lag < 0 || a->lag < b->lag);
	if (a->cost != b->cost)
		return a->cost < b->cost;
	return a->order < b->order;
}

static struct provider *best_of(struct providers *ps, const struct provider_need *n, bool buried)
{
	struct provider *best = NULL;
	struct rank top = {0};
	for (size_t i = 0; i < ps->n; i++) {
		struct provider *p = &ps->all[i];
		bool has = n->lowest < 0 || learner_has(&p->learner, n->lowest);
		bool due = p->buried_probe_ms == 0 || loop_now_ms(ps->loop) - p->buried_probe_ms >= BURIED_PROBE_MS;
		if (!fits(p, n) || (buried ? has || !due : !has))
			continue;
		struct rank r = rank_of(p, n);
		if (!best || better(&r, &top)) {
			best = p;
			top = r;
		}
	}
	if (best && buried)
		best->buried_probe_ms = loop_now_ms(ps->loop) ? loop_now_ms(ps->loop) : 1;
	return best;
}

static void say_why(struct providers *ps, const struct provider_need *n)
{
	size_t well = 0, pruned = 0;
	for (size_t i = 0; i < ps->n; i++) {
		well += ps->all[i].state == PROVIDER_WELL;
		pruned += fits(&ps->all[i], n);
	}
	if (well == 0)
		ps->why[0] = 0; /* providers_why says what each of them has */
	else if (pruned > 0)
		snprintf(ps->why, sizeof ps->why,
			"Provider error: no endpoint has block %" PRId64
			" any more; give an endpoint with the whole history",
			n->lowest);
	else if (n->shown >= 0 && providers_head(ps) < n->shown)
		snprintf(ps->why, sizeof ps->why, "no endpoint has shown block %" PRId64 " yet", n->shown);
	else
		snprintf(ps->why, sizeof ps->why, "%zu of %zu endpoints answer, and none of them fits", well, ps->n);
}

struct provider *providers_pick(struct providers *ps, const struct provider_need *need)
{
	struct provider *p = best_of(ps, need, false);
	if (!p && need->lowest >= 0)
		p = best_of(ps, need, true);
	if (!p) {
		say_why(ps, need);
		return NULL;
	}
	ps->why[0] = 0;
	p->order = ++ps->picks;
	return p;
}

static void why_of(const struct provider *p, char *out, size_t size)
{
	if (p->state == PROVIDER_EXCLUDED)
		snprintf(out, size, "%s", p->excluded_for);
	else if (p->state == PROVIDER_RESTING)
		snprintf(out, size, "%s", p->error);
	else
		snprintf(out, size, "has not said yet which chain it serves");
}

const char *providers_why(struct providers *ps)
{
	char each[320];
	size_t at = 0, size = sizeof ps->why_all;
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].state == PROVIDER_WELL)
			return ps->why;
	ps->why_all[0] = 0;
	for (size_t i = 0; i < ps->n && at < size; i++) {
		const char *name = ps->all[i].name;
		why_of(&ps->all[i], each, sizeof each);
		bool named = strncmp(each, name, strcspn(name, "#")) == 0; /* an error says by itself whose it is */
		at += (size_t)snprintf(ps->why_all + at, size - at, "%s%s%s%s",
			i ? "; " : "Provider error: ", named ? "" : name, named ? "" : ": ", each);
	}
	return ps->why_all;
}

size_t providers_count(const struct providers *ps)
{
	return ps->n;
}

struct provider *providers_at(struct providers *ps, size_t i)
{
	return i < ps->n ? &ps->all[i] : NULL;
}
