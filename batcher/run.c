#include "batcher/run.h"

#include "batcher/applier.h"

struct batcher {
	struct member *m;
	struct applier *appliers; /* a list: one a chain */
	int draining;
};

static void on_start(void *arg, struct member *m)
{
	struct batcher *b = arg;
	b->m = m;
	for (size_t i = 0; i < m->config->nchains; i++) {
		struct applier *a = applier_open(m, &m->config->chains[i], i == 0);
		a->next = b->appliers;
		b->appliers = a;
	}
}

static void on_applier_drained(void *arg)
{
	struct batcher *b = arg;
	if (--b->draining == 0)
		member_drained(b->m);
}

static void on_drain(void *arg)
{
	struct batcher *b = arg;
	struct applier *a = b->appliers;
	b->appliers = NULL;
	b->draining = 1;
	for (struct applier *next; a; a = next) {
		next = a->next;
		b->draining++;
		applier_drain(a, on_applier_drained, b);
	}
	on_applier_drained(b);
}

static void on_wish(void *arg, const char *kind, const char *subject)
{
	const struct batcher *b = arg;
	bool ours = !*kind || text_is(kind, "flush") || text_is(kind, "item") || text_is(kind, "replay");
	for (struct applier *a = b->appliers; ours && a; a = a->next)
		applier_wish(a, kind, subject);
}

static void reasons(void *arg, struct buf *out)
{
	const struct batcher *b = arg;
	for (const struct applier *a = b->appliers; a; a = a->next)
		applier_reasons(a, out);
}

static void beat(void *arg, struct beat *b)
{
	const struct batcher *s = arg;
	for (const struct applier *a = s->appliers; a; a = a->next)
		applier_beat(a, b);
}

static void status(void *arg, struct buf *out)
{
	const struct batcher *b = arg;
	buf_text(out, "\"chains\":[");
	for (const struct applier *a = b->appliers; a; a = a->next) {
		applier_status(a, out);
		if (a->next)
			buf_char(out, ',');
	}
	buf_text(out, "],");
}

int batcher_main(int argc, char **argv)
{
	static struct batcher b;
	static const struct option_decl none[] = {{0}};
	static const struct member_program p = {
		.decl = {.name = "fairlead-batcher",
			.what = "applies the rules: events become rows and items, items become batches",
			.extra = none},
		.short_name = "batcher",
		.arg = &b,
		.on_start = on_start,
		.on_wish = on_wish,
		.on_drain = on_drain,
		.reasons = reasons,
		.status = status,
		.beat = beat,
	};
	return member_main(&p, argc, argv);
}
