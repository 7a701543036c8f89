#include "reconciler/number.h"

#include "common/io/log.h"
#include "common/ledger/messages.h"

enum { AT_ONCE = 5000 }; /* INV-10: messages a transaction */

static void on_numbered(void *arg, const struct pg_reply *r);

static void give(struct number *n)
{
	struct pg_unit *u = pg_unit(n->m->pg);
	messages_number(u, lease_lane(n->lease), AT_ONCE);
	n->busy = true;
	pg_unit_run(u, 0, on_numbered, n);
}

/* Nothing is under way: what rang goes on, or the ear hears on. */
static void rest(struct number *n)
{
	n->busy = false;
	if (!n->ear)
		return;
	if (n->rung) {
		n->rung = false;
		give(n);
	} else if (n->ear_waits) {
		n->ear_waits = false;
		ear_ready(n->ear, INT64_MAX);
	}
}

static void on_numbered(void *arg, const struct pg_reply *r)
{
	struct number *n = arg;
	int64_t last, count = r->outcome == PG_OK ? messages_numbered(r, 0, &last) : 0;
	if (r->outcome == PG_REFUSED && !pg_fenced(r))
		log_odd("messages.refused", "PostgreSQL refused to number the messages; it is tried again",
			F_STR("sqlstate", r->sqlstate), F_STR("reason", r->err.text));
	if (count > 0)
		bus_ring(n->m->bus, BUS_LOG, "messages", NULL, last, count);
	n->rung |= count == AT_ONCE;
	rest(n);
}

static void on_looked(void *arg, const struct pg_reply *r)
{
	struct number *n = arg;
	n->rung |= r->outcome == PG_OK && messages_wait(r, 0);
	rest(n);
}

/* A bell that was lost costs a second (INV-1): each block of the ear looks. */
static void on_bell(void *arg, bool rung)
{
	struct number *n = arg;
	n->ear_waits = true;
	n->rung |= rung;
	if (n->busy)
		return;
	if (n->rung) {
		rest(n);
		return;
	}
	struct pg_unit *u = pg_unit(n->m->pg);
	messages_look(u);
	n->busy = true;
	pg_unit_run(u, 0, on_looked, n);
}

void number_begin(struct number *n, struct member *m, struct lease *lease)
{
	n->m = m;
	n->lease = lease;
	if (m->config->serve.nws == 0 || n->ear)
		return;
	struct ear_options o = {
		.what = "published", .group = "reconciler", .consumer = "clock", .on_bell = on_bell, .arg = n};
	n->rung = n->ear_waits = false;
	n->ear = ear_open(m->bus, &o);
}

void number_end(struct number *n)
{
	if (n->ear)
		ear_close(n->ear);
	n->ear = NULL;
	n->rung = n->ear_waits = false;
}
