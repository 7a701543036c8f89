#include "common/ledger/messages.h"

#include <stdio.h>

void messages_publish(struct pg_unit *u, const char *topic, const char *type, struct str data)
{
	static const struct pg_sql sql = {"messages_publish", "SELECT fairlead.publish($1, $2, $3::jsonb)"};
	pg_stmt(u, &sql);
	pg_put_text(u, topic);
	pg_put_text(u, type);
	pg_put_str(u, data);
}

static bool is_of_chain(const struct rule_decl *r, const char *chain)
{
	for (size_t i = 0; i < r->nevents; i++)
		if (text_is(r->events[i]->contract->chain->name, chain))
			return true;
	for (size_t i = 0; i < r->ntriggers; i++)
		if (text_is(r->triggers[i].chain->name, chain))
			return true;
	return false;
}

bool messages_of_rules(const struct config *c, const char *chain)
{
	for (size_t i = 0; i < c->nrules; i++)
		for (size_t j = 0; j < c->rules[i].nsteps; j++)
			if (c->rules[i].steps[j].kind == STEP_PUBLISH && !c->rules[i].off &&
				is_of_chain(&c->rules[i], chain))
				return true;
	return false;
}

void messages_look(struct pg_unit *u)
{
	static const struct pg_sql sql = {
		"messages_look", "SELECT EXISTS (SELECT FROM fairlead.message WHERE seq IS NULL)"};
	pg_stmt(u, &sql);
}

bool messages_wait(const struct pg_reply *r, int stmt)
{
	return pg_get_bool(r, stmt, 0, 0);
}

void messages_number(struct pg_unit *u, const struct lane *clock, int limit)
{
	static const struct pg_sql sql = {
		"messages_number", "SELECT last, n FROM fairlead.number_messages($1, $2)"};
	pg_stmt(u, &sql);
	pg_put_int(u, clock->epoch);
	pg_put_int(u, limit);
}

int64_t messages_numbered(const struct pg_reply *r, int stmt, int64_t *last)
{
	*last = pg_get_int(r, stmt, 0, 0);
	return pg_get_int(r, stmt, 0, 1);
}

void messages_prune(struct pg_unit *u, const struct lane *clock, uint64_t keep_ms)
{
	static const struct pg_sql sql = {
		"messages_prune", "SELECT fairlead.prune_messages($1, $2::bigint * interval '1 ms')"};
	pg_stmt(u, &sql);
	pg_put_int(u, clock->epoch);
	pg_put_int(u, (int64_t)keep_ms);
}

void messages_ends(struct pg_unit *u)
{
	static const struct pg_sql sql = {"messages_ends",
		"SELECT l.at, coalesce((SELECT seq FROM fairlead.message WHERE seq IS NOT NULL ORDER BY seq LIMIT "
		"1), l.at + 1) FROM fairlead.message_log l"};
	pg_stmt(u, &sql);
}

void messages_ends_read(const struct pg_reply *r, int stmt, int64_t *newest, int64_t *oldest)
{
	*newest = pg_get_int(r, stmt, 0, 0);
	*oldest = pg_get_int(r, stmt, 0, 1);
}

/* The arrays of a filter: whole topics, beginnings of topics, fields and their values. */
static void put_filter(struct pg_unit *u, const struct message_filter *f)
{
	size_t topics = f ? f->ntopics : 0, where = f ? f->nwhere : 0;
	for (int open = 0; open < 2; open++) {
		pg_array_open(u);
		for (size_t i = 0; i < topics; i++) {
			struct str t = str_of(f->topics[i]);
			bool is_open = t.n && t.p[t.n - 1] == '*';
			if (is_open == open)
				pg_item_text(u, (struct str){t.p, t.n - is_open});
		}
		pg_array_close(u);
	}
	PG_ARRAY(u, i, where, pg_item_text(u, str_of(f->where[i].field)));
	PG_ARRAY(u, i, where, pg_item_text(u, str_of(f->where[i].value)));
}

#define READ                                                                               \
	"SELECT seq, topic, type, data::text, retracted FROM fairlead.message WHERE seq > $1 " \
	"AND seq <= $2"

void messages_read(
	struct pg_unit *u, int64_t after, int64_t upto, int limit, const struct message_filter *filter)
{
	static const struct pg_sql all = {"messages_read", READ " ORDER BY seq LIMIT $3"};
	static const struct pg_sql some = {"messages_read_some",
		READ " AND (topic = ANY ($4::text[]) OR EXISTS (SELECT FROM unnest($5::text[]) b WHERE "
			 "starts_with(topic, b)))"
			 " AND NOT EXISTS (SELECT FROM unnest($6::text[], $7::text[]) w(f, v) GROUP BY f"
			 " HAVING NOT coalesce(coalesce(data #>> string_to_array(f, '.'), data #>> "
			 "string_to_array('args.' || f, '.')) = ANY (array_agg(v)), false))"
			 " ORDER BY seq LIMIT $3"};
	pg_stmt(u, filter ? &some : &all);
	pg_put_int(u, after);
	pg_put_int(u, upto);
	pg_put_int(u, limit);
	if (filter)
		put_filter(u, filter);
}

void messages_row(const struct pg_reply *r, int stmt, int row, struct message *out)
{
	*out = (struct message){.seq = pg_get_int(r, stmt, row, 0),
		.topic = pg_get(r, stmt, row, 1),
		.data = pg_get(r, stmt, row, 3),
		.retracted = pg_get_bool(r, stmt, row, 4)};
	if (!pg_is_null(r, stmt, row, 2))
		out->type = pg_get(r, stmt, row, 2);
}

void messages_topics(struct pg_unit *u)
{
	static const struct pg_sql sql = {
		"messages_topics", "SELECT topic, type, cause, final, schema, rule FROM fairlead.topic ORDER BY n"};
	pg_stmt(u, &sql);
}
