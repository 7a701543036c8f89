#include "listener/pipe.h"

#include "common/base/err.h"
#include "common/base/mem.h"

#include <stdlib.h>

static struct pipe_seg *seg_new(int64_t from, int64_t to)
{
	struct pipe_seg *s = mem_alloc(sizeof *s);
	*s = (struct pipe_seg){.from = from, .to = to, .state = PIPE_UNASKED};
	return s;
}

static void put_behind(struct pipe *p, struct pipe_seg *left, struct pipe_seg *s)
{
	s->prev = left;
	s->next = left ? left->next : p->first;
	*(s->prev ? &s->prev->next : &p->first) = s;
	*(s->next ? &s->next->prev : &p->last) = s;
}

static void take_out(struct pipe *p, struct pipe_seg *s)
{
	*(s->prev ? &s->prev->next : &p->first) = s->next;
	*(s->next ? &s->next->prev : &p->last) = s->prev;
	free(s);
}

void pipe_init(struct pipe *p, int64_t from, int64_t target)
{
	*p = (struct pipe){.target = from - 1};
	pipe_extend(p, target);
}

void pipe_fini(struct pipe *p)
{
	while (p->first)
		take_out(p, p->first);
	*p = (struct pipe){.target = p->target};
}

void pipe_extend(struct pipe *p, int64_t target)
{
	if (target <= p->target)
		return;
	if (p->last && p->last->state == PIPE_UNASKED)
		p->last->to = target;
	else
		put_behind(p, p->last, seg_new(p->target + 1, target));
	p->target = target;
}

bool pipe_done(const struct pipe *p)
{
	return !p->first;
}

static struct pipe_seg *unasked(const struct pipe *p)
{
	struct pipe_seg *s = p->first;
	while (s && s->state != PIPE_UNASKED)
		s = s->next;
	return s;
}

const struct pipe_seg *pipe_unasked(const struct pipe *p)
{
	return unasked(p);
}

struct pipe_seg *pipe_take(struct pipe *p, int64_t blocks)
{
	struct pipe_seg *s = unasked(p);
	if (!s)
		return NULL;
	if (blocks < 1)
		blocks = 1;
	if (s->to - s->from >= blocks) {
		put_behind(p, s, seg_new(s->from + blocks, s->to));
		s->to = s->from + blocks - 1;
	}
	s->state = PIPE_ASKED;
	p->asked++;
	return s;
}

/* Two UNASKED neighbours are one. */
static void join(struct pipe *p, struct pipe_seg *left, struct pipe_seg *right)
{
	if (!left || !right || left->state != PIPE_UNASKED || right->state != PIPE_UNASKED)
		return;
	left->to = right->to;
	take_out(p, right);
}

void pipe_refused(struct pipe *p, struct pipe_seg *s)
{
	must(s->state != PIPE_UNASKED);
	(*(s->state == PIPE_ASKED ? &p->asked : &p->ready))--;
	s->state = PIPE_UNASKED;
	join(p, s, s->next);
	join(p, s->prev, s);
}

void pipe_ready(struct pipe *p, struct pipe_seg *s)
{
	must(s->state == PIPE_ASKED);
	s->state = PIPE_READY;
	p->asked--;
	p->ready++;
}

struct pipe_seg *pipe_head(const struct pipe *p)
{
	return p->first && p->first->state == PIPE_READY ? p->first : NULL;
}

bool pipe_is_first(const struct pipe *p, const struct pipe_seg *s)
{
	return p->first == s;
}

void pipe_written(struct pipe *p, struct pipe_seg *s)
{
	must(s == pipe_head(p));
	p->ready--;
	take_out(p, s);
}
