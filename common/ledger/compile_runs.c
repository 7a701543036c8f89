/* A run of rules that are plain INSERTs, below the window, or of one event type with one plain `batch:`, is a
 * few statements (two to three times the rate of the loop). Whatever they raise (two events of one key, a
 * poison event) is left to the loop behind, which finds whose fault it is. */
#include "common/ledger/compile_in.h"

enum {
	INSERTS_MAX = 64,
	LONG_RUNS = 5, /* × p_max below the window, where a run is a few statements whatever its length */
};

/* The rules of some branches as statements over a run. */
struct inserts {
	struct run_insert list[INSERTS_MAX];
	size_t n;
	bool sure;
};

static bool inserts_add(struct body *b, const struct branch *br, struct inserts *in)
{
	const struct config *c = b->k->c;
	for (size_t i = 0; i < c->nrules; i++) {
		if (!lane_runs(b, &c->rules[i], br->ev))
			continue;
		if (in->n == INSERTS_MAX || !insert_of_run(b, &c->rules[i], br->ev, br->table, &in->list[in->n]))
			return false;
		in->sure &= in->list[in->n++].sure;
	}
	return true;
}

/* Rules of different tables that no foreign key joins don't see each other: each may do the whole run by
 * itself. */
static bool strangers(struct compiler *k, const struct inserts *in)
{
	struct buf o = {0};
	if (in->n < 2)
		return in->n == 1;
	buf_text(&o,
		"SELECT count(DISTINCT t.rel) = count(*) AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype "
		"= 'f' AND f.confrelid = ANY (array_agg(t.rel)) AND (f.conrelid = ANY (array_agg(t.rel)) OR "
		"f.confupdtype NOT IN ('a', 'r'))) FROM (SELECT to_regclass(x)::oid AS rel FROM unnest(ARRAY[");
	for (size_t i = 0; i < in->n; i++)
		buf_printf(&o, "%s%s", i ? ", " : "", in->list[i].table);
	buf_text(&o, "]) x) t");
	bool yes = text_is(sql_answer(k, NULL, arena_textn(&k->mem, o.p, o.n)), "t");
	buf_fini(&o);
	return yes;
}

static void begins(struct buf *o)
{
	buf_text(o, "BEGIN\nPERFORM set_config('fairlead.seq', '', true);\n");
}

static void ends(struct buf *o, const struct branch *br, size_t n, const char *lane)
{
	buf_text(o, "SET CONSTRAINTS ALL IMMEDIATE;\n_fl.v_events := 0;\n");
	for (size_t i = 0; i < n; i++)
		buf_printf(o,
			"_fl.v_events := _fl.v_events + (SELECT count(*) FROM %s e WHERE e._seq > _fl.v_from AND e._seq "
			"<= _fl.hi);\n",
			br[i].table);
	lane_moves(o, lane);
	buf_text(o, "RETURN;\nEXCEPTION WHEN OTHERS THEN NULL; END;\n");
}

/* No event of another type stands in the run. */
static void only_of(struct buf *o, const struct branch *br, size_t n, size_t i)
{
	buf_text(o, "IF true");
	for (size_t j = 0; j < n; j++)
		if (j != i)
			buf_printf(o, " AND NOT EXISTS (SELECT FROM %s e WHERE e._seq > _fl.v_from AND e._seq <= _fl.hi)",
				br[j].table);
	buf_text(o, " THEN\n");
}

static void inserts_code(
	struct buf *o, const struct inserts *in, const struct branch *br, size_t n, const char *lane)
{
	begins(o);
	for (size_t i = 0; i < in->n; i++)
		buf_text(o, in->list[i].look);
	for (size_t i = 0; i < in->n; i++)
		buf_text(o, in->list[i].act);
	ends(o, br, n, lane);
}

/* All branches as one, or one after the other where the others have no event. Value: true when no key that
 * comes back makes it raise. */
static bool inserts_of(struct body *b, struct buf *o, const struct branch *br, size_t n, const char *lane)
{
	struct inserts *in = arena_alloc(&b->k->mem, sizeof(*in));
	bool together = true;
	*in = (struct inserts){.sure = true};
	for (size_t i = 0; together && i < n; i++)
		together = inserts_add(b, &br[i], in);
	if (together && strangers(b->k, in)) {
		inserts_code(o, in, br, n, lane);
		return in->sure;
	}
	for (size_t i = 0; n > 1 && i < n; i++) {
		*in = (struct inserts){.sure = true};
		if (!inserts_add(b, &br[i], in) || !strangers(b->k, in))
			continue;
		only_of(o, br, n, i);
		inserts_code(o, in, &br[i], 1, lane);
		buf_text(o, "END IF;\n");
	}
	return false;
}

/* Below the window no images are kept: a run ends before it, and may be longer. What the loop then does is no
 * longer than elsewhere. */
static void insert_set_wise(
	struct body *b, const struct branch *br, size_t n, const char *last, const char *lane)
{
	struct buf code = {0};
	bool sure = inserts_of(b, &code, br, n, lane);
	if (code.n)
		buf_printf(&b->code,
			"IF _fl.first < _fl.f THEN\n"
			"_fl.hi := greatest(least(%s, _fl.f - 1, _fl.first - 1 + CASE WHEN p_max > 1 THEN p_max * %d "
			"ELSE p_max END), _fl.v_from);\n%s"
			"_fl.hi := least(_fl.hi, _fl.first - 1 + p_max);\nEND IF;\n",
			last, sure ? LONG_RUNS : 1, code.p);
	buf_fini(&code);
}

/* The one rule of this lane on an event; NULL: there are more. */
static const struct rule_decl *simple_rule(const struct body *b, const struct event_decl *ev)
{
	const struct rule_decl *one = NULL;
	size_t n = 0;
	for (size_t i = 0; i < b->k->c->nrules; i++)
		if (lane_runs(b, &b->k->c->rules[i], ev)) {
			one = &b->k->c->rules[i];
			n++;
		}
	return n == 1 ? one : NULL;
}

void lane_set_wise(struct body *b, const struct branch *br, size_t n, const char *last, const char *lane)
{
	insert_set_wise(b, br, n, last, lane);
	for (size_t i = 0; i < n; i++) {
		const struct rule_decl *r = simple_rule(b, br[i].ev);
		if (!r || !steps_is_one_batch(r))
			continue;
		only_of(&b->code, br, n, i);
		begins(&b->code);
		steps_set_wise(b, r, br[i].ev, br[i].table);
		ends(&b->code, &br[i], 1, lane);
		buf_text(&b->code, "END IF;\n");
	}
}
