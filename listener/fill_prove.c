/* A range of a fill whose blocks are proved before its rows are made (R6, INV-9). */
#include "listener/fill_in.h"

#include <stdio.h>

static void again(struct fill *f, struct span *s, uint64_t ms)
{
	fill_asked_again(f, s);
	f->ask_at_ms = loop_now_ms(f->job.loop) + ms;
}

/* INV-11: with growing gaps. */
static void unproved(struct fill *f, struct span *s, const char *what)
{
	char text[sizeof f->why];
	uint32_t n = f->unproved < 6 ? f->unproved++ : 6;
	snprintf(text, sizeof text, "a block could not be proved: %.250s", what);
	fill_why(f, text);
	again(f, s, (uint64_t)LOOK_MS << n);
}

static void on_proved(void *arg, const struct proving_reply *p)
{
	struct span *s = arg;
	struct fill *f = s->world->arg;
	s->proving = NULL;
	fill_mark(f);
	if (p->giver_lied && pipe_is_first(&f->pipe, s->seg))
		prove_lied(&f->lies, &f->job.proving->trust, f->job.providers, s->p, s->seg->from);
	if (p->end == PROVING_NOBODY) {
		fill_why(f, f->world.want == PROOF_SOURCES ? proving_lonely : providers_why(f->job.providers));
		again(f, s, NOBODY_MS);
	} else if (p->end == PROVING_AGAIN) {
		unproved(f, s, p->why);
	} else if (!span_proved(s, p->blocks)) {
		provider_lied(s->p, s->why.text);
		unproved(f, s, s->why.text);
	} else if (s->seg->state == PIPE_ASKED) {
		pipe_ready(&f->pipe, s->seg);
	}
	fill_pump(f);
}

bool fill_prove(struct fill *f, struct span *s)
{
	if (!span_wants_proof(s))
		return false;
	struct proof_filter filter = span_filter(s);
	struct filter_plan plan = {.n = 0};
	size_t cap = (size_t)learner_filter(provider_learner(s->p), FILTER_CAP_DEFAULT);
	filter_plan_make(&plan, f->job.filter, cap, 1);
	s->proving = proving_run(&(struct proving_ask){.loop = f->job.loop,
								 .providers = f->job.providers,
								 .name = f->job.name,
								 .chain = f->job.proving,
								 .giver = s->p,
								 .headers = s->headers,
								 .given = span_given(s, &filter),
								 .n = (size_t)(s->seg->to - s->seg->from + 1),
								 .filter = filter,
								 .plan = &plan,
								 .urgent = pipe_is_first(&f->pipe, s->seg),
								 .mem = &s->mem},
		on_proved, s);
	filter_plan_fini(&plan);
	return true;
}
