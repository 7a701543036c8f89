#include "reconciler/page/look.h"

#include "common/base/mem.h"
#include "common/base/sentence.h"
#include "common/fleet/beat.h"
#include "common/io/redis.h"

#include <cJSON.h>
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINGER_MS = 10000 };

struct look {
	struct look_options o;
	struct seen seen;
	struct pg *pg;
	struct redis *redis;
	struct timer *timer, *linger;
	int in_flight; /* units and commands whose answers will come */
	bool closed, on, pg_up, redis_up, asking, asking_slow, probing;
	uint64_t asked_us, probed_us, redis_us, full_ms, slow_ms, second_ms;
};

/* An answer came: true when nobody wants it any more. The last one frees. */
static bool over(struct look *l)
{
	l->in_flight--;
	if (!l->closed)
		return false;
	if (l->in_flight == 0)
		free(l);
	return true;
}

/* ── beats ── */

static const char *json_text(struct arena *a, const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return arena_text(a, cJSON_IsString(v) ? v->valuestring : "");
}

static int64_t json_int(const cJSON *o, const char *name, int64_t otherwise)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsNumber(v) ? (int64_t)v->valuedouble : otherwise;
}

static void read_lists(struct seen_beat *b, struct arena *a, const cJSON *o)
{
	const cJSON *v;
	cJSON_ArrayForEach(
		v, cJSON_GetObjectItemCaseSensitive(o, "doing")) if (cJSON_IsString(v) && b->ndoing < SEEN_DOING)
		b->doing[b->ndoing++] = arena_text(a, v->valuestring);
	cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(o, "signers")) if (b->nsigners < FIGURES_SIGNERS)
		b->signers[b->nsigners++] = (struct seen_signer){.name = json_text(a, v, "name"),
		.address = json_text(a, v, "address"),
		.chain = json_text(a, v, "chain"),
		.balance = json_text(a, v, "balance"),
		.unmined = json_int(v, "unmined", 0)};
	v = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(o, "chains"), 0);
	b->head = json_int(v, "head", -1);
	b->done = json_int(v, "done", -1);
}

static bool read_beat(struct seen *s, struct seen_beat *b, struct str text)
{
	struct arena *a = &s->beat_mem;
	cJSON *o = cJSON_ParseWithLength(text.p, text.n);
	if (!cJSON_IsObject(o)) {
		cJSON_Delete(o);
		return false;
	}
	*b = (struct seen_beat){.program = json_text(a, o, "program"),
		.holder = json_text(a, o, "holder"),
		.phase = json_text(a, o, "phase"),
		.pg_error = json_text(a, o, "pg_error"),
		.pg_server = json_text(a, o, "pg_server"),
		.since = json_int(o, "since", 0),
		.at = json_int(o, "at", 0),
		.pg_since = json_int(o, "pg_since", 0),
		.pg_tries = json_int(o, "pg_tries", 0),
		.holds = json_int(o, "holds", 0),
		.pg = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "pg"))};
	read_lists(b, a, o);
	b->fresh = s->now - b->at < BEAT_OLD_MS;
	cJSON_Delete(o);
	return true;
}

static int by_program(const void *x, const void *y)
{
	static const char *const order[] = {"listener", "batcher", "submitter", "reconciler"};
	const struct seen_beat *a = x, *b = y;
	int at[2] = {4, 4};
	for (int i = 0; i < 4; i++) {
		at[0] = text_is(a->program, order[i]) ? i : at[0];
		at[1] = text_is(b->program, order[i]) ? i : at[1];
	}
	return at[0] != at[1] ? at[0] - at[1] : strcmp(a->holder, b->holder);
}

/* HGETALL's answer as beats. text: field, value, field, value … */
static void look_beats(struct seen *s, size_t n, const struct str *text)
{
	arena_reset(&s->beat_mem);
	s->nbeats = 0;
	for (size_t i = 0; i + 1 < n && s->nbeats < SEEN_BEATS; i += 2)
		if (read_beat(s, &s->beats[s->nbeats], text[i + 1]) && s->now - s->beats[s->nbeats].at < BEAT_GONE_MS)
			s->nbeats++;
	qsort(s->beats, s->nbeats, sizeof *s->beats, by_program);
}

/* ── Redis ── */

/* So that what is said of it changes when it changes. */
static double smooth(double old, double ms)
{
	return old < 0 ? ms : old * 0.9 + ms * 0.1;
}

static void prune(struct look *l, struct str field, struct str value)
{
	char key[200];
	cJSON *o = cJSON_ParseWithLength(value.p, value.n);
	if (l->seen.now - json_int(o, "at", 0) > BEAT_GONE_MS) {
		bus_stream(key, sizeof key, l->o.config->name, "beats", NULL);
		redis_command(l->redis, 0, NULL, NULL, 3, (struct str[]){STR("HDEL"), str_of(key), field});
	}
	cJSON_Delete(o);
}

static void on_beats(void *arg, const struct redisReply *r, const struct err *e)
{
	struct look *l = arg;
	struct seen *s = &l->seen;
	(void)e;
	if (over(l))
		return;
	if (!r) /* on_redis_down tells */
		return;
	s->redis_ms = smooth(s->redis_ms, (double)(clock_mono_us() - l->redis_us) / 1000);
	s->redis_known = true;
	s->redis_away = 0;
	if (r->type != REDIS_REPLY_ARRAY || r->elements % 2)
		return;
	struct str *text = mem_alloc((r->elements + 1) * sizeof *text);
	for (size_t i = 0; i < r->elements; i++)
		text[i] = (struct str){r->element[i]->str ? r->element[i]->str : "", r->element[i]->len};
	look_beats(s, r->elements, text);
	for (size_t i = 0; i + 1 < r->elements; i += 2)
		prune(l, text[i], text[i + 1]);
	free(text);
}

/* block:wei:ms */
static void on_fees(void *arg, const struct redisReply *r, const struct err *e)
{
	struct look *l = arg;
	struct seen *s = &l->seen;
	(void)e;
	if (over(l))
		return;
	if (!r || r->type != REDIS_REPLY_ARRAY)
		return;
	s->nfees = 0;
	for (size_t i = 0; i < r->elements && s->nfees < SEEN_FEES; i++) {
		const char *p = r->element[i]->str ? r->element[i]->str : "", *wei = strchr(p, ':');
		const char *at = wei ? strchr(wei + 1, ':') : NULL;
		struct u256 v;
		if (!at || !u256_from_dec(&v, (struct str){wei + 1, (size_t)(at - wei) - 1}))
			continue;
		struct seen_fee *f = &s->fees[s->nfees++];
		f->at = strtoll(at + 1, NULL, 10);
		say_gwei(f->gwei, sizeof f->gwei, v);
	}
}

static void ask_redis(struct look *l)
{
	char key[200];
	if (!l->redis_up)
		return;
	bus_stream(key, sizeof key, l->o.config->name, "beats", NULL);
	l->redis_us = clock_mono_us();
	l->in_flight++;
	redis_command(l->redis, 2000, on_beats, l, 2, (struct str[]){STR("HGETALL"), str_of(key)});
	if (l->o.config->nsigners == 0)
		return;
	bus_stream(key, sizeof key, l->o.config->name, "fees", l->o.config->signers[0].chain->name);
	l->in_flight++;
	redis_command(
		l->redis, 2000, on_fees, l, 4, (struct str[]){STR("ZRANGE"), str_of(key), STR("0"), STR("-1")});
}

static void on_redis_up(void *arg)
{
	struct look *l = arg;
	l->redis_up = true;
	ask_redis(l);
}

static void on_redis_down(void *arg, const struct err *e)
{
	struct look *l = arg;
	(void)e;
	l->redis_up = false;
	l->seen.redis_known = true;
	l->seen.redis_ms = -1;
	if (!l->seen.redis_away)
		l->seen.redis_away = clock_wall_ms();
}

/* ── PostgreSQL ── */

static void take_rates(struct seen *s)
{
	int64_t events = 0;
	for (size_t i = 0; i < s->figures.nchains; i++)
		events += s->figures.chains[i].events;
	if (s->nrates && s->now - s->rates[s->nrates - 1].at < LOOK_MS - 100)
		return;
	if (s->nrates == SEEN_RATES)
		memmove(s->rates, s->rates + 1, --s->nrates * sizeof s->rates[0]);
	s->rates[s->nrates].at = s->now;
	s->rates[s->nrates].events = events;
	s->rates[s->nrates].batches = s->figures.done_batches;
	s->rates[s->nrates++].done = s->figures.nchains ? s->figures.chains[0].done : 0;
}

static void told(struct look *l)
{
	l->seen.now = clock_wall_ms();
	if (l->o.on_look)
		l->o.on_look(l->o.arg);
}

static void failed(struct look *l, const struct pg_reply *r)
{
	snprintf(l->seen.pg_error, sizeof l->seen.pg_error, "%.190s", r->err.text);
	if (r->outcome == PG_REFUSED)
		l->seen.pg_known = true;
}

static void on_figures(void *arg, const struct pg_reply *r)
{
	struct look *l = arg;
	struct seen *s = &l->seen;
	if (over(l))
		return;
	l->asking = false;
	if (r->outcome != PG_OK) {
		failed(l, r);
		return;
	}
	s->now = clock_wall_ms();
	s->pg_away = 0;
	s->pg_known = true;
	figures_take(&s->figures, r);
	s->figures.at = s->now; /* one clock for all ages: ours */
	take_rates(s);
	told(l);
}

static void on_slow(void *arg, const struct pg_reply *r)
{
	struct look *l = arg;
	if (over(l))
		return;
	l->asking_slow = false;
	if (r->outcome == PG_OK)
		figures_take_slow(&l->seen.figures, r);
	else
		failed(l, r);
}

static void ask_figures(struct look *l)
{
	uint64_t now = loop_now_ms(l->o.loop);
	if (l->asking || !l->pg_up)
		return;
	if (!l->asking_slow && (!l->slow_ms || now - l->slow_ms >= LOOK_SLOW_MS)) {
		struct pg_unit *slow = pg_unit(l->pg);
		figures_ask_slow(slow);
		l->asking_slow = true;
		l->slow_ms = now;
		l->in_flight++;
		pg_unit_run(slow, 0, on_slow, l);
	}
	struct pg_unit *u = pg_unit(l->pg);
	figures_ask(u);
	l->asking = true;
	l->full_ms = now;
	l->asked_us = clock_mono_us();
	l->in_flight++;
	pg_unit_run(u, 0, on_figures, l);
}

static void on_probe(void *arg, const struct pg_reply *r)
{
	struct look *l = arg;
	if (over(l))
		return;
	l->probing = false;
	if (r->outcome != PG_OK)
		return;
	l->seen.pg_ms = smooth(l->seen.pg_ms, (double)(clock_mono_us() - l->probed_us) / 1000);
	int64_t change = figures_probed(r);
	if (change != l->seen.figures.change)
		ask_figures(l);
	l->seen.figures.change = change;
}

static void probe(struct look *l)
{
	if (l->probing || l->asking || !l->pg_up)
		return;
	struct pg_unit *u = pg_unit(l->pg);
	figures_probe(u);
	l->probed_us = clock_mono_us();
	l->probing = true;
	l->in_flight++;
	pg_unit_run(u, 0, on_probe, l);
}

static void on_pg_up(void *arg)
{
	struct look *l = arg;
	l->pg_up = true;
	l->slow_ms = 0;
	ask_figures(l);
}

static void on_pg_down(void *arg, const struct err *e)
{
	struct look *l = arg;
	l->pg_up = l->asking = l->probing = l->asking_slow = false;
	l->seen.pg_known = true;
	if (!l->seen.pg_away)
		l->seen.pg_away = clock_wall_ms();
	snprintf(l->seen.pg_error, sizeof l->seen.pg_error, "%.190s", e->text);
	told(l);
}

/* ── the clock of a look ── */

static void on_tick(void *arg)
{
	struct look *l = arg;
	uint64_t now = loop_now_ms(l->o.loop), asked_ms = l->asked_us / 1000;
	timer_start(l->o.loop, &l->timer, LOOK_PROBE_MS, on_tick, l);
	l->seen.now = clock_wall_ms();
	if (l->asking && l->pg_up && now > asked_ms + LOOK_SILENT_MS && !l->seen.pg_away) {
		l->seen.pg_away = l->seen.now - (int64_t)(now - asked_ms);
		snprintf(l->seen.pg_error, sizeof l->seen.pg_error, "it is connected and does not answer");
	}
	if (now - l->full_ms >= LOOK_MS)
		ask_figures(l);
	else
		probe(l);
	if (now - l->second_ms < LOOK_MS)
		return;
	l->second_ms = now;
	ask_redis(l);
	told(l);
}

static void disconnect(void *arg)
{
	struct look *l = arg;
	if (l->pg)
		pg_close(l->pg);
	if (l->redis)
		redis_close(l->redis);
	l->pg = NULL;
	l->redis = NULL;
	l->pg_up = l->redis_up = l->asking = l->asking_slow = l->probing = false;
}

void look_start(struct look *l)
{
	if (l->on)
		return;
	l->on = true;
	timer_stop(&l->linger);
	if (!l->pg) {
		struct pg_events pe = {.on_up = on_pg_up, .on_down = on_pg_down, .arg = l};
		struct pg_options po = {.conninfo = l->o.conninfo, .application = "fairlead-page"};
		struct redis_events re = {.on_up = on_redis_up, .on_down = on_redis_down, .arg = l};
		l->seen.nrates = 0;
		l->pg = pg_open(l->o.loop, &po, &pe);
		l->redis = redis_open(l->o.loop, l->o.redis_url, &re);
	}
	timer_start(l->o.loop, &l->timer, 1, on_tick, l);
}

void look_stop(struct look *l)
{
	if (!l->on)
		return;
	l->on = false;
	timer_stop(&l->timer);
	timer_start(l->o.loop, &l->linger, LINGER_MS, disconnect, l);
}

void look_now(struct look *l)
{
	ask_figures(l);
}

struct look *look_open(const struct look_options *o)
{
	struct look *l = mem_alloc(sizeof *l);
	l->o = *o;
	figures_init(&l->seen.figures);
	l->seen.config = o->config;
	l->seen.now = clock_wall_ms();
	l->seen.redis_ms = l->seen.pg_ms = -1;
	pg_for_people(l->seen.pg_server, sizeof l->seen.pg_server, o->conninfo);
	return l;
}

void look_close(struct look *l)
{
	if (!l)
		return;
	timer_free(&l->timer);
	timer_free(&l->linger);
	disconnect(l);
	figures_fini(&l->seen.figures);
	arena_fini(&l->seen.beat_mem);
	l->closed = true;
	if (l->in_flight == 0)
		free(l);
}

struct seen *look_seen(struct look *l)
{
	return &l->seen;
}

struct pg *look_pg(struct look *l)
{
	return l->pg_up ? l->pg : NULL;
}
