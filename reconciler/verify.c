#include "reconciler/verify.h"

#include "common/base/mem.h"
#include "common/evm/address.h"
#include "common/evm/tx.h"
#include "common/ledger/audit.h"
#include "common/ledger/install.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_BROKEN = 1, EXIT_AGAIN = 75, EXIT_FILE = 78, ANSWER_MS = 120000 };

struct verify {
	struct member *m;
	struct loop *loop;
	struct pg *pg;
	bool asked;
	int code;
	struct audit_trail *trails;
	size_t n, at;         /* trails[at] is walked */
	int64_t done;         /* rows of it that are as they were written, */
	uint8_t link[32];     /* and the link of the last of them */
	struct audit_row bad; /* the row that is looked for elsewhere: only seq, and */
	char what[200];
};

static void complain(struct verify *v, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void complain(struct verify *v, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("fairlead-reconciler: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	loop_end(v->loop, code);
}

static bool answered(struct verify *v, const struct pg_reply *r)
{
	if (r->outcome == PG_OK)
		return true;
	complain(
		v, r->outcome == PG_REFUSED ? EXIT_FILE : EXIT_AGAIN, "PostgreSQL did not answer: %s", r->err.text);
	return false;
}

static void next_trail(struct verify *v);
static void walk(struct verify *v);

/* ── what is said ── */

static void put_who(const struct audit_trail *t)
{
	char address[ADDRESS_TEXT];
	if (!t->chain) {
		printf("what people did: ");
		return;
	}
	address_to_eip55(address, t->signer);
	printf("%s%s%s on %s: ", t->name, *t->name ? " " : "", address, t->chain_name);
}

static void put_rows(int64_t n)
{
	if (n == 0)
		printf("no row yet");
	else
		printf(
			n == 1 ? "%" PRId64 " row is as it was written" : "%" PRId64 " rows are as they were written", n);
}

static void end_trail(struct verify *v)
{
	char hex[67];
	put_who(&v->trails[v->at]);
	put_rows(v->done);
	if (v->done) {
		hex_to_0x(hex, v->link, 32);
		printf("; the newest link is %s", hex);
	}
	printf("\n");
	v->at++;
	next_trail(v);
}

/* The first row that is not as it was written ends the walk of its trail: nothing behind it can be told. */
static void broken(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void broken(struct verify *v, const char *fmt, ...)
{
	va_list ap;
	put_who(&v->trails[v->at]);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("; before it ");
	put_rows(v->done);
	printf("\n");
	v->code = EXIT_BROKEN;
	v->at++;
	next_trail(v);
}

/* ── one row ── */

static void next_link(const struct verify *v, struct str text, uint8_t out[32])
{
	crypto_hash_sha256_state h;
	crypto_hash_sha256_init(&h);
	if (v->done)
		crypto_hash_sha256_update(&h, v->link, 32);
	crypto_hash_sha256_update(&h, (const uint8_t *)text.p, text.n);
	crypto_hash_sha256_final(&h, out);
}

/* What of its columns the signed bytes contradict; NULL: nothing. */
static const char *contradicts(const struct audit_trail *t, const struct audit_row *row, struct bytes raw)
{
	struct arena a = {0};
	struct tx tx;
	struct signature sig;
	struct err e = {0};
	uint8_t sender[20], hash[32];
	const char *what = NULL;
	if (!tx_decode(&a, raw, &tx, &sig, sender, hash, &e))
		what = "form";
	else if (memcmp(hash, row->hash, 32) != 0)
		what = "hash";
	else if (memcmp(sender, t->signer, 20) != 0)
		what = "signer";
	else if (u256_cmp(u256_of(tx.chain_id), t->network) != 0)
		what = "chain";
	else if (tx.nonce != (uint64_t)row->nonce)
		what = "nonce";
	else if (u256_cmp(tx.fee, row->fee) != 0)
		what = "fee";
	else if (tx.type == TX_FEE_MARKET && row->has_tip && u256_cmp(tx.tip, row->tip) != 0)
		what = "tip";
	arena_fini(&a);
	return what;
}

static void on_swapped(void *arg, const struct pg_reply *r)
{
	struct verify *v = arg;
	int64_t seq = v->bad.seq;
	if (!answered(v, r))
		return;
	if (pg_rows(r, 0))
		broken(v, "rows %" PRId64 " and %" PRId64 " were swapped", seq, pg_get_int(r, 0, 0, 0));
	else
		broken(v, "row %" PRId64 " was edited: %s", seq, v->what);
}

static void look_elsewhere(struct verify *v, const struct audit_row *row)
{
	v->bad.seq = row->seq;
	snprintf(v->what, sizeof v->what, "%s", row->what);
	struct pg_unit *u = pg_unit(v->pg);
	audit_swapped(u, &v->trails[v->at], row->seq, v->link, v->done > 0, row->link);
	pg_unit_run(u, ANSWER_MS, on_swapped, v);
}

/* false: the walk of this trail is over, or goes on elsewhere. */
static bool take_row(struct verify *v, const struct audit_row *row, struct bytes raw)
{
	const struct audit_trail *t = &v->trails[v->at];
	uint8_t link[32];
	if (row->seq > t->links) /* written meanwhile */
		return true;
	if (row->seq <= v->done) {
		broken(v, "row %" PRId64 " stands there twice: %s was added by hand", row->seq, row->what);
		return false;
	}
	if (row->seq != v->done + 1) {
		broken(v, "row %" PRId64 " was deleted: behind row %" PRId64 " stands row %" PRId64 ", %s",
			v->done + 1, v->done, row->seq, row->what);
		return false;
	}
	next_link(v, row->text, link);
	if (!row->has_link || memcmp(link, row->link, 32) != 0) {
		look_elsewhere(v, row);
		return false;
	}
	const char *wrong = row->is_attempt ? contradicts(t, row, raw) : NULL;
	if (wrong) {
		broken(v, "row %" PRId64 " was edited: the signed bytes of %s have another %s", row->seq, row->what,
			wrong);
		return false;
	}
	memcpy(v->link, link, 32);
	v->done = row->seq;
	return true;
}

/* ── a trail ── */

static void on_rows(void *arg, const struct pg_reply *r)
{
	struct verify *v = arg;
	struct buf raw = {0};
	bool goes_on = answered(v, r);
	int n = goes_on ? pg_rows(r, 0) : 0;
	if (goes_on && n == 0) {
		broken(v, "row %" PRId64 " was deleted, and what stood behind it", v->done + 1);
		goes_on = false;
	}
	for (int i = 0; goes_on && i < n; i++) {
		struct audit_row row;
		audit_row_read(r, 0, i, &row, &raw);
		goes_on = take_row(v, &row, (struct bytes){(const uint8_t *)raw.p, raw.n});
	}
	buf_fini(&raw);
	if (goes_on)
		walk(v);
}

static void walk(struct verify *v)
{
	const struct audit_trail *t = &v->trails[v->at];
	if (v->done < t->links) {
		struct pg_unit *u = pg_unit(v->pg);
		audit_rows(u, t, v->done);
		pg_unit_run(u, ANSWER_MS, on_rows, v);
	} else if (t->behind) {
		broken(v, "row %" PRId64 " was added by hand: the lane wrote %" PRId64, t->links + 1, t->links);
	} else if (t->links && memcmp(v->link, t->link, 32) != 0) {
		broken(v, "the newest link on the lane was edited");
	} else {
		end_trail(v);
	}
}

static void next_trail(struct verify *v)
{
	v->done = 0;
	memset(v->link, 0, 32);
	if (v->at < v->n)
		walk(v);
	else
		loop_end(v->loop, v->code);
}

static void on_trails(void *arg, const struct pg_reply *r)
{
	struct verify *v = arg;
	const char *of = v->m->options.command_of;
	if (!answered(v, r))
		return;
	v->n = (size_t)pg_rows(r, 0);
	if (v->n == 0) {
		complain(v, EXIT_BROKEN, "%s has no signer %s", v->m->config->name, of ? of : "yet");
		return;
	}
	v->trails = mem_alloc(v->n * sizeof *v->trails);
	for (size_t i = 0; i < v->n; i++)
		audit_trail_read(r, 0, (int)i, &v->trails[i]);
	next_trail(v);
}

static void on_up(void *arg)
{
	struct verify *v = arg;
	if (v->asked)
		return;
	v->asked = true;
	struct pg_unit *u = pg_unit(v->pg);
	audit_trails(u, v->m->options.command_of);
	pg_unit_run(u, ANSWER_MS, on_trails, v);
}

static void on_down(void *arg, const struct err *e)
{
	struct verify *v = arg;
	if (!v->asked)
		complain(v, EXIT_AGAIN, "PostgreSQL can't be used: %s", e->text);
}

int verify_main(void *arg, struct member *m)
{
	struct verify v = {.m = m};
	struct problems ps = {0};
	struct err e = {0};
	char *conninfo = pg_conninfo_from_env();
	struct pg_events ev = {.on_up = on_up, .on_down = on_down, .arg = &v};
	struct pg_options o = {.conninfo = conninfo, .application = "fairlead-verify"};
	(void)arg;
	enum install_result got = install(m->config, conninfo, INSTALL_LOOK, &ps, &e);
	problems_fini(&ps);
	if (got == INSTALL_DONE) {
		v.loop = loop_new();
		v.pg = pg_open(v.loop, &o, &ev);
		v.code = loop_run(v.loop);
		pg_close(v.pg);
		loop_free(v.loop);
	} else {
		fprintf(stderr, "fairlead-reconciler: %s\n", e.text);
		v.code = got == INSTALL_AWAY ? EXIT_AGAIN : EXIT_FILE;
	}
	free(v.trails);
	free(conninfo);
	return v.code;
}
