#include "listener/prove.h"
#include "listener/fetch.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOBODY_MS = 500 };

/* ── against the header ── */

static bool may_hold(void *arg, const uint8_t bloom[256])
{
	const struct reader *r = arg;
	return filter_bloom(&r->filter, bloom);
}

static bool is_ours(void *arg, const struct log *log)
{
	const struct reader *r = arg;
	return filter_match(&r->filter, log) != NULL;
}

static struct proof_filter filter_of(struct reader *r)
{
	return (struct proof_filter){.bloom = may_hold, .wanted = is_ours, .arg = r};
}

bool prove_header(struct prove *v, struct arena *a, struct str json, struct err *e)
{
	if (proof_header(&v->chain.trust, header_check(a, json)))
		return true;
	return err_set(e, ERR_MALFORMED, "a header whose hash is not that of its fields");
}

/* Without a proof the bloom is as good as the header's hash, which has to be known as the hash of its fields.
 */
bool prove_empty(const struct reader *r, const struct block_header *h)
{
	const struct proof_trust *t = &r->prove.chain.trust;
	if (r->chain->completeness == PROOF_NONE && !proof_trusts(t, PROOF_CHECK_HEADER))
		return false;
	return proof_bloom_counts(t) && !filter_bloom(&r->filter, h->bloom);
}

/* The logs of a block among those of the step, which are sorted. */
static struct proof_given slice(const struct reader *r, uint64_t number, size_t *at)
{
	size_t from = *at;
	while (*at < r->nlogs && r->logs[*at].block == number)
		++*at;
	return (struct proof_given){.logs = r->logs ? r->logs + from : NULL, .n = *at - from, .known = true};
}

bool prove_given(struct reader *r, struct err *e)
{
	struct proof_filter f = filter_of(r);
	size_t at = 0;
	logs_sort(r->logs, r->nlogs);
	r->nlogs = logs_once(r->logs, r->nlogs); /* K-22: a rank counts logs, not copies of one */
	for (size_t i = 0; i < r->nheaders && r->chain->completeness != PROOF_RECEIPTS; i++) {
		struct proof_block b;
		struct proof_given g = slice(r, r->headers[i].number, &at);
		proof_logs(&r->prove.chain.trust, PROOF_NONE, &r->headers[i], &g, &f, &b);
		if (b.verdict == PROOF_REFUTED)
			return err_set(e, ERR_MALFORMED, "%s", b.why);
	}
	proving_say(&r->prove.chain, r->chain->name);
	return true;
}

/* ── what is to be proved ── */

void prove_forget(struct prove *v)
{
	v->unknown = NULL;
	v->levels = NULL;
	v->headers = NULL;
	v->at = NULL;
	v->given = NULL;
	v->doubted = NULL;
	v->n = v->waits = 0;
}

/* Every block of the step; where no proof is wanted, those that are read by their receipts. */
static void gather(struct reader *r)
{
	struct prove *v = &r->prove;
	struct proof_filter f = filter_of(r);
	bool all = r->chain->completeness != PROOF_NONE;
	size_t at = 0;
	v->n = 0;
	v->headers = arena_alloc(&r->mem, r->nheaders * sizeof *v->headers);
	v->at = arena_alloc(&r->mem, r->nheaders * sizeof *v->at);
	v->given = arena_alloc(&r->mem, r->nheaders * sizeof *v->given);
	v->levels = arena_alloc(&r->mem, r->nheaders * sizeof *v->levels);
	for (size_t i = 0; i < r->nheaders; i++) {
		struct proof_given g = slice(r, r->headers[i].number, &at);
		bool here = v->unknown && v->unknown[i];
		v->levels[i] = PROOF_NONE;
		if (!all && !here)
			continue;
		v->headers[v->n] = r->headers[i];
		v->at[v->n] = i;
		v->given[v->n++] =
			here ? (struct proof_given){.known = false} : proof_given(&r->mem, &f, g.logs, g.n);
	}
}

int64_t prove_head(const struct reader *r)
{
	if (r->chain->completeness != PROOF_SOURCES)
		return r->head;
	int64_t two = providers_head_of_two(r->providers);
	return two > r->row.done || r->head < r->row.done ? two : r->row.done;
}

void prove_waits(struct reader *r)
{
	for (size_t i = 0; i < providers_count(r->providers); i++) {
		const struct provider *p = providers_at(r->providers, i);
		if (provider_state(p) == PROVIDER_UNKNOWN ||
			(provider_state(p) == PROVIDER_WELL && !provider_heads(p)->heard))
			return; /* it has not spoken yet */
	}
	if (providers_head_of_two(r->providers) >= 0)
		return; /* the second one is merely behind */
	if (strcmp(proving_lonely, r->why) != 0)
		log_odd("proof.waits", proving_lonely, F_STR("chain", r->chain->name));
	snprintf(r->why, sizeof r->why, "%s", proving_lonely);
}

/* ── what came ── */

/* The logs of the step are now those that were proved. */
static void take_logs(struct reader *r, const struct proof_block *blocks)
{
	struct prove *v = &r->prove;
	size_t n = 0, k = 0, at = 0;
	for (size_t i = 0; i < v->n; i++)
		n += blocks[i].nlogs;
	struct log *all = arena_alloc(&r->mem, (n + r->nlogs) * sizeof *all);
	n = 0;
	for (size_t i = 0; i < r->nheaders; i++) {
		struct proof_given g = slice(r, r->headers[i].number, &at);
		if (k < v->n && v->at[k] == i) {
			v->levels[i] = blocks[k].level;
			g.logs = blocks[k].logs;
			g.n = blocks[k++].nlogs;
		}
		if (g.n > 0)
			memcpy(all + n, g.logs, g.n * sizeof *all);
		n += g.n;
	}
	r->logs = all;
	r->nlogs = n;
}

static void proved(struct reader *r, const struct proof_block *blocks)
{
	take_logs(r, blocks);
	if (fetch_learned(r))
		fetch_logs(r); /* receipts told of a factory's child that the logs had left out */
	else
		store_step(r);
}

static void on_proved(void *arg, const struct proving_reply *p)
{
	struct reader *r = arg;
	char why[sizeof r->why];
	r->prove.job = NULL;
	if (!reader_back(r))
		return;
	switch (p->end) {
	case PROVING_DONE: proved(r, p->blocks); break;
	case PROVING_AGAIN:
		if (p->unsure && reader_asks_again(r)) {
			prove_step(r);
			break;
		}
		/* with headers and logs of whoever is best then */
		snprintf(why, sizeof why, "a block could not be proved: %s", p->why);
		reader_retry(r, why);
		break;
	case PROVING_NOBODY:
		prove_waits(r);
		reader_pause(r, NOBODY_MS);
		break;
	}
}

void prove_drop(struct reader *r)
{
	if (!r->prove.job)
		return;
	proving_cancel(r->prove.job);
	r->prove.job = NULL;
	r->in_flight = false;
}

void prove_step(struct reader *r)
{
	struct prove *v = &r->prove;
	gather(r);
	if (r->ask.n == 0) /* nothing is wanted of these blocks, so nothing is missing */
		for (size_t i = 0; i < r->nheaders; i++)
			v->levels[i] = r->chain->completeness;
	if (r->ask.n == 0 || v->n == 0) {
		store_step(r);
		return;
	}
	reader_enter(r, READER_PROOF);
	r->in_flight = true;
	v->job = proving_run(&(struct proving_ask){.loop = r->m->loop,
							 .providers = r->providers,
							 .name = r->chain->name,
							 .chain = &v->chain,
							 .giver = r->p,
							 .headers = v->headers,
							 .given = v->given,
							 .n = v->n,
							 .filter = filter_of(r),
							 .plan = &r->ask,
							 .urgent = true,
							 .mem = &r->mem},
		on_proved, r);
}

/* ── what is stored of it ── */

bool prove_note(struct reader *r, struct pg_unit *u, const struct rows_batch *b)
{
	const enum proof_level *level = r->prove.levels;
	size_t row = 0;
	if (!level || r->chain->completeness == PROOF_NONE)
		return false;
	for (size_t i = 0, k; i < r->nheaders; i = k) {
		uint64_t events = 0;
		for (k = i + 1; k < r->nheaders && level[k] == level[i];)
			k++;
		for (; row < b->n && b->rows[row].log->block <= r->headers[k - 1].number; row++)
			events++;
		store_range(r, u,
			&(struct chain_range){
				"", (int64_t)r->headers[i].number, (int64_t)r->headers[k - 1].number, level[i], events});
	}
	return true;
}
