/* Where the time of a fill goes, and what is said of it. */
#include "listener/fill_in.h"

#include "common/io/log.h"

#include <time.h>

uint64_t fill_cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The time since the last mark is of one kind: PostgreSQL is written to, or endpoints are waited for, or
 * neither. */
void fill_mark(struct fill *f)
{
	uint64_t now = loop_now_ms(f->job.loop), ms = now - f->marked_ms;
	f->marked_ms = now;
	if (f->ending || (f->load && pg_load_waiting(f->load) > 0))
		f->stats.write_ms += ms;
	else if (f->pipe.asked > 0 || f->density)
		f->stats.fetch_ms += ms;
	else
		f->stats.wait_ms += ms;
}

void fill_stats(const struct fill *f, struct fill_stats *out)
{
	uint64_t now = loop_now_ms(f->job.loop);
	*out = f->stats;
	out->took_ms = now - f->started_ms;
	out->cpu_ms = fill_cpu_ms() - f->cpu_before;
	double s = (double)(now - f->rate.ms) / 1000;
	if (s < 0.5)
		s = 0.5;
	out->blocks_s = (double)(f->stats.blocks - f->rate.blocks) / s;
	out->events_s = (double)(f->stats.events - f->rate.events) / s;
	double all = (double)f->stats.blocks / ((double)out->took_ms / 1000 + 0.001);
	out->left_s = all > 0 ? (int64_t)((double)(f->pipe.target - f->commit.done) / all) : -1;
	struct provider *p = providers_at(f->job.providers, 0);
	out->range = p ? learner_blocks(provider_learner(p), f->next) : 0;
}

void fill_tell(struct fill *f, const char *ev, const char *words, bool end)
{
	struct fill_stats s;
	fill_stats(f, &s);
	f->told_ms = loop_now_ms(f->job.loop);
	f->rate = (struct fill_rate){f->told_ms, f->stats.events, f->stats.blocks};
	if (!end)
		log_info(ev, words, F_STR("chain", f->job.name), F_INT("block", f->commit.done),
			F_INT("to", f->pipe.target), F_INT("blocks_s", (int64_t)s.blocks_s),
			F_INT("events_s", (int64_t)s.events_s), F_INT("range", s.range), F_INT("left_s", s.left_s),
			F_UINT("events", s.events));
	else
		log_info(ev, words, F_STR("chain", f->job.name), F_INT("block", f->commit.done),
			F_INT("blocks", s.blocks), F_UINT("events", s.events), F_UINT("requests", s.requests),
			F_UINT("bytes", s.bytes), F_UINT("took_ms", s.took_ms), F_UINT("fetch_ms", s.fetch_ms),
			F_UINT("parse_ms", s.cpu_ms), F_UINT("write_ms", s.write_ms), F_UINT("wait_ms", s.wait_ms),
			F_INT("range", s.range));
}
