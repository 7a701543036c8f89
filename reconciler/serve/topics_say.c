/* What a peer says to the hub, and what it is answered: subscribe, unsubscribe, ping. A mistake is answered
 * with what is wrong and how it is written; the line stays. */
#include "reconciler/serve/topics_in.h"

#include "reconciler/serve/json.h"

#include <inttypes.h>
#include <stdlib.h>

enum { DEEPEST = 16, WORD_MAX = 512 };

/* ── answers ── */

static void say_error(struct hub_peer *p, const char *title, const char *detail)
{
	struct buf b = {0};
	buf_text(&b, "{\"error\":{\"title\":");
	buf_json(&b, str_of(title));
	buf_text(&b, ",\"detail\":");
	buf_json(&b, str_of(detail));
	buf_text(&b, "}}");
	peer_text(p, &b);
	buf_fini(&b);
}

static void put_words(struct buf *b, const char *const *words, size_t n)
{
	buf_text(b, n == 1 ? "" : "[");
	for (size_t i = 0; i < n; i++) {
		buf_text(b, i ? "," : "");
		buf_json(b, str_of(words[i]));
	}
	buf_text(b, n == 1 ? "" : "]");
}

void say_subscribed(struct sub *s)
{
	struct buf b = {0};
	s->confirmed = true;
	if (s->peer->kind->goes_on)
		return; /* a stream says so by its status */
	buf_text(&b, "{\"subscribed\":");
	put_words(&b, (const char *const *)s->topics, s->ntopics);
	buf_printf(&b, ",\"seq\":%" PRId64 "}", s->peer->hub->newest);
	peer_text(s->peer, &b);
	buf_fini(&b);
}

void say_not_there(struct sub *s)
{
	const struct hub *h = s->peer->hub;
	bool goes_on = s->peer->kind->goes_on;
	struct buf b = {0};
	if (s->cursor > h->newest)
		buf_printf(&b, "message %" PRId64 " was never sent: the newest is %" PRId64 "%s", s->cursor,
			h->newest,
			goes_on ? "; it goes on from there" : "; read your data anew and subscribe without from");
	else
		buf_printf(&b, "messages up to %" PRId64 " are gone; %s%" PRId64, h->oldest - 1,
			goes_on ? "it goes on with " : "read your data anew and subscribe without from, or from ",
			goes_on ? h->oldest : h->oldest - 1);
	say_error(s->peer,
		s->cursor > h->newest ? "That number is not there yet" : "That number is not there any more", b.p);
	buf_fini(&b);
}

/* ── words ── */

struct words { /* what one object says, in the arena */
	struct arena *a;
	const char **topics;
	struct message_where *where;
	struct hub_want want;
	struct err *e;
};

static bool word(struct arena *a, struct json v, const char **out)
{
	struct str s = v.kind == JSON_STRING ? json_string(a, v.text) : v.text;
	if (v.kind == JSON_OBJECT || v.kind == JSON_ARRAY || v.kind == JSON_NULL || !s.p || s.n > WORD_MAX ||
		memchr(s.p, 0, s.n))
		return false;
	*out = arena_textn(a, s.p, s.n);
	return true;
}

static bool one_topic(struct words *w, struct json v)
{
	const char *t;
	if (v.kind != JSON_STRING || !word(w->a, v, &t) || !*t)
		return err_set(w->e, ERR_REJECTED, "a topic is a text, as \"revoked\" or \"lock:*\"");
	if (w->want.ntopics == HUB_WORDS)
		return err_set(w->e, ERR_REJECTED, "a subscription has %d topics at most", HUB_WORDS);
	w->topics[w->want.ntopics++] = t;
	return true;
}

static bool read_topics(struct words *w, struct json v)
{
	size_t at = 0;
	struct json item;
	if (v.kind != JSON_ARRAY)
		return one_topic(w, v);
	while (json_next(v, &at, NULL, &item))
		if (!one_topic(w, item))
			return false;
	return w->want.ntopics || err_set(w->e, ERR_REJECTED, "no topic is named; * means all");
}

static bool one_where(struct words *w, const char *field, struct json v)
{
	const char *value;
	if (!word(w->a, v, &value))
		return err_set(w->e, ERR_REJECTED, "where.%s is a text, a number, a bool or a list of them", field);
	if (w->want.nwhere == HUB_WORDS)
		return err_set(w->e, ERR_REJECTED, "where has %d values at most", HUB_WORDS);
	w->where[w->want.nwhere++] = (struct message_where){field, value};
	return true;
}

static bool read_where(struct words *w, struct json v)
{
	size_t at = 0;
	struct str name;
	struct json value, item;
	if (v.kind != JSON_OBJECT)
		return err_set(w->e, ERR_REJECTED, "where is an object, as {\"lockId\": \"5\"}");
	while (json_next(v, &at, &name, &value)) {
		struct str field = json_string(w->a, name);
		size_t i = 0;
		if (!field.p || !field.n || field.n > WORD_MAX)
			return err_set(w->e, ERR_REJECTED, "a name in where is not a field's");
		const char *text = arena_textn(w->a, field.p, field.n);
		if (value.kind != JSON_ARRAY && !one_where(w, text, value))
			return false;
		while (value.kind == JSON_ARRAY && json_next(value, &i, NULL, &item))
			if (!one_where(w, text, item))
				return false;
		if (value.kind == JSON_ARRAY && i == 0)
			return err_set(w->e, ERR_REJECTED, "where.%s is an empty list: nothing could pass", text);
	}
	return true;
}

static bool read_from(struct words *w, struct json v)
{
	uint64_t from;
	struct str s = v.kind == JSON_STRING ? json_string(w->a, v.text) : v.text;
	if (v.kind == JSON_NULL)
		return true;
	if (!str_to_u64(s, &from) || from > INT64_MAX)
		return err_set(
			w->e, ERR_REJECTED, "from is the seq of the last message that you have, a whole number");
	w->want.from = (int64_t)from;
	return true;
}

/* ── subscribe ── */

/* A topic that stands in an earlier subscription leaves it: what is asked last holds. */
static size_t leave(struct hub_peer *p, const char *const *topics, size_t n)
{
	size_t left = 0;
	for (struct sub *s = p->subs, *next; s; s = next) {
		next = s->next;
		size_t kept = 0;
		for (size_t i = 0; i < s->ntopics; i++) {
			bool gone = false;
			for (size_t j = 0; j < n; j++)
				gone |= text_is(s->topics[i], topics[j]);
			if (!gone)
				s->topics[kept++] = s->topics[i];
			left += gone;
		}
		s->ntopics = kept;
		if (!kept)
			sub_drop(s);
	}
	return left;
}

static bool carries(const struct ws_decl *path, const char *topic)
{
	size_t n = strlen(topic);
	if (!n || topic[n - 1] != '*')
		return path_may(path, str_of(topic));
	for (size_t i = 0; i < path->ntopics; i++) {
		const char *own = path->topics[i];
		size_t m = strlen(own);
		bool open = m && own[m - 1] == '*';
		if (topic_matches(topic, (struct str){own, m - open}) ||
			(open && strncmp(own, topic, m - 1 < n - 1 ? m - 1 : n - 1) == 0))
			return true;
	}
	return path->ntopics == 0;
}

bool hub_may(const struct ws_decl *path, const struct hub_want *want, struct err *e)
{
	for (size_t i = 0; i < want->ntopics; i++)
		if (!carries(path, want->topics[i]))
			return err_set(
				e, ERR_REJECTED, "%s does not carry the topic %.100s", path->path, want->topics[i]);
	return true;
}

bool hub_subscribe(struct hub_peer *p, const struct hub_want *want, struct err *e)
{
	struct hub *h = p->hub;
	if (!hub_may(p->path, want, e))
		return false;
	hub_enter(h);
	leave(p, want->topics, want->ntopics);
	bool ok = p->nsubs < HUB_SUBSCRIPTIONS;
	if (ok)
		sub_go_on(sub_add(p, want));
	hub_exit(h);
	return ok || err_set(e, ERR_REJECTED, "a peer has %d subscriptions at most; name more topics in one",
					 HUB_SUBSCRIPTIONS);
}

static bool subscribe(struct hub_peer *p, struct words *w)
{
	w->want.topics = w->topics;
	w->want.where = w->where;
	return hub_subscribe(p, &w->want, w->e);
}

static bool unsubscribe(struct hub_peer *p, struct words *w)
{
	struct buf b = {0};
	const char *const *topics = w->topics;
	if (!leave(p, topics, w->want.ntopics))
		return err_set(w->e, ERR_REJECTED, "you are not subscribed to %s", topics[0]);
	buf_text(&b, "{\"unsubscribed\":");
	put_words(&b, topics, w->want.ntopics);
	buf_char(&b, '}');
	peer_text(p, &b);
	buf_fini(&b);
	return true;
}

static void pong(struct hub_peer *p, struct json v)
{
	struct buf b = {0};
	buf_text(&b, "{\"pong\":");
	buf_str(&b, v.text);
	buf_char(&b, '}');
	peer_text(p, &b);
	buf_fini(&b);
}

struct said {
	struct json subscribe, unsubscribe, ping, where, from; /* text.p NULL: not there */
};

static bool take_apart(struct str text, struct arena *a, struct said *out, struct err *e)
{
	size_t at = 0;
	struct str name;
	struct json v;
	if (!json_check(text, DEEPEST, e))
		return false;
	struct json all = json_value(text);
	if (all.kind != JSON_OBJECT)
		return err_set(e, ERR_REJECTED, "a message is one object");
	while (json_next(all, &at, &name, &v)) {
		struct str word = json_string(a, name);
		struct json *to = str_is(word, "subscribe")     ? &out->subscribe
						  : str_is(word, "unsubscribe") ? &out->unsubscribe
						  : str_is(word, "ping")        ? &out->ping
						  : str_is(word, "where")       ? &out->where
						  : str_is(word, "from")        ? &out->from
														: NULL;
		if (!to)
			return err_set(e, ERR_REJECTED,
				"%.*s is no word here; they are subscribe (with where and from), "
				"unsubscribe and ping",
				(int)(name.n < 60 ? name.n : 60), name.p);
		*to = v;
	}
	int verbs = !!out->subscribe.text.p + !!out->unsubscribe.text.p + !!out->ping.text.p;
	return verbs == 1 || err_set(e, ERR_REJECTED, "it says %s; one of subscribe, unsubscribe and ping",
							 verbs ? "two things at once" : "nothing");
}

static bool act(struct hub_peer *p, struct words *w, const struct said *s)
{
	if (s->ping.text.p) {
		pong(p, s->ping);
		return true;
	}
	if (!read_topics(w, s->subscribe.text.p ? s->subscribe : s->unsubscribe))
		return false;
	if (s->unsubscribe.text.p)
		return unsubscribe(p, w);
	return (!s->where.text.p || read_where(w, s->where)) && (!s->from.text.p || read_from(w, s->from)) &&
		   subscribe(p, w);
}

void hub_say(struct hub_peer *p, struct str text)
{
	struct hub *h = p->hub;
	struct arena mem = {0};
	struct err e = {0};
	struct said s = {0};
	struct words w = {.a = &mem, .e = &e, .want = {.from = -1}};
	w.topics = arena_alloc(&mem, HUB_WORDS * sizeof *w.topics);
	w.where = arena_alloc(&mem, HUB_WORDS * sizeof *w.where);
	hub_enter(h);
	if (!take_apart(text, &mem, &s, &e) || !act(p, &w, &s))
		say_error(p, "Not understood", e.text);
	hub_exit(h);
	arena_fini(&mem);
}
