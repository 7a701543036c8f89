#include "common/ledger/requests.h"

#include <stdio.h>
#include <stdlib.h>

void request_post_item(
	struct pg_unit *u, const char *batch, struct str key, struct str args, struct str trace)
{
	static const struct pg_sql sql = {"request_item", "SELECT fairlead.post_item($1, $2, $3, $4)"};
	pg_stmt(u, &sql);
	pg_put_text(u, batch);
	if (key.p)
		pg_put_str(u, key);
	else
		pg_put_null(u);
	pg_put_str(u, args);
	if (trace.n)
		pg_put_str(u, trace);
	else
		pg_put_null(u);
}

void request_post_message(struct pg_unit *u, const char *topic, const char *type, struct str data)
{
	static const struct pg_sql sql = {"request_message", "SELECT fairlead.post_message($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_text(u, topic);
	pg_put_text(u, type);
	pg_put_str(u, data);
}

const char *const wish_words[] = {"catchup", "flush", "run", "replay"};

void request_wish(struct pg_unit *u, enum wish w, const char *subject, int64_t from)
{
	static const struct pg_sql sql = {"request_wish", "SELECT fairlead.wish_for($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_text(u, wish_words[w]);
	pg_put_text(u, subject);
	if (from == INT64_MIN)
		pg_put_null(u);
	else
		pg_put_int(u, from);
}

void request_wish_look(struct pg_unit *u, int64_t id)
{
	static const struct pg_sql sql = {"request_wish_look", "SELECT id FROM fairlead.wish WHERE id = $1"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
}

void request_sent_look(struct pg_unit *u, const char *batch, int64_t job)
{
	static const struct pg_sql sql = {"request_sent",
		"SELECT i.state, coalesce(i.reason, ''), v.ok, '0x' || encode(v.hash, 'hex'), '0x' || "
		"encode(v.signer, 'hex'), v.block"
		" FROM fairlead.item i LEFT JOIN LATERAL"
		" (SELECT s.ok, s.hash, a.signer, s.block FROM fairlead.attempt_item x"
		"   JOIN fairlead.attempt a ON a.hash = x.hash"
		"   JOIN fairlead.standing s ON s.hash = x.hash AND s.standing <> 'taken back'"
		"  WHERE x.item = i.id ORDER BY s.ok DESC, s.at DESC LIMIT 1) v ON true"
		" WHERE i.batch_of = $1 AND i.key = $2"};
	pg_stmt(u, &sql);
	pg_put_text(u, batch);
	pg_put_int(u, job);
}

bool request_sent_read(const struct pg_reply *r, int stmt, struct request_sent *out)
{
	if (pg_rows(r, stmt) == 0)
		return false;
	*out = (struct request_sent){.state = pg_get(r, stmt, 0, 0),
		.reason = pg_get(r, stmt, 0, 1),
		.mined = !pg_is_null(r, stmt, 0, 2),
		.ok = pg_get_bool(r, stmt, 0, 2),
		.hash = pg_get_text(r, stmt, 0, 3),
		.from = pg_get_text(r, stmt, 0, 4),
		.block = pg_get_int(r, stmt, 0, 5)};
	return true;
}

void request_job_id(struct pg_unit *u)
{
	static const struct pg_sql sql = {"request_job_id", "SELECT fairlead.new_job_id()"};
	pg_stmt(u, &sql);
}

static void put_ms(struct pg_unit *u, uint64_t ms)
{
	char text[40];
	snprintf(text, sizeof text, "%llu ms", (unsigned long long)ms);
	pg_put_text(u, text);
}

void request_job_add(struct pg_unit *u, const struct request_job *j)
{
	static const struct pg_sql sql = {
		"request_job_add", "SELECT fairlead.job_add($1, $2, $3, $4, $5, $6, $7)"};
	pg_stmt(u, &sql);
	pg_put_int(u, j->id);
	pg_put_str(u, j->route);
	pg_put_bytes(u, j->digest, sizeof j->digest);
	pg_put_int(u, j->step);
	pg_put_str(u, j->names);
	pg_put_str(u, j->request);
	pg_put_str(u, j->trace);
}

static void put_known(struct pg_unit *u, const struct known_steps *known)
{
	PG_ARRAY(u, i, known->n, pg_item_bytes(u, known->digests[i], sizeof known->digests[i]));
}

void request_job_take(struct pg_unit *u, const char *holder, uint64_t for_ms, const struct known_steps *known)
{
	static const struct pg_sql sql = {"request_job_take",
		"SELECT id, route, names, request, trace, digest, step, tries FROM fairlead.job_take($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_text(u, holder);
	put_ms(u, for_ms);
	put_known(u, known);
}

void request_job_strangers(struct pg_unit *u, uint64_t for_ms, const struct known_steps *known)
{
	static const struct pg_sql sql = {"request_job_strangers",
		"SELECT id, route, names, request, trace, digest, step, tries FROM fairlead.job_strangers($1, $2)"};
	pg_stmt(u, &sql);
	put_known(u, known);
	put_ms(u, for_ms);
}

void request_job_hold(struct pg_unit *u, int64_t id, const char *holder, uint64_t for_ms)
{
	static const struct pg_sql sql = {"request_job_hold", "SELECT fairlead.job_hold($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_text(u, holder);
	put_ms(u, for_ms);
}

bool request_job_taken(const struct pg_reply *r, int stmt, struct request_job *out)
{
	if (pg_rows(r, stmt) == 0)
		return false;
	*out = (struct request_job){.id = pg_get_int(r, stmt, 0, 0),
		.route = pg_get(r, stmt, 0, 1),
		.names = pg_get(r, stmt, 0, 2),
		.request = pg_get(r, stmt, 0, 3),
		.trace = pg_get(r, stmt, 0, 4),
		.step = (int)pg_get_int(r, stmt, 0, 6),
		.tries = (int)pg_get_int(r, stmt, 0, 7)};
	must(pg_get_bytes(r, stmt, 0, 5, out->digest, sizeof out->digest));
	return true;
}

void request_job_step(
	struct pg_unit *u, int64_t id, const char *holder, int step, struct str names, uint64_t for_ms)
{
	static const struct pg_sql sql = {"request_job_step", "SELECT fairlead.job_step($1, $2, $3, $4, $5)"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_text(u, holder);
	if (step < 0)
		pg_put_null(u);
	else
		pg_put_int(u, step);
	pg_put_str(u, names);
	put_ms(u, for_ms);
}

void request_job_fail(
	struct pg_unit *u, int64_t id, const char *holder, bool dead, const char *sqlstate, const char *reason)
{
	static const struct pg_sql sql = {"request_job_fail", "SELECT fairlead.job_fail($1, $2, $3, $4, $5)"};
	pg_stmt(u, &sql);
	pg_put_int(u, id);
	pg_put_text(u, holder);
	pg_put_bool(u, dead);
	pg_put_text(u, sqlstate);
	pg_put_text(u, reason);
}

static void put_key(struct pg_unit *u, const struct once_key *k)
{
	pg_put_text(u, k->route);
	pg_put_str(u, k->who);
	pg_put_str(u, k->key);
}

void request_once_take(struct pg_unit *u, const struct once_key *k, uint64_t for_ms)
{
	static const struct pg_sql sql = {"request_once_take",
		"SELECT state, status, type, body, step, names, turn FROM "
		"fairlead.once_take($1, $2, $3, $4, $5, $6)"};
	pg_stmt(u, &sql);
	put_key(u, k);
	pg_put_bytes(u, k->digest, sizeof k->digest);
	pg_put_bytes(u, k->steps, 32);
	put_ms(u, for_ms);
}

void request_once_found(const struct pg_reply *r, int stmt, struct once_found *out)
{
	static const char *const states[] = {"mine", "stored", "running", "other", "changed"};
	*out = (struct once_found){.status = (int)pg_get_int(r, stmt, 0, 1),
		.type = pg_is_null(r, stmt, 0, 2) ? NULL : pg_get_text(r, stmt, 0, 2),
		.step = (int)pg_get_int(r, stmt, 0, 4),
		.turn = (int)pg_get_int(r, stmt, 0, 6),
		.stmt = stmt};
	if (!pg_is_null(r, stmt, 0, 5))
		out->names = pg_get(r, stmt, 0, 5);
	while (out->state < ONCE_CHANGED && !text_is(states[out->state], pg_get_text(r, stmt, 0, 0)))
		out->state++;
}

void request_once_keep(struct pg_unit *u, const struct once_key *k, int step, struct str names,
	uint64_t for_ms, int status, const char *type, struct str body)
{
	static const struct pg_sql sql = {
		"request_once_keep", "SELECT fairlead.once_keep($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
	pg_stmt(u, &sql);
	put_key(u, k);
	pg_put_int(u, k->turn);
	pg_put_int(u, step);
	pg_put_str(u, names);
	put_ms(u, for_ms);
	if (!status) {
		pg_put_null(u);
		pg_put_null(u);
		pg_put_null(u);
		return;
	}
	pg_put_int(u, status);
	pg_put_text(u, type);
	pg_put_bytes(u, (const uint8_t *)body.p, body.n);
}

void request_once_free(struct pg_unit *u, const struct once_key *k)
{
	static const struct pg_sql sql = {"request_once_free", "SELECT fairlead.once_free($1, $2, $3, $4)"};
	pg_stmt(u, &sql);
	put_key(u, k);
	pg_put_int(u, k->turn);
}

void request_prune(struct pg_unit *u, int64_t clock_epoch, uint64_t answers_ms, uint64_t dead_ms)
{
	static const struct pg_sql sql = {"request_prune", "SELECT fairlead.prune_requests($1, $2, $3)"};
	pg_stmt(u, &sql);
	pg_put_int(u, clock_epoch);
	put_ms(u, answers_ms);
	put_ms(u, dead_ms);
}
