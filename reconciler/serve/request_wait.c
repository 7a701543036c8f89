#include "reconciler/serve/request_in.h"

#include "common/base/sentence.h"
#include "common/io/log.h"

#include <inttypes.h>
#include <stdio.h>

/* What `wait:` waits for: send: a transaction that is seen in a block; run: the end of that run. What was
 * asked for is committed before; whether it came is looked up, not rung. */

enum { LOOK_MS = 200, HOLD_MS = ONCE_MS / 3 };

static void look(void *arg);

static void look_later(struct run *r)
{
	timer_start(r->q->m->loop, &r->wait_timer, LOOK_MS, look, r);
}

static void came(struct run *r)
{
	timer_free(&r->wait_timer);
	r->step++;
	run_go(r);
}

/* A job waits again, but for what can't come any more. */
static void came_not(struct run *r, bool never, const char *detail)
{
	timer_free(&r->wait_timer);
	if (r->v || never)
		run_else(r, &r->plan->steps[r->step].otherwise, 500, detail);
	else
		run_fail(r, 503, NULL, detail, NULL);
}

static void put(struct run *r, const char *member, const char *text)
{
	const char *as = r->route->steps[r->step].as;
	struct str value = {NULL, 0};
	if (text)
		value = str_of(arena_text(r->a, text));
	if (as)
		names_put(&r->names, arena_printf(r->a, "%s.%s", as, member), NAME_TEXT, value);
}

static void seen(struct run *r, const struct request_sent *s)
{
	char block[24];
	snprintf(block, sizeof block, "%" PRId64, s->block);
	put(r, "hash", s->mined ? s->hash : NULL);
	put(r, "from", s->mined ? s->from : NULL);
	put(r, "status", s->mined ? "success" : "already");
	put(r, "error", NULL);
	put(r, "block", s->mined ? block : NULL);
	came(r);
}

static void dead(struct run *r, const struct request_sent *s)
{
	struct buf why = {0};
	char detail[600];
	sentence_say(&why, s->reason, SENTENCE_TEXT, 0);
	snprintf(detail, sizeof detail, "The transaction can't be sent: %s", why.p ? why.p : "");
	buf_fini(&why);
	came_not(r, true, detail);
}

/* A transaction that reverts is tried again, but who asked hears of it now. */
static void took_sent(struct run *r, const struct pg_reply *p)
{
	struct request_sent s;
	char detail[200];
	if (!request_sent_read(p, 0, &s)) {
		came_not(r, true, "What was to be sent is not there any more");
	} else if ((s.mined && s.ok) || str_is(s.state, "already")) {
		seen(r, &s);
	} else if (s.mined) {
		snprintf(detail, sizeof detail, "The transaction %s has reverted in block %" PRId64, s.hash, s.block);
		came_not(r, false, detail);
	} else if (str_is(s.state, "dead")) {
		dead(r, &s);
	} else {
		look_later(r);
	}
}

static void on_looked(void *arg, const struct pg_reply *p)
{
	struct run *r = arg;
	if (pg_fenced(p)) {
		timer_free(&r->wait_timer);
		run_refused(r, p);
	} else if (p->outcome != PG_OK)
		look_later(r);
	else if (r->route->steps[r->step].verb == REQ_SEND)
		took_sent(r, p);
	else if (pg_rows(p, 0) == 0)
		came(r);
	else
		look_later(r);
}

static void late(struct run *r)
{
	const struct request_step *s = &r->route->steps[r->step];
	char detail[160];
	snprintf(detail, sizeof detail,
		s->verb == REQ_SEND ? "The transaction was not seen within %" PRIu64 " ms; it is still on its way"
							: "The run has not ended within %" PRIu64 " ms; it goes on",
		s->wait_ms);
	came_not(r, false, detail);
}

static void look(void *arg)
{
	struct run *r = arg;
	const struct request_step *s = &r->route->steps[r->step];
	if (r->q->closing) {
		timer_free(&r->wait_timer);
		run_fail(r, 503, NULL,
			r->has_once ? "This server ends; what was asked for goes on. Ask again with the same key"
						: "This server ends; what was asked for goes on. Look before asking again",
			NULL);
		return;
	}
	if (loop_now_ms(r->q->m->loop) >= r->wait_until_ms) {
		late(r);
		return;
	}
	struct pg_unit *u = pg_unit(r->q->m->pg);
	if (s->verb == REQ_SEND)
		request_sent_look(u, s->batch->name, r->job.id);
	else
		request_wish_look(u, r->wish);
	if (r->has_once && loop_now_ms(r->q->m->loop) - r->held_ms > HOLD_MS) {
		run_keep_once(r, u);
		r->held_ms = loop_now_ms(r->q->m->loop);
	}
	pg_unit_run(u, 0, on_looked, r);
}

void run_wait(struct run *r)
{
	r->held_ms = loop_now_ms(r->q->m->loop);
	r->wait_until_ms = r->held_ms + r->route->steps[r->step].wait_ms;
	look(r);
}
