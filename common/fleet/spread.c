#include "common/fleet/spread.h"

/* How many lanes each member holds, or was left. */
static void count_held(const struct spread *s, size_t *held)
{
	for (size_t m = 0; m < s->nmembers; m++)
		held[m] = 0;
	for (size_t i = 0; i < s->nlanes; i++) {
		const struct spread_lane *l = &s->lanes[i];
		int who = !l->free ? l->holder : l->next;
		if (who >= 0)
			held[who]++;
	}
}

/* The emptiest that can hold it, the first by name of several. */
static int emptiest(const struct spread *s, const size_t *held, size_t lane)
{
	int best = SPREAD_NOBODY;
	for (size_t m = 0; m < s->nmembers; m++)
		if (s->can(s->arg, m, lane) && (best < 0 || held[m] < held[best]))
			best = (int)m;
	return best;
}

void spread_take(const struct spread *s, bool *take)
{
	size_t held[SPREAD_MEMBERS];
	for (size_t i = 0; i < s->nlanes; i++)
		take[i] = false;
	if (s->self < 0 || s->nmembers > SPREAD_MEMBERS) {
		for (size_t i = 0; i < s->nlanes; i++)
			take[i] = s->lanes[i].free && s->lanes[i].free_ms >= SPREAD_PATIENCE_MS;
		return;
	}
	count_held(s, held);
	for (size_t i = 0; i < s->nlanes; i++) {
		const struct spread_lane *l = &s->lanes[i];
		if (!l->free)
			continue;
		int who = l->next;
		if (who < 0 && (who = emptiest(s, held, i)) >= 0)
			held[who]++;
		take[i] = who == s->self || l->free_ms >= SPREAD_PATIENCE_MS;
	}
}

/* A lane of that member which another should hold: an idle one before others. */
static bool find_gift(const struct spread *s, const size_t *held, int member, size_t *lane, size_t *to)
{
	bool found = false;
	for (size_t i = 0; i < s->nlanes; i++) {
		const struct spread_lane *l = &s->lanes[i];
		int who = l->holder == member ? emptiest(s, held, i) : SPREAD_NOBODY;
		if (who < 0 || held[who] + 2 > held[member])
			continue;
		if (!found || (l->idle && !s->lanes[*lane].idle)) {
			*lane = i;
			*to = (size_t)who;
		}
		found = true;
	}
	return found;
}

bool spread_give(const struct spread *s, size_t *lane, size_t *to)
{
	size_t held[SPREAD_MEMBERS], other, whom;
	if (s->self < 0 || s->nmembers > SPREAD_MEMBERS)
		return false;
	/* What is free finds its holder first: it may be all that is missing. */
	for (size_t i = 0; i < s->nlanes; i++)
		if (s->lanes[i].free)
			return false;
	count_held(s, held);
	if (!find_gift(s, held, s->self, lane, to))
		return false;
	/* Of those that have one to give the fullest does, the first by name: else a newcomer got one of each. */
	for (int m = 0; m < (int)s->nmembers; m++)
		if ((held[m] > held[s->self] || (held[m] == held[s->self] && m < s->self)) &&
			find_gift(s, held, m, &other, &whom))
			return false;
	return true;
}
