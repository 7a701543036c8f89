#include "listener/flow.h"

enum {
	NEAR_US = 10000, /* an endpoint this near is asked one question first: its answer is here at once */
	FIRST_FAR = 4,
	LEAST_ANSWERS = 4, /* that are measured */
	REST_FIRST = 32,
	REST_MOST = 512,
	QUESTION_BYTES = 64 << 10, /* that an answer without logs is worth */
	GAIN = 13,                 /* tenths that twice as many must bring */
};

void flow_begin(struct flow *f, uint64_t way_us)
{
	*f = (struct flow){.now = way_us > NEAR_US ? FIRST_FAR : 1, .rest = REST_FIRST};
}

void flow_asked(struct flow *f, uint64_t now_us)
{
	if (f->since_us == 0)
		f->since_us = now_us;
}

static void measure(struct flow *f, uint64_t now_us)
{
	f->answers = 0;
	f->bytes = 0;
	f->since_us = now_us;
}

static void rest(struct flow *f)
{
	f->resting = true;
	f->stale = 0;
}

/* Those in flight were asked among as many as before. */
static void try(struct flow *f, uint32_t next, uint64_t rate)
{
	f->resting = false;
	f->from = f->now;
	f->rate = rate;
	f->stale = f->now;
	f->now = next;
}

static void climb(struct flow *f, uint64_t rate)
{
	if (f->now * 2 <= FLOW_MOST)
		try(f, f->now * 2, rate);
	else
		rest(f);
}

static void judge(struct flow *f, uint64_t rate)
{
	bool worse = f->from < f->now ? rate / GAIN * 10 < f->rate : rate / 10 * GAIN < f->rate;
	if (f->resting) {
		f->down = f->now > 1 && (!f->down || f->now == FLOW_MOST);
		try(f, f->down ? f->now / 2 : f->now * 2, rate);
	} else if (f->from == 0) {
		climb(f, rate);
	} else if (worse) {
		f->now = f->from;
		f->rest = f->rest < REST_MOST ? f->rest * 2 : REST_MOST;
		rest(f);
	} else {
		f->rest = REST_FIRST;
		if (f->from < f->now)
			climb(f, rate);
		else
			rest(f);
	}
}

void flow_answered(struct flow *f, uint64_t now_us, uint64_t bytes)
{
	uint32_t wanted = f->resting ? f->rest : f->now > LEAST_ANSWERS ? f->now : LEAST_ANSWERS;
	if (f->stale > 0) {
		f->stale--;
		measure(f, now_us);
		return;
	}
	f->bytes += bytes + QUESTION_BYTES;
	if (++f->answers < wanted)
		return;
	judge(f, f->bytes * 1000000 / (now_us - f->since_us + 1));
	measure(f, now_us);
}
