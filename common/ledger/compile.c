#include "common/ledger/compile_in.h"

#include <stdlib.h>

static void on_notice(void *arg, const PGresult *r)
{
	struct compiler *k = arg;
	if (text_is(PQresultErrorField(r, PG_DIAG_SQLSTATE), "42622")) /* name_too_long */
		k->cut_name = true;
}

/* One text value of a query of ours; arg is $1 or NULL. */
static const char *ask(struct compiler *k, const char *query, const char *arg)
{
	const char *params[1] = {arg};
	PGresult *r = PQexecParams(k->conn, query, arg ? 1 : 0, NULL, params, NULL, NULL, 0);
	const char *v = NULL;
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		sql_failed(k, r, "compiling the rules");
	else if (PQntuples(r) == 1)
		v = arena_text(&k->mem, PQgetvalue(r, 0, 0));
	PQclear(r);
	return v;
}

static int chain_id(struct compiler *k, const struct chain_decl *chain)
{
	const char *id = ask(k, "SELECT id FROM fairlead.chain WHERE name = $1", chain->name);
	if (!id && !k->failed) {
		err_put(k->e, ERR_REJECTED, "the chain %s has no row in fairlead.chain", chain->name);
		k->failed = true;
	}
	return id ? atoi(id) : 0;
}

/* Everything that stood is made anew: a schema of generated code and of nothing else. Its rights stay. */
static void script_head(struct compiler *k)
{
	buf_text(&k->script,
		"CREATE SCHEMA IF NOT EXISTS fairlead_app;\n"
		"DO $$ DECLARE f regprocedure; BEGIN\n"
		"FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = "
		"'fairlead_app'::regnamespace LOOP EXECUTE 'DROP FUNCTION ' || f; END "
		"LOOP; END $$;\n"
		"DELETE FROM fairlead.topic;\n"
		"CREATE UNLOGGED TABLE IF NOT EXISTS fairlead_app.compared (rule text, n bigint, "
		"data jsonb NOT NULL, PRIMARY KEY (rule, n));\n"
		"CREATE FUNCTION fairlead_app.raw(p text, p_hex bool) RETURNS bytea IMMUTABLE "
		"STRICT LANGUAGE sql AS $$ SELECT CASE WHEN p_hex AND p "
		"~ '^0x([0-9a-fA-F]{2})*$' THEN decode(substr(p, 3), 'hex') ELSE convert_to(p, 'UTF8') END $$;\n");
}

/* Rights follow the roles of the programs, where a database has them. */
static void script_tail(struct compiler *k)
{
	buf_text(&k->script, "DO $$ DECLARE r text; BEGIN FOREACH r IN ARRAY ARRAY['fairlead_batcher', "
						 "'fairlead_reconciler'] LOOP\n"
						 "IF EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN\n"
						 "EXECUTE format('GRANT USAGE ON SCHEMA fairlead_app TO %I', r);\n"
						 "EXECUTE format('GRANT SELECT, INSERT, DELETE ON fairlead_app.compared TO %I', r);\n"
						 "END IF; END LOOP; END $$;\n");
}

/* An `at: final` rule that is new begins where its chain's lane stands, like any other new rule. */
static void script_position(struct compiler *k, const struct chain_decl *chain, int id)
{
	if (lane_has_final(k->c, chain))
		buf_printf(&k->script,
			"INSERT INTO fairlead.position (chain, name, at) SELECT %d, 'final', coalesce((SELECT at FROM "
			"fairlead.lane WHERE name = %s), 0) ON "
			"CONFLICT DO NOTHING;\n",
			id, quote(k, arena_printf(&k->mem, "apply:%s", chain->name)));
	else
		buf_printf(&k->script, "DELETE FROM fairlead.position WHERE chain = %d AND name = 'final';\n", id);
}

static void compile_all(struct compiler *k)
{
	const struct config *c = k->c;
	script_head(k);
	for (size_t i = 0; i < c->nchains && !k->failed; i++) {
		int id = chain_id(k, &c->chains[i]);
		lane_functions(k, &c->chains[i], id);
		script_position(k, &c->chains[i], id);
	}
	for (size_t i = 0; i < c->nchains && !k->failed; i++)
		if (lane_has_happen(c, &c->chains[i]))
			happen_function(k, &c->chains[i], chain_id(k, &c->chains[i]));
	struct arena shapes = {0};
	if (!k->failed)
		route_shapes(k, &shapes, false);
	arena_fini(&shapes);
	for (size_t i = 0; i < c->nbatches && !k->failed; i++)
		batch_functions(k, i, chain_id(k, c->batches[i].signer->chain));
	for (size_t i = 0; i < c->nrules && !k->failed; i++)
		if (!c->rules[i].off && c->rules[i].compare)
			compare_functions(k, &c->rules[i]);
	script_tail(k);
}

static void batches_init(struct compiler *k)
{
	k->batches = arena_alloc(&k->mem, (k->c->nbatches + 1) * sizeof(*k->batches));
	for (size_t i = 0; i < k->c->nbatches; i++) {
		size_t n = k->c->batches[i].nnames + 1;
		k->batches[i].types = arena_alloc(&k->mem, n * sizeof(Oid));
		k->batches[i].from = arena_alloc(&k->mem, n * sizeof(char *));
	}
}

bool compile_begin(struct compiler *k)
{
	k->notices = PQsetNoticeReceiver(k->conn, on_notice, k);
	k->path = ask(k, "SELECT current_setting('search_path')", NULL);
	k->level = k->failed ? NULL : ask(k, "SELECT current_setting('client_min_messages')", NULL);
	if (!k->failed)
		PQclear(sql_exec(k, "SET LOCAL search_path = public, pg_catalog; SET LOCAL client_min_messages = "
							"notice; SAVEPOINT fairlead_compile"));
	if (!k->failed)
		batches_init(k);
	return !k->failed;
}

void compile_end(struct compiler *k)
{
	if (!k->failed)
		PQclear(sql_exec(k, "RELEASE SAVEPOINT fairlead_compile"));
	if (!k->failed)
		ask(k, "SELECT set_config('search_path', $1, true)", k->path);
	if (!k->failed)
		ask(k, "SELECT set_config('client_min_messages', $1, true)", k->level);
	PQsetNoticeReceiver(k->conn, k->notices, NULL);
	buf_fini(&k->script);
	arena_fini(&k->mem);
}

bool compile_application(const struct config *c, PGconn *conn, struct problems *ps, struct err *e)
{
	struct compiler k = {.c = c, .conn = conn, .ps = ps, .e = e};
	size_t before = ps->n;
	if (compile_begin(&k))
		compile_all(&k);
	if (!k.failed && ps->n == before)
		PQclear(sql_exec(&k, k.script.p));
	compile_end(&k);
	return !k.failed;
}
