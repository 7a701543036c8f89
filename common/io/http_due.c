#include "common/io/http_due.h"

void http_due_drop(struct http_due *d)
{
	if (!d->in)
		return;
	*(d->prev ? &d->prev->next : &d->in->first) = d->next;
	*(d->next ? &d->next->prev : &d->in->last) = d->prev;
	d->prev = d->next = NULL;
	d->in = NULL;
}

void http_due_put(struct http_dues *in, struct http_due *d, uint64_t at)
{
	http_due_drop(d);
	struct http_due *before = in->last;
	while (before && before->at > at)
		before = before->prev;
	d->at = at;
	d->in = in;
	d->prev = before;
	d->next = before ? before->next : in->first;
	*(before ? &before->next : &in->first) = d;
	*(d->next ? &d->next->prev : &in->last) = d;
}
