#include "submitter/run.h"
#include "common/base/mem.h"
#include "common/io/log.h"
#include "submitter/command.h"
#include "submitter/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct run {
	struct member *m;
	struct sender **senders;
	size_t n, left;
	struct call_scope names;
};

/* ── keys: out of the configuration into guarded memory, then wiped (P24) ── */

enum { KEY_TEXT = 256 };

/* A file that others can read is no secret. */
static bool read_keyfile(const char *path, char text[KEY_TEXT], struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_REJECTED, "keyfile %s: %s", path, strerror(errno));
	ssize_t n = -1;
	if (fstat(fd, &st) != 0)
		err_put(e, ERR_REJECTED, "keyfile %s: %s", path, strerror(errno));
	else if (st.st_mode & 077)
		err_put(e, ERR_REJECTED, "keyfile %s can be read by others (mode %03o); chmod 600 %s", path,
			(unsigned)st.st_mode & 0777, path);
	else if ((n = read(fd, text, KEY_TEXT - 1)) < 0)
		err_put(e, ERR_REJECTED, "keyfile %s: %s", path, strerror(errno));
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n >= 0;
}

static struct key *load_key(const struct key_decl *d, struct err *e)
{
	char text[KEY_TEXT] = "";
	struct key *k = NULL;
	if (d->keyfile) {
		if (read_keyfile(d->keyfile, text, e))
			k = key_from_hex(str_of(text), e);
	} else if (d->secret.value) {
		k = key_from_hex(str_of(d->secret.value), e);
	} else {
		err_put(e, ERR_REJECTED, "there is no key");
	}
	sodium_memzero(text, sizeof text);
	return k;
}

static const uint8_t *address_of(void *arg, const struct signer_decl *d)
{
	const struct run *r = arg;
	for (size_t i = 0; i < r->n; i++)
		if (r->senders[i]->signer == d)
			return hand_address(r->senders[i]->hand);
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

/* Two names for one account on one chain would be two writers of one lane (S4). */
static const struct sender *twin(const struct run *r, const struct signer_decl *d, const struct key *k)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->senders[i]->chain == d->chain &&
			memcmp(hand_address(r->senders[i]->hand), key_address(k), 20) == 0)
			return r->senders[i];
	return NULL;
}

static bool add_sender(struct run *r, const struct signer_decl *d)
{
	struct err e = {0};
	struct key *k = load_key(&d->keys[0], &e);
	const struct sender *same = k ? twin(r, d, k) : NULL;
	if (same) {
		err_put(&e, ERR_REJECTED, "it has the key of signer %s on the same chain", same->signer->name);
		key_free(k);
		k = NULL;
	}
	if (!k) {
		log_odd("key", "A signer's key can't be used", F_STR("signer", d->name), F_STR("reason", e.text));
		return false;
	}
	r->senders[r->n++] = sender_new(r->m, d, hand_of_key(k), &r->names);
	return true;
}

/* ── the member's callbacks ── */

static void on_start(void *arg, struct member *m)
{
	struct run *r = arg;
	bool ok = true;
	r->m = m;
	r->names = (struct call_scope){.arg = r, .name = no_name, .item = no_item, .address = address_of};
	r->senders = mem_alloc((m->config->nsigners + 1) * sizeof(struct sender *));
	for (size_t i = 0; i < m->config->nsigners; i++)
		ok = add_sender(r, &m->config->signers[i]) && ok;
	config_wipe_secrets(m->config);
	if (!ok) {
		member_end(m, EXIT_REFUSED);
		return;
	}
	if (r->n == 0)
		log_info("idle", "The file has no signers; there is nothing to send");
	for (size_t i = 0; i < r->n; i++)
		sender_start(r->senders[i]);
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
	r->left = r->n;
	if (r->n == 0)
		member_drained(r->m);
	for (size_t i = 0; i < r->n; i++)
		sender_drain(r->senders[i], on_left, r);
}

static void reasons(void *arg, struct buf *out)
{
	struct run *r = arg;
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
	int code = member_main(&p, argc, argv);
	for (size_t i = 0; i < run.n; i++)
		sender_free(run.senders[i]);
	free(run.senders);
	return code;
}
