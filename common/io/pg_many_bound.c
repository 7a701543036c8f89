#include "common/base/mem.h"
#include "common/io/pg_many_in.h"

#include <stdlib.h>

/* libpq holds a result whole, however large it is, unless its rows come one by one. */

/* One cancel: a connection of its own to the server, made beside the loop. */
struct many_cancel {
	PGcancel *handle;
	struct many_conn *conn; /* NULL: it is gone */
};

enum { HITS_MAX = 5 };

static bool has_bound(const struct many *m)
{
	return m->o.max_rows || m->o.max_bytes;
}

static const struct expect *first(const struct many_conn *c)
{
	return &c->expect[c->first_expect];
}

/* "This function must be called after PQsendQuery … and before PQgetResult": in a pipeline, when the
 * statement has become the first one and nothing of it was read. At any other time libpq refuses, and nothing
 * changes. */
void many_row_mode(struct many_conn *c)
{
	if (has_bound(c->many) && first(c)->kind == EXPECT_ROWS)
		PQsetSingleRowMode(c->conn);
}

static void on_thread(void *arg)
{
	struct many_cancel *k = arg;
	char why[256];
	/* When it fails, the statement ends by its statement_timeout; until then its rows are let go. */
	PQcancel(k->handle, why, sizeof why);
}

static void cancel(struct many_conn *c);

static void on_cancelled(void *arg)
{
	struct many_cancel *k = arg;
	struct many_conn *c = k->conn;
	if (c) {
		c->cancel = NULL;
		c->strays = c->busy;
	}
	if (c && c->cancel_owed && c->sent.first && c->sent.first->too_large)
		cancel(c);
	PQfreeCancel(k->handle);
	free(k);
}

static void cancel(struct many_conn *c)
{
	c->cancel_owed = c->cancel != NULL;
	PGcancel *handle = c->cancel ? NULL : PQgetCancel(c->conn);
	if (!handle)
		return;
	c->cancel = mem_alloc(sizeof *c->cancel);
	*c->cancel = (struct many_cancel){handle, c};
	loop_work(c->many->loop, on_thread, on_cancelled, c->cancel);
}

void many_cancel_forget(struct many_conn *c)
{
	if (c->cancel)
		c->cancel->conn = NULL;
	c->cancel = NULL;
	c->cancel_owed = false;
	c->strays = 0;
}

bool many_is_stray(const struct many_conn *c, struct read *r, const PGresult *res)
{
	bool hit = (c->cancel || c->strays) && !r->too_large && r->hits < HITS_MAX &&
			   text_is(PQresultErrorField(res, PG_DIAG_SQLSTATE), "57014");
	r->hits += hit;
	return hit;
}

static void keep(PGresult **all, const PGresult *row)
{
	if (!*all) {
		must(*all = PQcopyResult(row, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES));
		return;
	}
	int n = PQntuples(*all);
	for (int i = 0; i < PQnfields(row); i++) {
		bool null = PQgetisnull(row, 0, i);
		must(PQsetvalue(*all, n, i, null ? NULL : PQgetvalue(row, 0, i), null ? -1 : PQgetlength(row, 0, i)));
	}
}

static bool is_above(const struct many *m, const struct read *r)
{
	size_t rows = 0, bytes = 0;
	for (size_t i = 0; i < r->n; i++) {
		rows += r->results[i] ? (size_t)PQntuples(r->results[i]) : 0;
		bytes += r->results[i] ? PQresultMemorySize(r->results[i]) : 0;
	}
	return (m->o.max_rows && rows > m->o.max_rows) || (m->o.max_bytes && bytes > m->o.max_bytes);
}

void many_row(struct many_conn *c, PGresult *row)
{
	struct many *m = c->many;
	const struct expect *x = first(c);
	struct read *r = x->read;
	if (!r->too_large)
		keep(&r->results[x->step], row);
	PQclear(row);
	if (r->too_large || !is_above(m, r))
		return;
	many_results_clear(r);
	r->too_large = r->failed = true;
	r->reply.failed = x->step;
	err_put(&r->reply.err, ERR_REJECTED, "the answer is larger than %zu rows or %zu KiB", m->o.max_rows,
		m->o.max_bytes >> 10);
	cancel(c);
}
