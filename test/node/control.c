#include "test/node/control.h"

#include <stdio.h>

bool control_on(struct world *w, const cJSON *o, struct chosen *out, struct err *e)
{
	const cJSON *on = json_get(o, "on"), *v;
	out->n = 0;
	for (size_t i = 0; !on && i < w->nendpoints; i++)
		out->list[out->n++] = &w->endpoints[i];
	for (v = cJSON_IsArray(on) ? on->child : on; v && out->n < ENDPOINTS_MOST;
		 v = cJSON_IsArray(on) ? v->next : NULL) {
		uint64_t i = json_u64(v, UINT64_MAX);
		if (i >= w->nendpoints)
			return err_set(e, ERR_MALFORMED, "on: there are the endpoints 0 to %zu", w->nendpoints - 1);
		out->list[out->n++] = &w->endpoints[i];
	}
	return true;
}

bool control_known(const cJSON *o, const char *names, struct err *e)
{
	const cJSON *v;
	if (!cJSON_IsObject(o))
		return true;
	cJSON_ArrayForEach(v, o)
	{
		char word[64];
		snprintf(word, sizeof word, " %s ", v->string);
		char all[512];
		snprintf(all, sizeof all, " %s on branch ", names);
		if (!strstr(all, word))
			return err_set(e, ERR_MALFORMED, "nothing is called %s here; there are: %s", v->string, names);
	}
	return true;
}

struct branch *control_branch(struct world *w, const cJSON *o, struct err *e)
{
	const char *name = json_text(o, "branch");
	struct branch *b = chain_branch(&w->chain, name);
	if (!b)
		err_put(e, ERR_MALFORMED, "there is no branch %s", name);
	return b;
}

void control_put_head(struct buf *out, const struct branch *b)
{
	const struct block *k = branch_head(b);
	buf_char(out, '{');
	put_field_number(out, "head", k->number);
	put_field_data(out, "hash", k->hash, 32);
	put_field_number(out, "logs", k->nlogs);
	buf_char(out, '}');
}

static const struct command *find(const char *name)
{
	const struct command *const tables[] = {chain_commands, endpoint_commands, memory_commands};
	for (size_t i = 0; i < 3; i++)
		for (const struct command *c = tables[i]; c->name; c++)
			if (text_is(c->name, name))
				return c;
	return NULL;
}

/* An object may hold several commands: done in their order; its answer has the same names. */
static bool run_object(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	const cJSON *v;
	if (!cJSON_IsObject(o))
		return err_set(e, ERR_MALFORMED, "a command is an object: {\"mine\": 3}");
	buf_char(out, '{');
	cJSON_ArrayForEach(v, o)
	{
		const struct command *c = find(v->string);
		if (!c)
			return err_set(e, ERR_MALFORMED, "there is no command %s", v->string);
		put_key(out, v->string);
		size_t at = out->n;
		if (!c->fn(w, v, out, e))
			return err_prefix(e, "%s", v->string);
		if (out->n == at)
			buf_text(out, "null");
	}
	buf_char(out, '}');
	return true;
}

int control_run(struct world *w, struct str body, struct buf *out)
{
	cJSON *o = cJSON_ParseWithLength(body.p, body.n);
	struct err e = {.class = ERR_NONE};
	bool ok = o != NULL || err_set(&e, ERR_MALFORMED, "the commands are not JSON");
	if (ok && cJSON_IsArray(o)) {
		const cJSON *v;
		buf_char(out, '[');
		cJSON_ArrayForEach(v, o)
		{
			if (out->p[out->n - 1] != '[')
				buf_char(out, ',');
			ok = ok && run_object(w, v, out, &e);
		}
		buf_char(out, ']');
	} else if (ok) {
		ok = run_object(w, o, out, &e);
	}
	cJSON_Delete(o);
	if (ok)
		return 200;
	buf_clear(out);
	buf_char(out, '{');
	put_field_text(out, "error", e.text);
	buf_char(out, '}');
	return 400;
}
