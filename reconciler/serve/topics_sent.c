/* One message as the hub keeps it: its frame, made once a kind of peer, and who it is for. */
#include "reconciler/serve/topics_in.h"

#include "common/io/json_pick.h"

#include <inttypes.h>
#include <stdlib.h>

struct sent *sent_new(const struct message *m)
{
	struct sent *s = mem_alloc(sizeof *s);
	struct buf *b = &s->json;
	buf_text(b, "{\"type\":");
	buf_json(b, m->topic);
	buf_printf(b, ",\"seq\":%" PRId64, m->seq);
	if (m->type.p) {
		buf_text(b, ",\"name\":");
		buf_json(b, m->type);
	}
	buf_text(b, ",\"data\":");
	size_t data = b->n;
	buf_str(b, m->data);
	size_t end = b->n;
	buf_text(b, m->retracted ? ",\"retracted\":true}" : "}");
	s->seq = m->seq;
	s->topic = (struct str){mem_textn(m->topic.p, m->topic.n), m->topic.n};
	s->data = (struct str){b->p + data, end - data};
	s->bytes = b->n + m->topic.n + sizeof *s;
	return s;
}

void sent_free(struct sent *s)
{
	for (int i = 0; s && i < HUB_KINDS; i++)
		if (s->encoded[i])
			s->kinds[i]->drop(s->encoded[i]);
	if (!s)
		return;
	buf_fini(&s->json);
	free((char *)(uintptr_t)s->topic.p);
	free(s);
}

void *sent_encoded(struct sent *s, const struct hub_kind *k)
{
	if (!s->encoded[k->index]) {
		const struct hub_text t = {s->seq, s->topic, {s->json.p, s->json.n}};
		s->kinds[k->index] = k;
		s->encoded[k->index] = k->encode(&t);
	}
	return s->encoded[k->index];
}

bool topic_matches(const char *want, struct str topic)
{
	size_t n = strlen(want);
	if (n && want[n - 1] == '*')
		return topic.n >= n - 1 && memcmp(want, topic.p, n - 1) == 0;
	return str_is(topic, want);
}

static bool any_matches(const char *const *topics, size_t n, struct str topic)
{
	for (size_t i = 0; i < n; i++)
		if (topic_matches(topics[i], topic))
			return true;
	return false;
}

bool path_may(const struct ws_decl *path, struct str topic)
{
	return path->ntopics == 0 || any_matches(path->topics, path->ntopics, topic);
}

/* The text form of a field of data, or of its args: as PostgreSQL's #>> gives it. p NULL: there is none. */
static struct str field_text(struct arena *a, struct str data, const char *field)
{
	const char *const paths[] = {field, arena_printf(a, "args.%s", field)};
	struct str raw[2], text;
	if (!json_pick(raw, paths, 2, data))
		return (struct str){0};
	for (int i = 0; i < 2; i++)
		if (raw[i].p && !str_is(raw[i], "null"))
			return json_pick_text(a, &text, raw[i]) ? text : raw[i];
	return (struct str){0};
}

static bool where_holds(struct arena *a, const struct sub *s, struct str data)
{
	bool ok = true;
	for (size_t i = 0; ok && i < s->nwhere; i++) {
		struct str is = field_text(a, data, s->where[i].field);
		ok = false;
		for (size_t j = 0; is.p && j < s->nwhere && !ok; j++)
			ok = text_is(s->where[i].field, s->where[j].field) && str_is(is, s->where[j].value);
	}
	return ok;
}

bool sent_is_for(const struct sent *m, const struct sub *s)
{
	if (!any_matches(s->topics, s->ntopics, m->topic) || !path_may(s->peer->path, m->topic))
		return false;
	if (!s->nwhere)
		return true;
	bool holds = where_holds(&s->peer->hub->mem, s, m->data);
	arena_reset(&s->peer->hub->mem);
	return holds;
}
