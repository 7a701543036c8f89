#include "submitter/gauges.h"

#include "common/base/mem.h"
#include "submitter/sender.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUEUE_MS = 10000, ANSWERS = ANSWER_REFUSED + 1 };

struct gauges {
	struct sender *s;
	struct timer *timer;
	bool asking;
	struct metric *open, *halted, *blocked, *price, *funds, *frozen, *aside, *slots, *unproved;
	struct metric *ready, *age, *base, *tip, *paid, *offered, *fees, *gas, *cancels, *resends;
	struct metric *answers[ANSWERS];
};

/* For people and alarms: a double holds what a wallet holds to fifteen digits (INV-12 is about amounts that
 * are signed). */
static double wei_of(struct u256 v)
{
	double sum = 0;
	for (int i = 3; i >= 0; i--)
		sum = sum * 0x1p64 + (double)v.w[i];
	return sum;
}

/* ── the queue ── */

static void ask_queue(void *arg);

static void on_queue(void *arg, const struct pg_reply *r)
{
	struct gauges *g = arg;
	g->asking = false;
	if (r->outcome != PG_OK)
		return;
	metric_set(g->ready, (double)pg_get_int(r, 0, 0, 0));
	metric_set(g->age, (double)pg_get_int(r, 0, 0, 1) / 1000);
}

/* Whoever holds the lane, and also where nobody does. */
static void ask_queue(void *arg)
{
	struct gauges *g = arg;
	struct sender *s = g->s;
	timer_start(s->m->loop, &g->timer, QUEUE_MS, ask_queue, g);
	if (g->asking || !pg_is_up(s->m->pg))
		return;
	struct pg_unit *u = pg_unit(s->m->pg);
	slots_queue(u, s->signer->name);
	g->asking = true;
	pg_unit_run(u, 0, on_queue, g);
}

/* ── all of them ── */

static struct metric *gauge(const char *name, const char *help, const char *labels)
{
	return metric(METRIC_GAUGE, name, help, labels);
}

static struct metric *with(enum metric_type type, const char *name, const char *help, const char *labels,
	const char *key, const char *value)
{
	char all[260];
	snprintf(all, sizeof all, "%s,%s=\"%s\"", labels, key, value);
	return metric(type, name, help, all);
}

static void make_state(struct gauges *g, const char *l)
{
	static const char held[] = "fairlead_lane_held", why[] = "1 while nothing new is signed, by the reason";
	g->open = gauge("fairlead_lane_open", "1 while this process signs and sends for it", l);
	g->halted = gauge("fairlead_lane_halted", "1 while nothing is signed until a person has looked", l);
	g->blocked = gauge("fairlead_lane_blocked", "1 while every item fails alike at the contract", l);
	g->price = with(METRIC_GAUGE, held, why, l, "reason", "price");
	g->funds = with(METRIC_GAUGE, held, why, l, "reason", "funds");
	g->frozen = with(METRIC_GAUGE, held, why, l, "reason", "frozen");
	g->aside = gauge("fairlead_batches_put_aside", "Batches that wait for another head or moment", l);
	g->slots = gauge("fairlead_open_slots", "Slots that no final block has closed", l);
	g->unproved = gauge("fairlead_unproved_slots", "Slots whose nonce was used by what is not proved yet", l);
}

static void make_prices(struct gauges *g, const char *l)
{
	g->base = gauge("fairlead_base_fee_wei", "Base fee of the newest head, per gas", l);
	g->tip = gauge("fairlead_market_tip_wei", "What others pay as a tip, per gas", l);
	g->offered = gauge("fairlead_offered_price_wei", "The most that the newest attempt may pay, per gas", l);
	g->paid = gauge("fairlead_paid_price_wei", "What the newest mined transaction paid, per gas", l);
	g->fees = metric(METRIC_COUNTER, "fairlead_fees_paid_gwei_total", "Fees of what was mined, in gwei", l);
	g->gas = metric(METRIC_COUNTER, "fairlead_gas_used_total", "Gas of what was mined", l);
}

/* At nought from the start, so that the first refusal is a rise (refusal.c counts). */
static void make_refusals(const char *l)
{
	static const char *const policies[] = {
		"chain", "kind", "to", "call", "value", "gas", "price", "cost", "bytes", "frozen", "limit", "spend"};
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
		with(METRIC_COUNTER, "fairlead_policy_refusals_total",
			"Transactions that a policy of the signer forbade", l, "policy", policies[i]);
}

struct gauges *gauges_new(struct sender *s)
{
	struct gauges *g = mem_alloc(sizeof *g);
	char l[200];
	snprintf(l, sizeof l, "signer=\"%s\"", s->signer->name);
	*g = (struct gauges){.s = s};
	g->ready =
		gauge("fairlead_batches_ready", "Batches of this signer that are not signed yet; 10001: or more", l);
	g->age = gauge("fairlead_queue_age_seconds", "Age of the batch that waits longest to be signed", l);
	make_refusals(l);
	if (s->signer->nkeys > 1)
		snprintf(l, sizeof l, "signer=\"%s\",address=\"%s\"", s->signer->name, s->address);
	make_state(g, l);
	make_prices(g, l);
	for (int i = 0; i < ANSWERS; i++)
		g->answers[i] = with(METRIC_COUNTER, "fairlead_send_answers_total", "What nodes said to signed bytes",
			l, "answer", answer_name((enum answer)i));
	g->cancels = with(
		METRIC_COUNTER, "fairlead_orders_total", "Orders of people that were taken up", l, "kind", "cancel");
	g->resends = with(
		METRIC_COUNTER, "fairlead_orders_total", "Orders of people that were taken up", l, "kind", "resend");
	ask_queue(g);
	return g;
}

void gauges_close(struct gauges *g)
{
	timer_free(&g->timer);
}

void gauges_free(struct gauges *g)
{
	free(g);
}

void gauges_show(struct gauges *g)
{
	struct sender *s = g->s;
	size_t unproved = 0;
	const struct slot *one = window_unproved(&s->window), *end = s->window.slots + s->window.n;
	for (; one && one < end; one++)
		unproved += one->unproved != NULL;
	metric_set(g->open, s->plan.phase == LANE_OPEN);
	metric_set(g->halted, s->plan.phase == LANE_HALTED);
	metric_set(g->blocked, s->blocked[0] != 0);
	metric_set(g->price, s->hold_kind == HOLD_PRICE);
	metric_set(g->funds, s->hold_kind == HOLD_FUNDS);
	metric_set(g->frozen, s->frozen);
	metric_set(g->aside, (double)s->nheld);
	metric_set(g->slots, (double)s->window.n);
	metric_set(g->unproved, (double)unproved);
	metric_set(g->base, wei_of(s->quote.market.base));
	metric_set(g->tip, wei_of(s->quote.market.tip));
	if (s->window.n && s->window.slots[s->window.n - 1].nattempts) {
		const struct slot *last = &s->window.slots[s->window.n - 1];
		metric_set(g->offered, wei_of(last->attempts[last->nattempts - 1].fee.fee));
	}
}

void gauges_answered(struct gauges *g, enum answer a)
{
	metric_add(g->answers[a], 1);
}

void gauges_mined(struct gauges *g, uint64_t gas, struct u256 price_wei)
{
	struct u256 cost;
	uint64_t gwei;
	metric_set(g->paid, wei_of(price_wei));
	metric_add(g->gas, (int64_t)gas);
	if (u256_mul(&cost, price_wei, u256_of(gas)) && u256_to_u64(u256_div64(cost, 1000000000, NULL), &gwei) &&
		gwei <= INT64_MAX)
		metric_add(g->fees, (int64_t)gwei);
}

void gauges_obeyed(struct gauges *g, bool cancel)
{
	metric_add(cancel ? g->cancels : g->resends, 1);
}
