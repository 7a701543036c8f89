#include "common/ledger/rules.h"
#include "common/app/config.h"
#include "common/base/mem.h"

#include <stdio.h>

/* The name of a compiled function depends on the configuration, so its statement does too: each is made once
 * and kept for the life of the process, as many as there are declared things. */
struct call_text {
	struct call_text *next;
	char name[64], text[320];
};
static struct call_text *calls;

/* columns: of the answer. Names of declared things are [A-Za-z][A-Za-z0-9_]*, 40 at most: no quotes can occur
 * in them. */
static void call_columns(
	struct pg_unit *u, const char *columns, const char *prefix, const char *name, const char *args)
{
	char full[64];
	int n = snprintf(full, sizeof(full), "%s%s", prefix, name);
	must(n > 0 && (size_t)n < sizeof(full) && !strchr(name, '"'));
	struct call_text *c = calls;
	while (c && !text_is(c->name, full))
		c = c->next;
	if (!c) {
		c = mem_alloc(sizeof(*c));
		memcpy(c->name, full, sizeof(full));
		n = snprintf(c->text, sizeof(c->text), "SELECT %s FROM fairlead_app.\"%s\"(%s)", columns, full, args);
		must(n > 0 && (size_t)n < sizeof(c->text));
		c->next = calls;
		calls = c;
	}
	pg_stmt(u, &(struct pg_sql){c->name, c->text});
}

static void call(struct pg_unit *u, const char *prefix, const char *name, const char *args)
{
	call_columns(u, "*", prefix, name, args);
}

static void call_run(
	struct pg_unit *u, const struct lane *lane, const char *prefix, const char *chain, int64_t max)
{
	call(u, prefix, chain, "$1, $2");
	pg_put_int(u, lane->epoch);
	pg_put_int(u, max);
}

void rules_apply(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t max, bool tail)
{
	call(u, "apply_", chain, "$1, $2, $3");
	pg_put_int(u, lane->epoch);
	pg_put_int(u, max);
	pg_put_bool(u, tail);
}

void rules_history(struct pg_unit *u, const struct lane *lane, const char *chain, int n, int64_t max)
{
	call(u, "history_", chain, "$1, $2, $3");
	pg_put_int(u, lane->epoch);
	pg_put_int(u, n);
	pg_put_int(u, max);
}

void rules_replay(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t wish, int64_t max)
{
	call(u, "replay_", chain, "$1, $2, $3");
	pg_put_int(u, lane->epoch);
	pg_put_int(u, wish);
	pg_put_int(u, max);
}

void rules_replay_bury(
	struct pg_unit *u, const struct lane *lane, int64_t wish, int64_t seq, const char *state, struct str text)
{
	static const struct pg_sql sql = {
		"rules_replay_bury", "SELECT fairlead.replay_bury($1, $2, $3, $4, $5, $6)"};
	pg_stmt(u, &sql);
	pg_put_text(u, lane->name);
	pg_put_int(u, lane->epoch);
	pg_put_int(u, wish);
	pg_put_int(u, seq);
	pg_put_text(u, state);
	pg_put_str(u, text);
}

void rules_final(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t max)
{
	call_run(u, lane, "final_", chain, max);
}

void rules_happen(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t max)
{
	call_run(u, lane, "happen_", chain, max);
}

static void call_page(
	struct pg_unit *u, const struct lane *lane, const char *name, int64_t behind, int64_t max)
{
	call(u, "unpark_", name, "$1, $2, $3");
	pg_put_int(u, lane->epoch);
	pg_put_int(u, behind);
	pg_put_int(u, max);
}

void rules_unpark(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t behind, int64_t max)
{
	call_page(u, lane, chain, behind, max);
}

/* Columns of apply, final and unpark. */
enum {
	RAN_FROM,
	RAN_TO,
	RAN_HEAD,
	RAN_EVENTS,
	RAN_ITEMS,
	RAN_PARKED,
	RAN_UNDONE,
	RAN_STOP_SEQ,
	RAN_STOP_STATE,
	RAN_STOP_TEXT,
	RAN_LINES,
	RAN_DUE
};

void rules_ran_read(const struct pg_reply *r, int stmt, struct rules_ran *out)
{
	*out = (struct rules_ran){.from = pg_get_int(r, stmt, 0, RAN_FROM),
		.to = pg_get_int(r, stmt, 0, RAN_TO),
		.head = pg_get_int(r, stmt, 0, RAN_HEAD),
		.events = pg_get_int(r, stmt, 0, RAN_EVENTS),
		.items = pg_get_int(r, stmt, 0, RAN_ITEMS),
		.parked = pg_get_int(r, stmt, 0, RAN_PARKED),
		.undone = pg_get_int(r, stmt, 0, RAN_UNDONE),
		.stop_seq = pg_get_int(r, stmt, 0, RAN_STOP_SEQ),
		.due = pg_get_bool(r, stmt, 0, RAN_DUE)};
	if (!out->stop_seq)
		return;
	snprintf(out->stop_state, sizeof(out->stop_state), "%s", pg_get_text(r, stmt, 0, RAN_STOP_STATE));
	out->stop_text = pg_get(r, stmt, 0, RAN_STOP_TEXT);
}

struct lines {
	void (*fn)(void *arg, const struct rules_line *l);
	void *arg;
};

/* rule ␟ event ␟ tx ␟ block ␟ text: the text is last and may hold the separator itself. */
static void on_line(void *arg, struct str item)
{
	struct lines *ls = arg;
	struct str part[5] = {{0}};
	for (size_t i = 0; i < 5; i++) {
		const char *end = i < 4 && item.n ? memchr(item.p, 0x1f, item.n) : NULL;
		part[i] = (struct str){item.p, end ? (size_t)(end - item.p) : item.n};
		size_t used = part[i].n + (end != NULL);
		item.p += used;
		item.n -= used;
	}
	ls->fn(ls->arg, &(struct rules_line){part[0], part[1], part[2], part[3], part[4]});
}

void rules_lines_each(
	const struct pg_reply *r, int stmt, void (*fn)(void *arg, const struct rules_line *l), void *arg)
{
	struct lines ls = {fn, arg};
	if (!pg_is_null(r, stmt, 0, RAN_LINES))
		pg_get_array(r, stmt, 0, RAN_LINES, on_line, &ls);
}

void rules_bury(struct pg_unit *u, const struct lane *lane, const char *chain, int64_t seq, const char *state,
	struct str text, int tries, bool final)
{
	call(u, "bury_", chain, "$1, $2, $3, $4, $5, $6");
	pg_put_int(u, lane->epoch);
	pg_put_int(u, seq);
	pg_put_text(u, state);
	pg_put_str(u, text);
	pg_put_int(u, tries);
	pg_put_bool(u, final);
}

void rules_bury_happening(
	struct pg_unit *u, const struct lane *lane, int64_t id, const char *state, struct str text, int tries)
{
	static const struct pg_sql sql = {
		"rules_bury_happening", "SELECT fairlead.happening_bury($1, $2, $3, $4, $5, $6)"};
	pg_stmt(u, &sql);
	pg_put_text(u, lane->name);
	pg_put_int(u, lane->epoch);
	pg_put_int(u, id);
	pg_put_text(u, state);
	pg_put_str(u, text);
	pg_put_int(u, tries);
}

bool rules_buried(const struct pg_reply *r, int stmt)
{
	return pg_get_bool(r, stmt, 0, 0);
}

/* batches as its count and ends: the ids themselves are in PostgreSQL, and the array may be long. */
void rules_cut(
	struct pg_unit *u, const struct lane *lane, const char *batch, int64_t max, int64_t limit, bool all)
{
	call_columns(u,
		"cardinality(batches), items, parked, batches[1], batches[cardinality(batches)], waiting, oldest_ms, "
		"next_ms",
		"cut_", batch, "$1, $2, $3, $4");
	pg_put_int(u, lane->epoch);
	pg_put_int(u, max);
	pg_put_int(u, limit);
	pg_put_bool(u, all);
}

static void waits_read(const struct pg_reply *r, int stmt, int col, struct rules_waits *out)
{
	out->waiting = pg_get_int(r, stmt, 0, col);
	out->oldest_ms = pg_get_int(r, stmt, 0, col + 1);
	out->next_ms = pg_get_int(r, stmt, 0, col + 2);
}

void rules_cut_read(const struct pg_reply *r, int stmt, struct rules_was_cut *out)
{
	*out = (struct rules_was_cut){.batches = pg_get_int(r, stmt, 0, 0),
		.items = pg_get_int(r, stmt, 0, 1),
		.parked = pg_get_int(r, stmt, 0, 2),
		.first_batch = pg_get_int(r, stmt, 0, 3),
		.last_batch = pg_get_int(r, stmt, 0, 4)};
	waits_read(r, stmt, 5, &out->left);
}

void rules_peek(struct pg_unit *u, const char *batch)
{
	call(u, "peek_", batch, "");
}

void rules_peek_read(const struct pg_reply *r, int stmt, struct rules_waits *out)
{
	waits_read(r, stmt, 0, out);
}

void rules_unpark_batch(
	struct pg_unit *u, const struct lane *lane, const char *batch, int64_t behind, int64_t max)
{
	call_page(u, lane, batch, behind, max);
}

int64_t rules_released(const struct pg_reply *r, int stmt, int64_t *last)
{
	*last = pg_get_int(r, stmt, 0, 1);
	return pg_get_int(r, stmt, 0, 0);
}

void rules_read(struct pg_unit *u, const struct lane *lane, const char *rule)
{
	call(u, "read_", rule, "$1");
	pg_put_int(u, lane->epoch);
}

int64_t rules_read_rows(const struct pg_reply *r, int stmt)
{
	return pg_get_int(r, stmt, 0, 0);
}

void rules_rows(struct pg_unit *u, const char *rule, int64_t behind, int64_t max)
{
	static const struct pg_sql rows = {"rules_rows",
		"SELECT n, data FROM fairlead_app.compared WHERE rule = $1 AND n > $2 ORDER BY n LIMIT $3"};
	pg_stmt(u, &rows);
	pg_put_text(u, rule);
	pg_put_int(u, behind);
	pg_put_int(u, max);
}

void rules_fix(struct pg_unit *u, const struct lane *lane, const char *rule, struct str row, struct str chain)
{
	call(u, "fix_", rule, "$1, $2, $3");
	pg_put_int(u, lane->epoch);
	pg_put_str(u, row);
	pg_put_str(u, chain);
}

void rules_missing(struct pg_unit *u, const struct lane *lane, const char *rule, struct str row)
{
	call(u, "missing_", rule, "$1, $2");
	pg_put_int(u, lane->epoch);
	pg_put_str(u, row);
}

int64_t rules_fixed(const struct pg_reply *r, int stmt)
{
	return pg_get_int(r, stmt, 0, 0);
}

static bool on_chain(const struct rule_decl *r, const char *chain)
{
	for (size_t i = 0; i < r->nevents; i++)
		if (text_is(r->events[i]->contract->chain->name, chain))
			return true;
	return false;
}

/* Has it a trigger of that chain's lane: CHAIN.final, which the log itself says, or another? */
static bool has_trigger(const struct rule_decl *r, const char *chain, bool final)
{
	for (size_t i = 0; i < r->ntriggers; i++)
		if (text_is(r->triggers[i].chain->name, chain) &&
			(!r->triggers[i].batch && text_is(r->triggers[i].kind, "final")) == final)
			return true;
	return false;
}

bool rules_has_final(const struct config *c, const char *chain)
{
	for (size_t i = 0; i < c->nrules; i++)
		if (!c->rules[i].off && ((c->rules[i].at_final && on_chain(&c->rules[i], chain)) ||
									has_trigger(&c->rules[i], chain, true)))
			return true;
	return false;
}

bool rules_has_plain(const struct config *c, const char *chain)
{
	for (size_t i = 0; i < c->nrules; i++)
		if (!c->rules[i].off && !c->rules[i].at_final && on_chain(&c->rules[i], chain))
			return true;
	return false;
}

bool rules_has_happen(const struct config *c, const char *chain)
{
	for (size_t i = 0; i < c->nrules; i++)
		if (!c->rules[i].off && has_trigger(&c->rules[i], chain, false))
			return true;
	return false;
}

bool rules_has_park(const struct config *c, const char *chain)
{
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].nsteps && !c->rules[i].off && on_chain(&c->rules[i], chain); j++)
			if (c->rules[i].steps[j].kind == STEP_LET && c->rules[i].steps[j].missing == MISSING_PARK)
				return true;
	return false;
}

bool rules_is_replayed(const struct rule_decl *r, const struct chain_decl *chain)
{
	for (size_t i = 0; i < r->nevents; i++)
		if (r->events[i]->contract->chain != chain)
			return false;
	return !r->off && r->nevents > 0;
}
