#include "common/base/mem.h"
#include "common/evm/address.h"
#include "common/io/log.h"
#include "submitter/hand_in.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ── life ── */

void hand_become_ready(struct hand *h)
{
	h->phase = HAND_READY;
	if (h->on_ready)
		h->on_ready(h->on_ready_arg);
}

void hand_refuse(struct hand *h, const struct err *e)
{
	h->phase = HAND_REFUSED;
	snprintf(h->trouble, sizeof h->trouble, "%.*s", (int)sizeof h->trouble - 1, e->text);
	h->ev.on_refused(h->ev.arg, h, e);
}

static bool fits(const struct hand *h, const struct key *k, struct err *e)
{
	char real[ADDRESS_TEXT], said[ADDRESS_TEXT];
	const struct key_decl *d = h->o.decl;
	if (!d->has_address || memcmp(d->address, key_address(k), 20) == 0)
		return true;
	address_to_eip55(real, key_address(k));
	address_to_eip55(said, d->address);
	return err_set(e, ERR_REJECTED, "%s%sits key is of %s, but address names %s; mend one of them",
		d->keyfile ? d->keyfile : "", d->keyfile ? ": " : "", real, said);
}

/* ── a keystore: opened on a thread, one at a time: each may take hundreds of MiB ── */

struct opening {
	struct hand *h; /* NULL: it was closed meanwhile */
	struct keyfile file;
	struct key *key;
	struct err err;
	struct loop *loop;
};

static void on_thread(void *arg)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	struct opening *o = arg;
	pthread_mutex_lock(&one_at_a_time);
	o->key = keyfile_open(&o->file, &o->err);
	pthread_mutex_unlock(&one_at_a_time);
}

static void end_opening(struct opening *o)
{
	key_free(o->key);
	keyfile_fini(&o->file);
	free(o);
}

static void on_opened(void *arg);

static void open_again(void *arg)
{
	struct hand *h = arg;
	loop_work(h->o.loop, on_thread, on_opened, h->opening);
}

static void on_opened(void *arg)
{
	struct opening *o = arg;
	struct hand *h = o->h;
	if (!h) {
		end_opening(o);
		return;
	}
	if (!o->key && o->err.class == ERR_TRANSIENT) {
		uint64_t wait = backoff_fail(&h->backoff);
		snprintf(h->trouble, sizeof h->trouble, "%.*s", (int)sizeof h->trouble - 1, o->err.text);
		log_odd("hand.error", "A key file can't be opened yet; trying again", F_STR("signer", h->name),
			F_STR("reason", o->err.text), F_UINT("wait_ms", wait));
		timer_start(h->o.loop, &h->rest, wait, open_again, h);
		return;
	}
	h->opening = NULL;
	if (o->key && fits(h, o->key, &o->err)) {
		h->key = o->key;
		o->key = NULL;
		memcpy(h->address, key_address(h->key), 20);
		bool was_known = h->known;
		h->known = true;
		if (!was_known)
			h->ev.on_known(h->ev.arg, h);
		hand_become_ready(h);
	} else {
		hand_refuse(h, &o->err);
	}
	end_opening(o);
}

static bool open_file(struct hand *h, struct err *e)
{
	const struct key_decl *d = h->o.decl;
	struct keyfile f;
	if (!keyfile_read(&f, d->keyfile, d->passfile, e))
		return false;
	if (f.key) {
		h->key = f.key;
		return true;
	}
	if (f.store.has_address && d->has_address && memcmp(f.store.address, d->address, 20) != 0) {
		keyfile_fini(&f);
		return err_set(e, ERR_REJECTED, "%s: it is not of the account that address names", d->keyfile);
	}
	h->opening = mem_alloc(sizeof *h->opening);
	*h->opening = (struct opening){.h = h, .file = f, .loop = h->o.loop};
	timer_start(h->o.loop, &h->rest, 0, open_again, h); /* no thread before the guard is closed (guard.h) */
	return true;
}

static bool open_source(struct hand *h, struct err *e)
{
	const struct key_decl *d = h->o.decl;
	switch (d->source) {
	case SOURCE_ENVIRONMENT:
		h->key = d->secret.value && *d->secret.value ? key_from_hex(str_of(d->secret.value), e) : NULL;
		return h->key ||
			   (!d->secret.value || !*d->secret.value ? err_set(e, ERR_REJECTED, "there is no key") : false);
	case SOURCE_FILE: return open_file(h, e);
	case SOURCE_EXEC: return hand_exec_open(h, e);
	case SOURCE_WEB3SIGNER: return hand_web3_open(h, e);
	}
	return false;
}

struct hand *hand_open(const struct hand_options *o, const struct hand_events *ev, struct err *e)
{
	struct hand *h = mem_alloc(sizeof *h);
	h->o = *o;
	h->ev = *ev;
	snprintf(h->name, sizeof h->name, "%s", o->name);
	backoff_init(&h->backoff, o->retry_first_ms, o->retry_max_ms, o->slot);
	h->since_ms = loop_now_ms(o->loop);
	if (!open_source(h, e) || (h->key && !fits(h, h->key, e))) {
		hand_free(h);
		return NULL;
	}
	h->known = h->key || o->decl->has_address;
	if (h->known)
		memcpy(h->address, h->key ? key_address(h->key) : o->decl->address, 20);
	if (h->key)
		h->phase = HAND_READY;
	if (h->io)
		remote_open(h);
	return h;
}

void hand_close(struct hand *h)
{
	if (!h || h->closed)
		return;
	h->closed = true;
	h->phase = HAND_REFUSED;
	if (h->opening)
		h->opening->h = NULL;
	bool waits =
		h->opening && timer_is_on(h->rest); /* its thread is not at work: nobody else would free it */
	if (waits)
		end_opening(h->opening);
	h->opening = NULL;
	if (h->io)
		remote_close(h);
	timer_free(&h->patience);
	timer_free(&h->rest);
}

void hand_free(struct hand *h)
{
	if (!h)
		return;
	key_free(h->key);
	free(h);
}

/* ── asking ── */

const uint8_t *hand_address(const struct hand *h)
{
	return h->known ? h->address : NULL;
}

bool hand_ready(const struct hand *h)
{
	return h->phase == HAND_READY;
}

void hand_on_ready(struct hand *h, timer_fn fn, void *arg)
{
	h->on_ready = fn;
	h->on_ready_arg = arg;
}

void hand_reason(const struct hand *h, struct buf *out)
{
	if (h->phase == HAND_READY)
		return;
	uint64_t s = (loop_now_ms(h->o.loop) - h->since_ms) / 1000;
	buf_printf(out, "Signer %s has waited %" PRIu64 " s for %s%s%s; nothing is lost\n", h->name, s,
		h->io ? h->io->what : "its key file to be opened", h->trouble[0] ? ": " : "", h->trouble);
}

static void sign_here(struct hand *h, struct arena *a, struct signing *list, size_t n)
{
	struct buf raw = {0};
	uint8_t(*digests)[32] = arena_alloc(a, n * sizeof *digests);
	struct signature *made = arena_alloc(a, n * sizeof *made);
	for (size_t i = 0; i < n; i++)
		tx_digest(&list[i].tx, digests[i]);
	key_sign_all(h->key, (const uint8_t(*)[32])digests, made, n);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&raw);
		tx_finish(&list[i].tx, &made[i], &raw, list[i].hash);
		list[i].raw = arena_copy(a, raw.p, raw.n);
		list[i].nraw = raw.n;
	}
	buf_fini(&raw);
}

void hand_sign(struct hand *h, struct arena *a, struct signing *list, size_t n, hand_done done, void *arg)
{
	if (n > 0 && h->io) {
		remote_sign(h, a, list, n, done, arg);
		return;
	}
	if (n > 0)
		sign_here(h, a, list, n);
	done(arg, true, NULL);
}
