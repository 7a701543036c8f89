/* Which blocks a sweep reads. */
#include "listener/sweep_in.h"

#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>

/* Nothing of ours stands below it. */
static int64_t least_block(const struct sweep *s)
{
	return s->r->row.began > 0 ? s->r->row.began : 0;
}

/* What --replay and --from ask for. false: nothing, or it can't be: said once. */
static bool asked_for(struct sweep *s)
{
	const struct reader *r = s->r;
	const struct options *o = &r->m->options;
	int64_t first = least_block(s), done = r->row.done;
	char why[240];
	if (!s->replay_due)
		return false;
	s->replay_due = false;
	if (!o->has_replay && s->fresh)
		return false; /* the chain was begun there just now */
	s->wished = false;
	s->from = o->has_replay ? (int64_t)o->replay_from : o->from_start ? first : (int64_t)o->from;
	s->to = o->has_replay ? (int64_t)o->replay_to : done;
	s->replay = true;
	if (s->from >= first && s->to <= done && s->from <= s->to)
		return true;
	snprintf(why, sizeof why,
		"Blocks %" PRId64 "..%" PRId64 " are not read again: blocks %" PRId64 "..%" PRId64
		" were read so far; give a range within them",
		s->from, s->to, first, done);
	log_odd("replay.refused", why, F_STR("chain", r->chain->name));
	return false;
}

/* A floor that waits for a tag (R5) does not make the window deeper than it is. */
int64_t sweep_window_below(const struct sweep *s)
{
	const struct reader *r = s->r;
	return r->floor > r->row.done - r->deep ? r->floor : r->row.done - r->deep;
}

/* All since the last sweep; and what a bloom made doubtful, while a reorg can reach it. */
static void interval(struct sweep *s)
{
	const struct reader *r = s->r;
	s->replay = s->wished = false;
	s->from = s->row.swept_to + 1 > least_block(s) ? s->row.swept_to + 1 : least_block(s);
	s->to = r->row.done;
	for (size_t i = 0; i < s->ndoubts; i++)
		if (s->doubts[i] > r->floor && s->doubts[i] < s->from)
			s->from = s->doubts[i];
}

/* catchup: — all that may have been missed, and what a reorg can still reach; from: on top of that. */
static bool wished(struct sweep *s)
{
	const struct reader *r = s->r;
	if (s->wish.id == 0)
		return false;
	interval(s);
	if (s->from > sweep_window_below(s) + 1)
		s->from = sweep_window_below(s) + 1;
	if (s->wish.has_from && s->wish.from < s->from)
		s->from = s->wish.from;
	if (s->from < least_block(s))
		s->from = least_block(s);
	s->wished = true;
	s->replay = s->wish.has_from;
	log_info("catchup", "Reading blocks again, as was asked", F_STR("chain", r->chain->name),
		F_INT("from", s->from), F_INT("to", s->to));
	return true;
}

void sweep_choose(struct sweep *s)
{
	if (!asked_for(s) && !wished(s))
		interval(s);
}

/* What was first caught up with and lay above the floor then is read a second time, at once: later it would
 * be late. That belongs to the catching up: it is not told, unless something was missing (R4). */
bool sweep_is_first(const struct sweep *s)
{
	return s->row.age_ms < 0 && !s->replay && !s->wished;
}
