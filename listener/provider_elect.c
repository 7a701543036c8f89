/* Which chain it is, when nothing is stored that says so: endpoints vote, each with what it says. */
#include "listener/provider_in.h"

#include <stdio.h>

enum { ELECT_MS = 2000 }; /* for those that are slow to speak */

static bool agrees(const struct provider *a, const struct provider *b)
{
	if (!a->vote.given || !b->vote.given || u256_cmp(a->vote.id.network, b->vote.id.network) != 0)
		return false;
	return !a->vote.id.has_genesis || !b->vote.id.has_genesis ||
		   memcmp(a->vote.id.genesis, b->vote.id.genesis, 32) == 0;
}

static size_t votes_for(const struct providers *ps, const struct provider *p)
{
	size_t n = 0;
	for (size_t i = 0; i < ps->n; i++)
		n += agrees(p, &ps->all[i]);
	return n;
}

/* Whom most agree with; one that knows its block 0 before one that doesn't. NULL: nobody has spoken. */
static const struct provider *first_choice(const struct providers *ps, size_t *votes)
{
	const struct provider *best = NULL;
	*votes = 0;
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = &ps->all[i];
		size_t n = votes_for(ps, p);
		if (n > *votes || (n > 0 && n == *votes && !best->vote.id.has_genesis && p->vote.id.has_genesis)) {
			best = p;
			*votes = n;
		}
	}
	return best;
}

static void words(const struct provider *p, char *out, size_t size)
{
	char network[U256_DEC_MAX], genesis[11];
	u256_to_dec(network, p->vote.id.network);
	hex_to_0x(genesis, p->vote.id.genesis, 4);
	snprintf(out, size, "%s says chain %s%s%s%s", p->name, network,
		p->vote.id.has_genesis ? " with block 0 " : "", p->vote.id.has_genesis ? genesis : "",
		p->vote.id.has_genesis ? "…" : "");
}

/* As many against as for: a person decides. Each is asked again at its own time. */
static void refuse(struct providers *ps, const struct provider *one, const struct provider *voter)
{
	const struct provider *other = one;
	char a[480], b[480], why[1100];
	for (size_t i = 0; i < ps->n && other == one; i++)
		if (ps->all[i].vote.given && !agrees(one, &ps->all[i]))
			other = &ps->all[i];
	words(one, a, sizeof a);
	words(other, b, sizeof b);
	snprintf(why, sizeof why,
		"%s, and %s; nothing is stored yet that tells which is right; give id: and the right rpc:", a, b);
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].vote.given && (ps->all[i].state != PROVIDER_EXCLUDED || &ps->all[i] == voter))
			provider_exclude(&ps->all[i], why);
}

static bool all_were_asked(const struct providers *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!ps->all[i].vote.asked)
			return false;
	return true;
}

/* voter: who spoke just now, if somebody did. over: no more is waited for. */
static void count(struct providers *ps, const struct provider *voter, bool over)
{
	size_t votes, given = 0;
	const struct provider *best = first_choice(ps, &votes);
	for (size_t i = 0; i < ps->n; i++)
		given += ps->all[i].vote.given;
	if (!best || (2 * votes <= ps->n && !over && !all_were_asked(ps)))
		return;
	timer_stop(&ps->elect);
	if (2 * votes <= given) {
		refuse(ps, best, voter);
		return;
	}
	struct provider_identity id = best->vote.id;
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i].vote.given)
			provider_judge(&ps->all[i], &id);
}

static void on_time(void *arg)
{
	count(arg, NULL, true);
}

void provider_votes(struct provider *p, const struct provider_identity *id)
{
	struct providers *ps = p->ps;
	p->vote.asked = true;
	if (id) {
		p->vote.given = true;
		p->vote.id = *id;
	}
	if (ps->id.has_network) {
		if (id)
			provider_judge(p, &ps->id);
		return;
	}
	if (id && !timer_is_on(ps->elect))
		timer_start(ps->loop, &ps->elect, ELECT_MS, on_time, ps);
	count(ps, id ? p : NULL, false);
}
