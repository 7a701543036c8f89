#include "submitter/run.h"
#include "common/base/mem.h"
#include "common/io/guard.h"
#include "common/io/log.h"
#include "submitter/command.h"
#include "submitter/replay.h"
#include "submitter/sender.h"

#include <sodium.h>
#include <stdlib.h>

struct account { /* one key of a signer: its hand, and its sender once the address is known */
	struct run *run;
	const struct signer_decl *signer;
	struct hand *hand; /* until the sender has it */
	struct sender *sender;
};
struct run {
	struct member *m;
	struct seat *seat; /* lanes are shared with other submitters */
	struct keeper *keeper;
	struct account *accounts;
	size_t naccounts;
	struct sender **senders;
	size_t n, left;
	bool started;
	struct call_scope names;
};

static const uint8_t *address_of(void *arg, const struct signer_decl *d)
{
	const struct run *r = arg;
	for (size_t i = 0; i < r->naccounts; i++)
		if (r->accounts[i].signer == d && r->accounts[i].sender)
			return hand_address(r->accounts[i].sender->hand);
	return NULL;
}

static bool no_name(void *arg, struct str name, struct str *value, struct err *e)
{
	(void)arg;
	(void)value;
	return err_set(e, ERR_REJECTED, "%.*s has no value here", (int)name.n, name.p);
}

static bool no_item(void *arg, size_t i, struct str name, struct str *value, struct err *e)
{
	(void)i;
	return no_name(arg, name, value, e);
}

/* ── accounts ── */

static void refused(const struct account *a, const struct err *e)
{
	log_odd("key", "A signer's key can't be used; mend it and start again", F_STR("signer", a->signer->name),
		F_STR("reason", e->text));
}

/* Two names for one account on one chain would be two writers of one lane (S4). */
static const struct account *twin(const struct run *r, const struct account *a)
{
	const uint8_t *one = hand_address(a->hand), *other;
	for (const struct account *b = r->accounts; b < r->accounts + r->naccounts; b++) {
		const struct hand *hand = b->sender ? b->sender->hand : b->hand;
		other = b != a && hand && b->signer->chain == a->signer->chain ? hand_address(hand) : NULL;
		if (other && memcmp(one, other, 20) == 0)
			return b;
	}
	return NULL;
}

static void begin(struct account *a)
{
	struct run *r = a->run;
	struct hand *h = a->hand;
	a->hand = NULL;
	a->sender = sender_new(r->m, r->seat, a->signer, h, &r->names);
	hand_on_ready(h, sender_drive, a->sender);
	for (size_t i = 0; i < r->n; i++)
		if (r->senders[i]->signer == a->signer) {
			sender_knows(r->senders[i], hand_address(h));
			sender_knows(a->sender, hand_address(r->senders[i]->hand));
		}
	r->senders[r->n++] = a->sender;
	sender_start(a->sender);
}

static bool is_twin(const struct account *a)
{
	struct err e = {0};
	const struct account *other = twin(a->run, a);
	if (!other)
		return false;
	err_put(&e, ERR_REJECTED, "it has the key of signer %s on the same chain", other->signer->name);
	refused(a, &e);
	return true;
}

static void on_known(void *arg, struct hand *h)
{
	struct account *a = arg;
	(void)h;
	if (is_twin(a))
		member_end(a->run->m, EXIT_REFUSED);
	else if (a->run->started && !a->run->m->draining)
		begin(a);
}

static void on_refused(void *arg, struct hand *h, const struct err *e)
{
	struct account *a = arg;
	(void)h;
	refused(a, e);
	member_end(a->run->m, EXIT_REFUSED);
}

static bool open_account(struct run *r, const struct signer_decl *d, const struct key_decl *k)
{
	struct account *a = &r->accounts[r->naccounts];
	const struct hand_events ev = {.on_known = on_known, .on_refused = on_refused, .arg = a};
	const struct hand_options o = {.loop = r->m->loop,
		.keeper = r->keeper,
		.slot = (unsigned)r->naccounts,
		.decl = k,
		.name = d->name,
		.patience_ms = d->chain->timeout_ms,
		.retry_first_ms = d->chain->retry.first_ms,
		.retry_max_ms = d->chain->retry.max_ms};
	struct err e = {0};
	*a = (struct account){.run = r, .signer = d};
	r->naccounts++;
	a->hand = hand_open(&o, &ev, &e);
	if (!a->hand)
		refused(a, &e);
	return a->hand && !(hand_address(a->hand) && is_twin(a));
}

static bool any_program(const struct config *c)
{
	for (size_t i = 0; i < c->nsigners; i++)
		for (size_t k = 0; k < c->signers[i].nkeys; k++)
			if (c->signers[i].keys[k].source == SOURCE_EXEC)
				return true;
	return false;
}

static bool open_accounts(struct run *r)
{
	const struct config *c = r->m->config;
	size_t most = 1;
	bool ok = true;
	for (size_t i = 0; i < c->nsigners; i++)
		most += c->signers[i].nkeys;
	r->accounts = mem_alloc(most * sizeof *r->accounts);
	r->senders = mem_alloc(most * sizeof(struct sender *));
	for (size_t i = 0; i < c->nsigners; i++)
		for (size_t k = 0; k < c->signers[i].nkeys; k++)
			ok = open_account(r, &c->signers[i], &c->signers[i].keys[k]) && ok;
	return ok;
}

/* ── the member's callbacks ── */

/* In the keeper's copy of our memory. */
static void forget(void *arg)
{
	struct member *m = arg;
	config_wipe_secrets(m->config);
	sodium_memzero(m->conninfo, strlen(m->conninfo));
	sodium_memzero(m->redis_url, strlen(m->redis_url));
}

/* P24. In this order: secrets leave the environment, which the keeper and its programs get; the keeper is
 * made while no key is in its guarded page yet; keys go there and out of the configuration; what is not
 * needed from then on is given up. */
static bool on_open(void *arg, struct member *m, struct problems *ps)
{
	struct run *r = arg;
	struct err e = {0};
	(void)ps;
	r->m = m;
	r->names = (struct call_scope){.arg = r, .name = no_name, .item = no_item, .address = address_of};
	config_wipe_environment(m->config, true);
	if (any_program(m->config) && !(r->keeper = keeper_open(forget, m, &e))) {
		log_odd("keeper", "Programs that sign can't be started", F_STR("reason", e.text));
		return false;
	}
	bool ok = open_accounts(r);
	config_wipe_secrets(m->config);
	pg_may_read(m->conninfo);
	if (ok)
		guard_close();
	return ok;
}

static void on_start(void *arg, struct member *m)
{
	struct run *r = arg;
	r->seat = seat_open(m);
	r->started = true;
	if (r->naccounts == 0)
		log_info("idle", "The file has no signers; there is nothing to send");
	for (size_t i = 0; i < r->naccounts; i++)
		if (hand_address(r->accounts[i].hand))
			begin(&r->accounts[i]);
}

static void on_pg(void *arg, bool up)
{
	struct run *r = arg;
	(void)up;
	for (size_t i = 0; i < r->n; i++)
		sender_drive(r->senders[i]);
}

static void on_wish(void *arg, const char *kind, const char *subject)
{
	struct run *r = arg;
	(void)subject; /* each looks whether one of its slots is meant */
	for (size_t i = 0; i < r->n; i++)
		obey_wish(r->senders[i], kind);
}

static void on_left(void *arg)
{
	struct run *r = arg;
	if (--r->left == 0)
		member_drained(r->m);
}

static void on_drain(void *arg)
{
	struct run *r = arg;
	if (r->seat)
		seat_drain(r->seat);
	r->left = r->n;
	if (r->n == 0)
		member_drained(r->m);
	for (size_t i = 0; i < r->n; i++)
		sender_drain(r->senders[i], on_left, r);
}

static void reasons(void *arg, struct buf *out)
{
	struct run *r = arg;
	for (size_t i = 0; i < r->naccounts; i++)
		if (r->accounts[i].hand)
			hand_reason(r->accounts[i].hand, out);
	for (size_t i = 0; i < r->n; i++)
		sender_reasons(r->senders[i], out);
}

static void beat(void *arg, struct beat *b)
{
	const struct run *r = arg;
	for (size_t i = 0; i < r->n; i++)
		sender_beat(r->senders[i], b);
}

static void status(void *arg, struct buf *out)
{
	struct run *r = arg;
	buf_text(out, "\"signers\":[");
	for (size_t i = 0; i < r->n; i++) {
		if (i)
			buf_char(out, ',');
		sender_status(r->senders[i], out);
	}
	buf_text(out, "],");
}

static void on_end(void *arg)
{
	struct run *r = arg;
	for (size_t i = 0; i < r->n; i++)
		sender_close(r->senders[i]);
	if (r->seat)
		seat_close(r->seat);
	for (size_t i = 0; i < r->naccounts; i++)
		hand_close(r->accounts[i].hand);
	keeper_close(r->keeper);
	r->keeper = NULL;
}

/* No file of ours and no server is needed to look at prices. */
static bool replays(const struct program_decl *d, int argc, char **argv, int *code)
{
	struct options o;
	struct err e = {0};
	if (!options_parse(&o, d, argc, argv, &e) || !o.price_replay || o.help || o.version)
		return false;
	*code = replay_main(o.price_replay);
	return true;
}

int submitter_main(int argc, char **argv)
{
	struct run run = {0};
	const struct member_program p = {.decl = {.name = "fairlead-submitter",
										 .what = "signs and sends batches: one lane per signer, exactly once",
										 .extra = command_options,
										 .notes = command_notes},
		.short_name = "submitter",
		.arg = &run,
		.on_open = on_open,
		.on_start = on_start,
		.on_pg = on_pg,
		.on_wish = on_wish,
		.on_drain = on_drain,
		.reasons = reasons,
		.status = status,
		.beat = beat,
		.on_end = on_end,
		.needs_key = true,
		.command = command_main};
	int code;
	if (replays(&p.decl, argc, argv, &code))
		return code;
	guard_begin();
	code = member_main(&p, argc, argv);
	for (size_t i = 0; i < run.n; i++)
		sender_free(run.senders[i]);
	for (size_t i = 0; i < run.naccounts; i++)
		hand_free(run.accounts[i].hand);
	free(run.accounts);
	free(run.senders);
	return code;
}
