/* Acts by hand: what one would do, and doing it. */
#include "reconciler/page/page_in.h"

#include "common/base/sentence.h"
#include "common/io/log.h"
#include "common/ledger/orders.h"
#include "common/ledger/rules.h"
#include "reconciler/page/put.h"
#include "reconciler/serve/json.h"

#include <inttypes.h>
#include <stdio.h>

/* ── orders: one thing each, and PostgreSQL says in words what it would do, did, or what stands ── */

static bool names_rule(const struct config *c, const char *of)
{
	size_t n = strcspn(of, ":");
	uint64_t block;
	for (size_t i = 0; i < c->nrules; i++) {
		const struct rule_decl *r = &c->rules[i];
		if (strlen(r->name) == n && memcmp(r->name, of, n) == 0 && r->nevents > 0)
			return rules_is_replayed(r, r->events[0]->contract->chain) &&
				   (!of[n] || (str_to_u64(str_of(of + n + 1), &block) && block <= INT64_MAX));
	}
	return false;
}

static bool names_signer(const struct config *c, const char *of)
{
	for (size_t i = 0; i < c->nsigners; i++)
		if (text_is(c->signers[i].name, of))
			return true;
	return false;
}

/* Retry and drop, which the page does to groups too, go their own way. */
static bool order_of(const struct job *j, enum order *out)
{
	for (enum order o = ORDER_CANCEL; o < ORDERS; o++)
		if (o != ORDER_RETRY && o != ORDER_DROP && text_is(j->act, order_words[o])) {
			*out = o;
			return true;
		}
	return false;
}

static bool order_names(const struct job *j, enum order o)
{
	uint64_t n;
	const struct config *c = j->p->m->config;
	switch (o) {
	case ORDER_FREEZE:
	case ORDER_THAW: return names_signer(c, j->of);
	case ORDER_REPLAY: return names_rule(c, j->of);
	default: return str_to_u64(str_of(j->of), &n) && n <= INT64_MAX;
	}
}

/* What would be done may be; anything else is what stands, in words. */
static void put_order(struct job *j, const char *reason)
{
	static const char *const labels[ORDERS] = {
		"Cancel it", "Resend it", "", "", "Freeze it", "Thaw it", "Replay it"};
	enum order o;
	struct buf b = {0}, text = {0};
	sentence_say(&text, str_of(reason), SENTENCE_TEXT, clock_wall_ms());
	put_open(&b, NULL, '{');
	if (j->kind == JOB_ACT_ASK && order_of(j, &o)) {
		put_text(&b, "act", j->act);
		put_text(&b, "of", j->of);
		put_text(&b, "label", labels[o]);
		put_text(&b, "effect", text.p);
		put_bool(&b, "may", text_starts(reason, "would_"));
		put_text(&b, "why", NULL);
	} else {
		put_bool(&b, "done", text_is(sentence_tone(str_of(reason)), "good"));
		put_text(&b, "text", text.p);
	}
	put_close(&b, '}');
	put_end(&b);
	buf_fini(&text);
	page_answer(j->v, 200, &b);
}

static void on_order(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	if (page_job_failed(j, r))
		return;
	const char *reason = orders_said(r, 0);
	if (!*reason) {
		visit_refuse(j->v, 404, "There is no %s to %s", j->of, j->act);
	} else {
		if (j->kind == JOB_ACT_DO)
			log_info("act", "Somebody acted by hand", F_STR("act", j->act), F_STR("of", j->of),
				F_STR("said", reason), F_STR("who", j->v->who ? j->v->who : "admin"));
		look_now(j->p->look);
		put_order(j, reason);
	}
	page_job_free(j);
}

/* ── retry, drop, flush ── */

bool page_act_of(struct job *j)
{
	const char *of = j->of;
	const struct config *c = j->p->m->config;
	uint64_t n;
	j->id = j->letter = -1;
	j->group = text_starts(of, "group:g");
	if (text_is(j->act, "flush"))
		return config_batch(c, of);
	if (j->group)
		of += 7;
	bool letter = *of == 'd';
	if (!str_to_u64(str_of(letter ? of + 1 : of), &n) || n > INT64_MAX)
		return false;
	*(letter ? &j->letter : &j->id) = (int64_t)n;
	return true;
}

static void put_effect(struct job *j, const char *what, const char *state, int64_t n, struct act_words *w)
{
	snprintf(j->what, sizeof j->what, "%.90s", what);
	act_words(w, j->act, j->what, state, n);
}

static int64_t of_group(const struct job *j)
{
	const struct figures *f = &look_seen(j->p->look)->figures;
	for (size_t i = 0; j->group && i < f->ngroups; i++)
		if (f->groups[i].newest == j->id)
			return f->groups[i].n;
	return 1;
}

static void on_act_known(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct act_words w;
	struct buf b = {0};
	if (page_job_failed(j, r))
		return;
	if (text_is(j->act, "flush")) {
		put_effect(j, j->of, "", 1, &w);
	} else if (pg_rows(r, 0) == 0) {
		visit_refuse(j->v, 404, "There is no life %s", j->of);
		page_job_free(j);
		return;
	} else if (j->letter >= 0) {
		put_effect(j, "that event", *pg_get_text(r, 0, 0, 7) ? "done" : "letter", 1, &w);
	} else {
		put_effect(j, pg_get_text(r, 0, 0, 1), pg_get_text(r, 0, 0, 3), of_group(j), &w);
	}
	act_put(&b, NULL, j->act, j->of, &w);
	put_end(&b);
	page_answer(j->v, 200, &b);
	page_job_free(j);
}

static void on_acted(void *arg, const struct pg_reply *r)
{
	struct job *j = arg;
	struct buf b = {0};
	char text[160];
	if (page_job_failed(j, r))
		return;
	int64_t n = pg_get_int(r, 0, 0, 0);
	if (n == 0 && !text_is(j->act, "flush")) {
		visit_refuse(j->v, 409, "Nothing was done: %s is neither parked nor dead any more", j->of);
		page_job_free(j);
		return;
	}
	snprintf(text, sizeof text,
		text_is(j->act, "drop")    ? "Dropped %" PRId64 ": never sent."
		: text_is(j->act, "flush") ? "%" PRId64 " leave now."
								   : "%" PRId64 " wait for the next batch.",
		n);
	log_info("act", "Somebody acted by hand", F_STR("act", j->act), F_STR("of", j->of), F_INT("n", n),
		F_STR("who", j->v->who ? j->v->who : "admin"));
	look_now(j->p->look);
	put_open(&b, NULL, '{');
	put_bool(&b, "done", true);
	put_text(&b, "text", text);
	put_close(&b, '}');
	put_end(&b);
	page_answer(j->v, 200, &b);
	page_job_free(j);
}

pg_done_fn page_act_ask(struct job *j, struct pg_unit *u)
{
	enum order o;
	if (order_of(j, &o)) {
		orders_ask(u, o, "admin", j->of, j->kind == JOB_ACT_DO);
		return on_order;
	}
	if (j->kind == JOB_ACT_ASK) {
		page_life_ask(j, u);
		return on_act_known;
	}
	if (text_is(j->act, "flush"))
		act_flush_ask(u, "admin", j->of);
	else if (text_is(j->act, "retry"))
		act_retry_ask(u, "admin", j->of, j->id, j->group);
	else
		act_drop_ask(u, "admin", j->of, j->id, j->group, j->letter);
	return on_acted;
}

static bool is_admin(struct page *p, struct visit *v, const char **why)
{
	*why = "The file names no auth called admin, so nobody may act";
	if (!p->admin ||
		!auth_let_in(p->admin, http_header(v->q, "Authorization"), clock_wall_ms() / 1000, &v->names, why))
		return false;
	v->who = "admin";
	return true;
}

static bool known_act(struct job *j)
{
	enum order o;
	if (order_of(j, &o))
		return order_names(j, o);
	return (text_is(j->act, "retry") || text_is(j->act, "drop") || text_is(j->act, "flush")) &&
		   page_act_of(j);
}

static void on_act_asked(void *arg, struct visit *v)
{
	struct page *p = arg;
	struct str act = page_query(v, "act"), of = page_query(v, "of");
	const char *why;
	if (act.n == 0) {
		struct buf b = {0};
		put_open(&b, NULL, '{');
		put_bool(&b, "admin", is_admin(p, v, &why));
		put_close(&b, '}');
		put_end(&b);
		page_answer(v, 200, &b);
		return;
	}
	struct job *j = page_job_new(p, v, JOB_ACT_ASK);
	snprintf(j->act, sizeof j->act, "%.*s", (int)(act.n < 11 ? act.n : 11), act.p);
	snprintf(j->of, sizeof j->of, "%.*s", (int)(of.n < 119 ? of.n : 119), of.p ? of.p : "");
	if (known_act(j)) {
		page_job_start(j);
		return;
	}
	visit_refuse(v, 400,
		"act is retry or drop of a life or a group, flush of a batch of the file, cancel or resend of a "
		"batch's "
		"number, freeze or thaw of a signer, replay of a rule (rule or rule:block)");
	page_job_free(j);
}

static bool read_act(struct job *j)
{
	struct err e = {0};
	struct str body = http_body(j->v->q), name;
	size_t at = 0;
	struct json value;
	if (!json_check(body, 4, &e))
		return false;
	struct json doc = json_value(body);
	while (doc.kind == JSON_OBJECT && json_next(doc, &at, &name, &value)) {
		struct str text =
			value.kind == JSON_STRING ? json_string(j->v->a, value.text) : (struct str){NULL, 0};
		char *into = str_is(name, "\"act\"") ? j->act : str_is(name, "\"of\"") ? j->of : NULL;
		size_t room = into == j->act ? sizeof j->act : sizeof j->of;
		if (into && text.p && text.n < room)
			snprintf(into, room, "%.*s", (int)text.n, text.p);
	}
	return known_act(j);
}

/* A page of elsewhere can't act with what this browser keeps: the token is in no cookie, and Authorization
 * can only be sent by whoever has it. */
static void on_act(void *arg, struct visit *v)
{
	struct page *p = arg;
	const char *why;
	if (!is_admin(p, v, &why)) {
		visit_header(v, "WWW-Authenticate", "Bearer");
		visit_refuse(v, 401, "%s", why);
		return;
	}
	struct job *j = page_job_new(p, v, JOB_ACT_DO);
	if (read_act(j)) {
		page_job_start(j);
		return;
	}
	visit_refuse(v, 400,
		"The body is {\"act\": retry drop flush cancel resend freeze thaw or replay, \"of\": what it is "
		"about}");
	page_job_free(j);
}

static void admin_key(struct page *p)
{
	const struct serve_decl *s = &p->m->config->serve;
	struct err e = {0};
	for (size_t i = 0; i < s->nauths; i++)
		if (text_is(s->auths[i].name, "admin"))
			p->admin = auth_key_new(&s->auths[i], &e); /* what is wrong with it the door says */
}

void page_act_add(struct page *p)
{
	struct door *d = p->door;
	admin_key(p);
	door_add(d, "GET", "/_fairlead/act", on_act_asked, p);
	door_add(d, "POST", "/_fairlead/act", on_act, p);
}
