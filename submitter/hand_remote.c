/* What programs and servers that sign have in common: many questions at once, fewer while they throttle,
 * patience, and back-off with the reason. A failure of one answer is one of the whole request: nothing of it
 * was committed, and it is composed anew. */
#include "common/base/mem.h"
#include "common/evm/address.h"
#include "common/io/log.h"
#include "submitter/hand_check.h"
#include "submitter/hand_in.h"

#include <stdio.h>
#include <stdlib.h>

enum { JOB_WAITS, JOB_ASKED, JOB_DONE };
enum { THROTTLE_MS = 100 }; /* when nobody says how long */

static void ask_accounts(void *arg);

static void on_impatient(void *arg)
{
	struct hand *h = arg;
	struct err e = {0};
	err_put(&e, ERR_TRANSIENT, "it has said nothing for %llu ms", (unsigned long long)h->o.patience_ms);
	remote_failed(h, &e, true);
}

static void be_patient(struct hand *h)
{
	timer_start(h->o.loop, &h->patience, h->o.patience_ms, on_impatient, h);
}

/* ── whom it signs for ── */

static void ask_accounts(void *arg)
{
	struct hand *h = arg;
	h->phase = HAND_OPENS;
	be_patient(h);
	h->io->ask_accounts(h);
}

static void on_rested(void *arg)
{
	struct hand *h = arg;
	if (h->identified)
		hand_become_ready(h);
	else
		ask_accounts(h);
}

void remote_open(struct hand *h)
{
	timer_start(h->o.loop, &h->rest, 0, ask_accounts, h);
}

static void well(struct hand *h)
{
	if (h->trouble[0])
		log_info("hand.up", "A signer signs again", F_STR("signer", h->name));
	h->trouble[0] = 0;
	backoff_ok(&h->backoff);
}

/* Without address: it must name exactly one, or a person must choose. */
static bool choose(struct hand *h, const uint8_t (*list)[20], size_t n, struct err *e)
{
	char wanted[ADDRESS_TEXT], first[ADDRESS_TEXT] = "none";
	for (size_t i = 0; h->known && i < n; i++)
		if (memcmp(list[i], h->address, 20) == 0)
			return true;
	if (n)
		address_to_eip55(first, list[0]);
	if (h->known) {
		address_to_eip55(wanted, h->address);
		return err_set(e, h->io->names_final && n ? ERR_REJECTED : ERR_TRANSIENT,
			"it signs for %s%s, not for %s, which address names", first, n > 1 ? " and others" : "", wanted);
	}
	if (n == 0)
		return err_set(e, ERR_TRANSIENT, "it signs for no account yet");
	if (n > 1)
		return err_set(
			e, ERR_REJECTED, "it signs for %zu accounts, %s and others; choose with address", n, first);
	memcpy(h->address, list[0], 20);
	return true;
}

void remote_accounts(struct hand *h, const uint8_t (*list)[20], size_t n)
{
	struct err e = {0};
	if (h->phase != HAND_OPENS)
		return;
	if (!choose(h, list, n, &e)) {
		if (e.class == ERR_TRANSIENT) {
			remote_failed(h, &e, false);
			return;
		}
		timer_stop(&h->patience);
		hand_refuse(h, &e);
		return;
	}
	timer_stop(&h->patience);
	h->identified = true;
	bool was_known = h->known;
	h->known = true;
	well(h);
	if (!was_known)
		h->ev.on_known(h->ev.arg, h);
	hand_become_ready(h);
}

/* ── signing ── */

static void pump(void *arg)
{
	struct hand *h = arg;
	struct hand_request *q = &h->q;
	for (size_t i = 0; i < q->n && q->flying < q->limit; i++) {
		if (q->state[i] != JOB_WAITS)
			continue;
		q->state[i] = JOB_ASKED;
		q->flying++;
		h->io->ask_sign(h, i);
	}
}

void remote_sign(struct hand *h, struct arena *a, struct signing *list, size_t n, hand_done done, void *arg)
{
	must(!h->q.done && h->phase == HAND_READY);
	size_t limit = h->q.limit ? h->q.limit : h->io->most;
	h->q = (struct hand_request){.a = a,
		.list = list,
		.n = n,
		.left = n,
		.limit = limit,
		.state = arena_alloc(a, n),
		.done = done,
		.arg = arg};
	h->io->begin(h);
	be_patient(h);
	pump(h);
}

static bool is_asked(const struct hand *h, size_t i)
{
	return h->q.done && i < h->q.n && h->q.state[i] == JOB_ASKED;
}

static void end_request(struct hand *h, bool ok, const struct err *e)
{
	struct hand_request q = h->q;
	h->q = (struct hand_request){.limit = q.limit};
	timer_stop(&h->patience);
	timer_stop(&h->rest);
	if (ok)
		well(h);
	q.done(q.arg, ok, e);
}

static void landed(struct hand *h, size_t i)
{
	struct hand_request *q = &h->q;
	q->state[i] = JOB_DONE;
	q->flying--;
	if (q->limit < h->io->most)
		q->limit++;
	if (--q->left == 0) {
		end_request(h, true, NULL);
		return;
	}
	be_patient(h);
	if (!timer_is_on(h->rest))
		pump(h);
}

/* What is wrong comes again, most likely, when it is asked again: no signature of it may ever leave, and a
 * person is told each time. */
void remote_signature(struct hand *h, size_t i, struct str hex)
{
	struct err e = {0};
	if (!is_asked(h, i))
		return;
	if (hand_check_signature(&h->q.list[i], h->address, h->q.a, hex, &e))
		landed(h, i);
	else
		remote_failed(h, &e, false);
}

void remote_raw(struct hand *h, size_t i, struct str hex)
{
	struct err e = {0};
	if (!is_asked(h, i))
		return;
	if (hand_check_raw(&h->q.list[i], h->address, h->q.a, hex, &e))
		landed(h, i);
	else
		remote_failed(h, &e, false);
}

/* Half as many at once, a moment later; nothing is lost. Patience goes on: who throttles for ever has failed.
 */
void remote_throttled(struct hand *h, size_t i, uint64_t wait_ms)
{
	struct hand_request *q = &h->q;
	if (!is_asked(h, i))
		return;
	q->state[i] = JOB_WAITS;
	q->flying--;
	q->limit = q->limit > 1 ? q->limit / 2 : 1;
	if (timer_is_on(h->rest))
		return;
	wait_ms = wait_ms ? wait_ms : THROTTLE_MS;
	log_odd("hand.throttled", "A signer is asked more slowly: it throttles", F_STR("signer", h->name),
		F_UINT("at_once", q->limit), F_UINT("wait_ms", wait_ms));
	snprintf(h->trouble, sizeof h->trouble, "it throttles");
	timer_start(h->o.loop, &h->rest, wait_ms, pump, h);
}

void remote_failed(struct hand *h, const struct err *e, bool suspect)
{
	if (h->phase == HAND_REFUSED || h->phase == HAND_RESTS)
		return;
	uint64_t wait = backoff_fail(&h->backoff);
	if (!h->trouble[0])
		h->since_ms = loop_now_ms(h->o.loop);
	snprintf(h->trouble, sizeof h->trouble, "%.*s", (int)sizeof h->trouble - 1, e->text);
	log_odd(e->class == ERR_TRANSIENT ? "hand.error" : "hand.wrong",
		e->class == ERR_TRANSIENT ? "A signer does not sign; nothing is lost, it is asked again"
								  : "A signer answered what was not asked; it is refused, and asked again",
		F_STR("signer", h->name), F_STR("from", h->io->what), F_STR("reason", h->trouble),
		F_UINT("try", h->backoff.tries), F_UINT("wait_ms", wait));
	timer_stop(&h->patience);
	h->identified = h->identified && !suspect;
	h->phase = HAND_RESTS;
	h->io->drop(h, suspect);
	if (h->q.done)
		end_request(h, false, e);
	if (h->phase == HAND_RESTS)
		timer_start(h->o.loop, &h->rest, wait, on_rested, h);
}

void remote_close(struct hand *h)
{
	struct err e = {0};
	h->io->close(h);
	h->side = NULL;
	err_put(&e, ERR_TRANSIENT, "it is no longer asked");
	if (h->q.done)
		end_request(h, false, &e);
}
