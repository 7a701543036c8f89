#include "reconciler/pane.h"

#include "common/base/sentence.h"
#include "reconciler/view_text.h"

#include <cJSON.h>
#include <inttypes.h>

struct writer {
	struct buf *out;
	int64_t now_ms;
};

static const char *text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

static const cJSON *list(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static void rich(struct writer *w, const char *text)
{
	sentence_plain(w->out, str_of(text), w->now_ms, " ");
}

static void parked(struct writer *w, const cJSON *o)
{
	const cJSON *g;
	if (!cJSON_GetArraySize(list(list(o, "parked"), "groups")))
		buf_text(w->out, "Nothing is parked.\n");
	cJSON_ArrayForEach(g, list(list(o, "parked"), "groups"))
	{
		rich(w, text_of(g, "what"));
		buf_text(w->out, "   ");
		rich(w, text_of(g, "sub"));
		buf_text(w->out, "\n\t");
		rich(w, text_of(g, "cause"));
		buf_text(w->out, "\n\t");
		rich(w, text_of(g, "cure"));
		buf_char(w->out, '\n');
	}
}

static void chains(struct writer *w, const cJSON *o)
{
	const cJSON *c, *e;
	cJSON_ArrayForEach(c, list(o, "chains"))
	{
		buf_printf(w->out, "%s, chain id %s\n\t", text_of(c, "name"), text_of(c, "network"));
		rich(w, text_of(c, "text"));
		buf_char(w->out, '\n');
		cJSON_ArrayForEach(e, list(c, "endpoints"))
		{
			const cJSON *ms = list(e, "ms");
			buf_printf(w->out, "\t%s   %s   ", text_of(e, "host"), text_of(e, "use"));
			if (cJSON_IsNumber(ms))
				buf_printf(w->out, "%.1f ms   ", ms->valuedouble);
			rich(w, text_of(e, "text"));
			buf_char(w->out, '\n');
		}
	}
}

static void signers(struct writer *w, const cJSON *o)
{
	const cJSON *s, *f;
	if (!cJSON_GetArraySize(list(o, "signers")))
		buf_text(w->out, "No signer is declared.\n");
	cJSON_ArrayForEach(s, list(o, "signers"))
	{
		const cJSON *base = list(s, "base");
		const cJSON *newest = cJSON_GetArrayItem(base, cJSON_GetArraySize(base) - 1);
		buf_printf(w->out, "%s   %s\n", text_of(s, "name"), text_of(s, "address"));
		cJSON_ArrayForEach(f, list(s, "facts"))
		{
			buf_printf(w->out, "\t%-12s ", text_of(f, "name"));
			rich(w, text_of(f, "text"));
			buf_char(w->out, '\n');
		}
		if (cJSON_IsArray(newest))
			buf_printf(w->out, "\tbase fee %s gwei%s%s\n", cJSON_GetArrayItem(newest, 1)->valuestring,
				*text_of(s, "cap") ? ", our cap " : "", text_of(s, "cap"));
	}
}

static void story(struct writer *w, const cJSON *o)
{
	const cJSON *l;
	rich(w, text_of(o, "title"));
	buf_char(w->out, '\n');
	if (*text_of(o, "you")) {
		buf_text(w->out, "\tYou can: ");
		rich(w, text_of(o, "you"));
		buf_char(w->out, '\n');
	}
	cJSON_ArrayForEach(l, list(o, "lines"))
	{
		const cJSON *at = list(l, "at");
		char clock[16] = "now     ";
		if (cJSON_IsNumber(at))
			view_clock(clock, (int64_t)at->valuedouble);
		buf_printf(w->out, "\t%s  %s ", clock, text_of(l, "verb"));
		rich(w, text_of(l, "text"));
		buf_char(w->out, '\n');
	}
	cJSON_ArrayForEach(l, list(o, "elsewhere"))
		buf_printf(w->out, "\t%s\n", cJSON_IsString(l) ? l->valuestring : "");
}

static void routes(struct writer *w, const cJSON *o)
{
	const cJSON *r;
	if (!cJSON_GetArraySize(list(o, "routes")))
		buf_text(w->out, "No route was asked yet.\n");
	cJSON_ArrayForEach(r, list(o, "routes"))
		buf_printf(w->out, "\t%-36s %10.0f asked   %6.0f refused   %6.0f failed\n", text_of(r, "route"),
			list(r, "asked")->valuedouble, list(r, "refused")->valuedouble, list(r, "failed")->valuedouble);
}

static void keys(struct buf *out)
{
	buf_text(out,
		"Keys\n\t/        filter: a key, a hash, a block, \"batch 41397\"; enter takes it, esc leaves it\n"
		"\tj k      the next line, the one before\n\tenter    its whole story, and back\n"
		"\tp c s r  parked, chains, signers, routes\n\tesc      back\n\tq        quit\n");
}

void pane_of(struct buf *out, enum view_section section, struct str json, int64_t now_ms, bool utf8)
{
	struct writer w = {.out = out, .now_ms = now_ms};
	cJSON *o = cJSON_ParseWithLength(json.p ? json.p : "", json.n);
	(void)utf8;
	switch (section) {
	case VIEW_PARKED: parked(&w, o); break;
	case VIEW_CHAINS: chains(&w, o); break;
	case VIEW_SIGNERS: signers(&w, o); break;
	case VIEW_STORY: story(&w, o); break;
	case VIEW_ROUTES: routes(&w, o); break;
	case VIEW_KEYS: keys(out); break;
	case VIEW_NOW: break;
	}
	cJSON_Delete(o);
}
