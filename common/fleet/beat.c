#include "common/fleet/beat.h"

#include "common/base/mem.h"
#include "common/base/sentence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct beats {
	struct member *m;
	const struct member_program *p;
	struct timer *timer;
	int64_t since, pg_since;
	bool pg_up;
	int pg_tries;
	char pg_error[200], pg_server[200], waiting_for[200];
	const char *phase;
	struct buf json;
	uint64_t fee_block[4];
};

static void member_begin(struct buf *b)
{
	if (b->n)
		buf_char(b, ',');
}

void beat_doing(struct beat *b, const struct buf *reason)
{
	member_begin(&b->doing);
	buf_json(&b->doing, (struct str){reason->p, reason->n});
}

void beat_plain(struct beat *b, const char *code)
{
	member_begin(&b->doing);
	buf_json(&b->doing, str_of(code));
}

void beat_chain(struct beat *b, const char *name, int64_t head, int64_t done)
{
	member_begin(&b->chains);
	buf_text(&b->chains, "{\"name\":");
	buf_json(&b->chains, str_of(name));
	buf_printf(&b->chains, ",\"head\":%" PRId64 ",\"done\":%" PRId64 "}", head, done);
}

void beat_signer(struct beat *b, const char *name, const char *address, const char *chain,
	struct u256 balance, size_t unmined)
{
	char dec[U256_DEC_MAX];
	u256_to_dec(dec, balance);
	member_begin(&b->signers);
	buf_text(&b->signers, "{\"name\":");
	buf_json(&b->signers, str_of(name));
	buf_text(&b->signers, ",\"chain\":");
	buf_json(&b->signers, str_of(chain));
	buf_printf(&b->signers, ",\"address\":\"%s\",\"balance\":\"%s\",\"unmined\":%zu}", address, dec, unmined);
}

void beat_fee(struct beat *b, const char *chain, uint64_t block, struct u256 wei, int64_t at)
{
	if (b->nfees < sizeof b->fees / sizeof *b->fees)
		b->fees[b->nfees++] = (struct beat_fee){chain, block, wei, at};
}

/* Several signers of one chain know the same head: members are equal then, and one. */
static void send_fee(struct beats *s, const struct beat_fee *f, size_t i)
{
	char key[200], score[24], member[140], dec[U256_DEC_MAX], low[16];
	if (s->fee_block[i] == f->block)
		return;
	s->fee_block[i] = f->block;
	u256_to_dec(dec, f->wei);
	bus_stream(key, sizeof key, s->m->config->name, "fees", f->chain);
	snprintf(score, sizeof score, "%" PRIu64, f->block);
	snprintf(member, sizeof member, "%" PRIu64 ":%s:%" PRId64, f->block, dec, f->at);
	snprintf(low, sizeof low, "-%d", BEAT_FEES + 1);
	bus_command(s->m->bus, 4, (struct str[]){STR("ZADD"), str_of(key), str_of(score), str_of(member)});
	bus_command(s->m->bus, 4, (struct str[]){STR("ZREMRANGEBYRANK"), str_of(key), STR("0"), str_of(low)});
}

static void write_beat(struct beats *s, const struct beat *b)
{
	struct buf *j = &s->json;
	buf_clear(j);
	buf_printf(j, "{\"program\":\"%s\",\"holder\":", s->p->short_name);
	buf_json(j, str_of(s->m->holder));
	buf_printf(j,
		",\"pid\":%d,\"since\":%" PRId64 ",\"at\":%" PRId64 ",\"version\":\"" FAIRLEAD_VERSION
		"\",\"phase\":\"%s\",\"pg\":%s,\"pg_since\":%" PRId64 ",\"pg_tries\":%d,\"pg_error\":",
		(int)getpid(), s->since, clock_wall_ms(), s->phase, s->pg_up ? "true" : "false", s->pg_since,
		s->pg_tries);
	buf_json(j, str_of(s->pg_error));
	buf_text(j, ",\"pg_server\":");
	buf_json(j, str_of(s->pg_server));
	buf_printf(j, ",\"redis\":true,\"holds\":%" PRId64 ",\"doing\":[%s],\"signers\":[%s],\"chains\":[%s]}",
		b->holds, b->doing.n ? b->doing.p : "", b->signers.n ? b->signers.p : "",
		b->chains.n ? b->chains.p : "");
}

static void field_name(const struct beats *s, char *out, size_t size)
{
	snprintf(out, size, "%s@%s", s->p->short_name, s->m->holder);
}

static void on_beat(void *arg)
{
	struct beats *s = arg;
	struct beat b = {.away = !s->pg_up, .away_since = s->pg_since};
	char key[200], field[100];
	struct buf reason = {0};
	timer_start(s->m->loop, &s->timer, BEAT_MS, on_beat, s);
	if (!bus_reachable(s->m->bus))
		return;
	if (text_is(s->phase, "waiting")) {
		reason_code(&reason, "starting");
		reason_text(&reason, "text", s->waiting_for);
		beat_doing(&b, &reason);
	} else if (s->m->draining) {
		beat_plain(&b, "draining");
	} else if (s->p->beat) {
		s->p->beat(s->p->arg, &b);
	}
	write_beat(s, &b);
	bus_stream(key, sizeof key, s->m->config->name, "beats", NULL);
	field_name(s, field, sizeof field);
	bus_command(
		s->m->bus, 4, (struct str[]){STR("HSET"), str_of(key), str_of(field), {s->json.p, s->json.n}});
	for (size_t i = 0; i < b.nfees; i++)
		send_fee(s, &b.fees[i], i);
	buf_fini(&reason);
	buf_fini(&b.doing);
	buf_fini(&b.signers);
	buf_fini(&b.chains);
}

struct beats *beats_open(struct member *m, const struct member_program *p)
{
	struct beats *s = mem_alloc(sizeof *s);
	*s = (struct beats){.m = m, .p = p, .phase = "waiting"};
	s->since = s->pg_since = clock_wall_ms();
	pg_for_people(s->pg_server, sizeof s->pg_server, m->conninfo);
	timer_start(m->loop, &s->timer, BEAT_MS / 10, on_beat, s);
	return s;
}

void beats_pg(struct beats *s, bool up, const char *why)
{
	if (!s)
		return;
	if (s->pg_up != up)
		s->pg_since = clock_wall_ms();
	s->pg_tries = up ? 0 : s->pg_up ? 1 : s->pg_tries + 1;
	s->pg_up = up;
	snprintf(s->pg_error, sizeof s->pg_error, "%s", why ? why : "");
}

void beats_phase(struct beats *s, const char *phase, const char *waiting_for)
{
	if (!s)
		return;
	s->phase = phase;
	snprintf(s->waiting_for, sizeof s->waiting_for, "%.190s", waiting_for ? waiting_for : "");
}

void beats_close(struct beats *s)
{
	char key[200], field[100];
	if (!s)
		return;
	bus_stream(key, sizeof key, s->m->config->name, "beats", NULL);
	field_name(s, field, sizeof field);
	if (bus_reachable(s->m->bus))
		bus_command(s->m->bus, 3, (struct str[]){STR("HDEL"), str_of(key), str_of(field)});
	timer_free(&s->timer);
	buf_fini(&s->json);
	free(s);
}
