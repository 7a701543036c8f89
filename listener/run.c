#include "listener/run.h"

#include "listener/reader.h"
#include "listener/sweep.h"

struct listener {
	struct member *m;
	struct reader *readers; /* a list: one a chain */
	int draining;
};

static void on_start(void *arg, struct member *m)
{
	struct listener *l = arg;
	l->m = m;
	for (size_t i = 0; i < m->config->nchains; i++) {
		struct reader *r = reader_open(m, &m->config->chains[i]);
		r->next = l->readers;
		l->readers = r;
	}
}

static void on_reader_drained(void *arg)
{
	struct listener *l = arg;
	if (--l->draining == 0)
		member_drained(l->m);
}

static void on_drain(void *arg)
{
	struct listener *l = arg;
	struct reader *r = l->readers;
	l->readers = NULL;
	l->draining = 1;
	for (struct reader *next; r; r = next) {
		next = r->next;
		l->draining++;
		reader_drain(r, on_reader_drained, l);
	}
	on_reader_drained(l);
}

static void on_pg(void *arg, bool up)
{
	const struct listener *l = arg;
	for (struct reader *r = l->readers; up && r; r = r->next)
		reader_pg_up(r);
}

static void on_wish(void *arg, const char *kind, const char *subject)
{
	const struct listener *l = arg;
	bool any = !*kind, ours = any || text_is(kind, "catchup");
	for (const struct reader *r = l->readers; ours && r; r = r->next)
		if (any || text_is(r->chain->name, subject))
			sweep_wish(r->sweep);
}

static void reasons(void *arg, struct buf *out)
{
	const struct listener *l = arg;
	for (const struct reader *r = l->readers; r; r = r->next)
		reader_reasons(r, out);
}

static void beat(void *arg, struct beat *b)
{
	const struct listener *l = arg;
	for (const struct reader *r = l->readers; r; r = r->next)
		reader_beat(r, b);
}

static void status(void *arg, struct buf *out)
{
	const struct listener *l = arg;
	buf_text(out, "\"chains\":[");
	for (const struct reader *r = l->readers; r; r = r->next) {
		reader_status(r, out);
		if (r->next)
			buf_char(out, ',');
	}
	buf_text(out, "],");
}

int listener_main(int argc, char **argv)
{
	static struct listener l;
	static const struct option_decl extra[] = {
		{"--from", "BLOCK", OPTION_ACT, "reads again from BLOCK (or start) on, once"},
		{"--replay", "A..B", OPTION_ACT, "reads A to B again: what stands stays"}, {0}};
	static const struct member_program p = {
		.decl = {.name = "fairlead-listener",
			.what = "reads chains: every log becomes one row, never lost, never twice",
			.extra = extra},
		.short_name = "listener",
		.generic_plans = true,
		.arg = &l,
		.on_start = on_start,
		.on_pg = on_pg,
		.on_wish = on_wish,
		.on_drain = on_drain,
		.reasons = reasons,
		.status = status,
		.beat = beat,
	};
	return member_main(&p, argc, argv);
}
