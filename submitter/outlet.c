/* The endpoint that signed bytes leave by (sender.h). A lane offers nothing to any other: what a private one
 * was given is seen by nobody else (S9). */
#include "common/io/endpoint.h"
#include "common/io/log.h"
#include "submitter/sender.h"

#include <stdio.h>
#include <unistd.h>

void outlet_open(struct sender *s)
{
	const struct endpoint_decl *to = chain_writer(s->chain);
	struct outlet *o = &s->out;
	struct endpoint at;
	o->private = to->private;
	o->apart = to != lane_endpoint(s);
	o->rpc = o->apart ? rpc_open(s->m->loop, to->url, s->chain->timeout_ms) : s->rpc;
	snprintf(o->name, sizeof o->name, "%s", endpoint_parse(&at, to->url, NULL) ? at.name : s->chain->name);
	backoff_init(&o->backoff, s->chain->retry.first_ms, s->chain->retry.max_ms, (uint64_t)getpid());
	if (o->apart)
		log_info("outlet", "Transactions leave by an endpoint of their own", F_STR("signer", s->signer->name),
			F_STR("endpoint", o->name), F_STR("reads", s->endpoint));
}

void outlet_close(struct sender *s)
{
	if (s->out.rpc && s->out.apart)
		rpc_close(s->out.rpc);
	s->out.rpc = NULL;
}

static void fails(struct sender *s, const struct rpc_reply *r)
{
	struct outlet *o = &s->out;
	uint64_t wait = backoff_fail(&o->backoff);
	wait = wait < r->retry_after_ms ? r->retry_after_ms : wait;
	o->retry_ms = sender_now(s) + wait;
	if (!o->since_ms)
		o->since_ms = sender_now(s);
	snprintf(o->trouble, sizeof o->trouble, "%.290s", r->err.text);
	metric_add(s->meters.errors, 1);
	log_odd("rpc.error", "Provider error; what is signed leaves as soon as it takes it",
		F_STR("signer", s->signer->name), F_STR("endpoint", o->name), F_STR("reason", r->err.text),
		F_UINT("try", o->backoff.tries), F_UINT("wait_ms", wait));
}

bool outlet_heard(struct sender *s, const struct rpc_reply *r)
{
	struct outlet *o = &s->out;
	if (!o->apart)
		return sender_heard(s, r);
	if (!r->ok) {
		fails(s, r);
		return false;
	}
	if (o->since_ms)
		log_info("rpc.up", "The provider answers again", F_STR("endpoint", o->name));
	o->since_ms = o->retry_ms = 0;
	backoff_ok(&o->backoff);
	return true;
}

bool outlet_rests(const struct sender *s)
{
	return s->out.retry_ms > sender_now(s);
}
