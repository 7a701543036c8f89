/* app: small applications put together by hand, and a database of their own to compile them into.
 *
 * FAIRLEAD_TEST_PG is the conninfo of a superuser; each world makes and drops a database. Texts of SQL stand
 * on the line that is given, from column 1, so that the place of a mistake is its byte + 1. */
#ifndef TEST_LEDGER_APP_H
#define TEST_LEDGER_APP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/ledger/compile.h"
#include "test/unit/ledger/engine.h"
#include "common/app/sqltext.h"
#include "common/app/template.h"

enum { APP_RULES = 16, APP_STEPS = 8, APP_EVENTS = 8 };
struct app {
	struct arena mem;
	struct problems ps;
	struct config c;
	struct chain_decl chain;
	struct contract_decl contract;
	struct signer_decl signer;
	struct file_decl file;
	struct batch_decl batch;
	struct event_decl events[APP_EVENTS];
	struct abi_entry entries[APP_EVENTS];
	struct rule_decl rules[APP_RULES];
	struct compare_decl compares[APP_RULES];
	uint8_t address[1][20];
};

static inline struct scalar app_scalar(struct app *a, const char *text, int line)
{
	size_t n = strlen(text);
	struct place *places = arena_alloc(&a->mem, (n + 1) * sizeof(*places));
	for (size_t i = 0; i <= n; i++)
		places[i] = (struct place){line, (int)i + 1};
	return (struct scalar){
		.at = {"app.yaml", line, 1, 1}, .text = {arena_text(&a->mem, text), n}, .places = places};
}

static inline const struct sqltext *app_sql(struct app *a, const char *text, int line)
{
	struct scalar *s = arena_alloc(&a->mem, sizeof(*s));
	*s = app_scalar(a, text, line);
	const struct sqltext *q = text ? sqltext_parse(&a->mem, s, &a->ps) : NULL;
	assert_non_null(q);
	return q;
}

static inline void app_event(struct app *a, const char *line)
{
	size_t at = 0, i = a->c.nevents++;
	struct err e;
	char snake[64];
	struct abi_entry *entry = &a->entries[i];
	assert_true(abi_parse_line(&a->mem, str_of(line), entry, &at, &e));
	struct event_decl *ev = &a->events[i];
	abi_snake(snake, sizeof(snake), entry->as);
	*ev = (struct event_decl){.contract = &a->contract, .entry = entry, .table = arena_text(&a->mem, snake)};
	ev->columns = arena_alloc(&a->mem, (entry->nin + 1) * sizeof(char *));
	for (size_t j = 0; j < entry->nin; j++) {
		abi_snake(snake, sizeof(snake), entry->in[j].name);
		ev->columns[j] = arena_text(&a->mem, snake);
	}
}

/* The shape of examples/ktty.yaml without its rules. let: of the batch reveal, or NULL. */
static inline void app_init(struct app *a, const char *let)
{
	static const char *const names[] = {"tokenId"};
	memset(a, 0, sizeof(*a));
	memset(a->address[0], 0xab, 20);
	a->chain = (struct chain_decl){.name = "main", .index = 1};
	a->contract = (struct contract_decl){.name = "Companions",
		.schema = "companions",
		.chain = &a->chain,
		.addresses = (const uint8_t(*)[20])a->address,
		.naddresses = 1};
	a->signer = (struct signer_decl){.name = "owner", .chain = &a->chain};
	a->file = (struct file_decl){.name = "codes", .path = "data/tokenMapping.json"};
	a->c = (struct config){.file = "app.yaml",
		.name = "ktty",
		.chains = &a->chain,
		.nchains = 1,
		.contracts = &a->contract,
		.ncontracts = 1,
		.events = a->events,
		.signers = &a->signer,
		.nsigners = 1,
		.files = &a->file,
		.nfiles = 1,
		.batches = &a->batch,
		.nbatches = 1,
		.rules = a->rules};
	a->batch = (struct batch_decl){.name = "reveal",
		.key = "tokenId",
		.max = 10,
		.missing = MISSING_PARK,
		.signer = &a->signer,
		.names = names,
		.nnames = 1,
		.let = let ? app_sql(a, let, 20) : NULL};
	app_event(a, "event TokenRevealed(uint256 indexed tokenId)");
	app_event(a, "event TokensRevealed(uint256[] tokenIds)");
	app_event(a, "event TokenCodesUpdated(uint256[] tokenIds, string[] codes)");
	app_event(a, "event Seen(address indexed who, bytes32 mark, uint8 level, bool good, string note, "
				 "address[] others)");
}

/* A rule on an event by its place in the list; lines of the file: rule i stands on line 100 + 10 i. */
static inline struct rule_decl *app_rule(struct app *a, const char *name, size_t event, const char *each)
{
	size_t i = a->c.nrules++;
	struct rule_decl *r = &a->rules[i];
	const struct event_decl **on = arena_alloc(&a->mem, sizeof(*on));
	int line = 100 + 10 * (int)i;
	on[0] = &a->events[event];
	*r = (struct rule_decl){.index = (int)i,
		.name = name,
		.at = {"app.yaml", line, 1, 1},
		.events = on,
		.nevents = 1,
		.each = each ? app_sql(a, each, line + 1) : NULL,
		.steps = arena_alloc(&a->mem, APP_STEPS * sizeof(struct step_decl))};
	return r;
}

static inline struct step_decl *app_step(struct rule_decl *r, enum step_kind kind)
{
	struct step_decl *s = (struct step_decl *)(uintptr_t)&r->steps[r->nsteps++];
	*s = (struct step_decl){.kind = kind, .at = {"app.yaml", r->at.line + 1 + (int)r->nsteps, 1, 1}};
	return s;
}

static inline void app_do_sql(struct app *a, struct rule_decl *r, const char *sql)
{
	struct step_decl *s = app_step(r, STEP_SQL);
	s->sql = app_sql(a, sql, s->at.line);
}

static inline void app_do_let(struct app *a, struct rule_decl *r, const char *sql, enum on_missing missing)
{
	struct step_decl *s = app_step(r, STEP_LET);
	s->sql = app_sql(a, sql, s->at.line);
	s->missing = missing;
}

static inline void app_do_batch(struct app *a, struct rule_decl *r)
{
	app_step(r, STEP_BATCH)->batch = &a->batch;
}

static inline void app_do_log(struct app *a, struct rule_decl *r, const char *text)
{
	struct step_decl *s = app_step(r, STEP_LOG);
	struct scalar sc = app_scalar(a, text, s->at.line);
	s->log = template_parse(&a->mem, &sc, &a->ps);
}

/* data, type: or NULL */
static inline void app_do_publish(
	struct app *a, struct rule_decl *r, const char *topic, const char *data, const char *type)
{
	struct step_decl *s = app_step(r, STEP_PUBLISH);
	struct scalar sc = app_scalar(a, topic, s->at.line), named = app_scalar(a, type ? type : "", s->at.line);
	s->topic = template_parse(&a->mem, &sc, &a->ps);
	s->type = type ? template_parse(&a->mem, &named, &a->ps) : NULL;
	s->sql = data ? app_sql(a, data, s->at.line) : NULL;
}

static inline void app_where(struct app *a, struct rule_decl *r, const char *field, const char *value)
{
	struct where_decl *w = arena_alloc(&a->mem, sizeof(*w));
	const char **values = arena_alloc(&a->mem, sizeof(*values));
	values[0] = value;
	*w = (struct where_decl){.field = field, .values = values, .nvalues = 1, .at = r->at};
	r->where = w;
	r->nwhere = 1;
}

static inline void app_fini(struct app *a)
{
	problems_fini(&a->ps);
	arena_fini(&a->mem);
}

/* ── a database */
struct world {
	PGconn *admin, *pg;
	char name[64];
	int64_t seq; /* last number given */
};

/* The first column of the first row as text, "" for none or null; the test fails when it raises. Good until
 * the next call. */
static inline const char *q(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline const char *q(struct world *w, const char *fmt, ...)
{
	static char out[8192];
	struct buf b = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	PGresult *r = PQexec(w->pg, b.p);
	if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s\n%.2000s", PQerrorMessage(w->pg), b.p);
	snprintf(out, sizeof(out), "%s", PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	buf_fini(&b);
	return out;
}

/* The SQLSTATE that it raises with; *text its message. "" when it does not raise. */
static inline const char *raises(struct world *w, const char *sql, const char **text)
{
	static char state[8], message[2048];
	PGresult *r = PQexec(w->pg, sql);
	const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE),
			   *m = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	snprintf(state, sizeof(state), "%s", s ? s : "");
	snprintf(message, sizeof(message), "%s", m ? m : "");
	*text = message;
	PQclear(r);
	return state;
}

static inline void world_conninfo(struct buf *b, const char *name)
{
	buf_printf(b, "%s dbname=%s", getenv("FAIRLEAD_TEST_PG"), name);
}

static inline void world_open(struct world *w)
{
	static int n;
	struct buf b = {0};
	*w = (struct world){.admin = PQconnectdb(getenv("FAIRLEAD_TEST_PG"))};
	assert_int_equal(PQstatus(w->admin), CONNECTION_OK);
	snprintf(w->name, sizeof(w->name), "fl_compile_%d_%d", (int)getpid(), ++n);
	buf_printf(&b, "CREATE DATABASE %s TEMPLATE %s", w->name, engine());
	PQclear(PQexec(w->admin, b.p));
	buf_clear(&b);
	world_conninfo(&b, w->name);
	w->pg = PQconnectdb(b.p);
	assert_int_equal(PQstatus(w->pg), CONNECTION_OK);
	buf_fini(&b);
	q(w, "SET client_min_messages = warning; SET synchronous_commit = off");
}

static inline void world_close(struct world *w)
{
	struct buf b = {0};
	PQfinish(w->pg);
	buf_printf(&b, "DROP DATABASE %s", w->name);
	PQclear(PQexec(w->admin, b.p));
	buf_fini(&b);
	PQfinish(w->admin);
}

/* What install does before it compiles: the chain, the tables of the events, the file, the application's own
 * table. */
static inline void world_declare(struct world *w, struct app *a, const char *tables)
{
	q(w, "SELECT fairlead.chain_id('main')");
	q(w, "SELECT fairlead.declare_file('codes')");
	q(w, "%s", tables);
	q(w, "SELECT fairlead.watch(c.oid::regclass) FROM pg_class c WHERE relnamespace = 'public'::regnamespace "
		 "AND relkind = 'r'");
	for (size_t i = 0; i < a->c.nevents; i++) {
		const struct event_decl *ev = &a->events[i];
		struct buf cols = {0};
		for (size_t j = 0; j < ev->entry->nin; j++) {
			buf_printf(&cols, "%s'%s ", j ? ", " : "", ev->columns[j]);
			abi_pg_type(&cols, &ev->entry->in[j]);
			buf_char(&cols, '\'');
		}
		q(w, "SELECT fairlead.declare(1::smallint, 'companions', '%s', '%s', '\\x%02zx', ARRAY[%s]::text[])",
			ev->table, ev->entry->as, i, cols.p);
		buf_fini(&cols);
	}
	q(w, "INSERT INTO fairlead.batch_decl (name, pool, chain) VALUES ('reveal', 'owner', 1) ON CONFLICT DO "
		 "NOTHING");
}

static inline void world_compile(struct world *w, struct app *a)
{
	struct err e = {0};
	q(w, "BEGIN");
	bool ok = compile_application(&a->c, w->pg, &a->ps, &e);
	if (!ok || a->ps.n) {
		problems_print(&a->ps, stderr, false, "");
		fail_msg("%s", e.text);
	}
	q(w, "COMMIT");
	q(w, "UPDATE fairlead.lane SET epoch = 1 WHERE name IN ('apply:main', 'listen:main'); INSERT INTO "
		 "fairlead.lane (name, epoch) VALUES "
		 "('clock', 1) ON CONFLICT DO NOTHING");
}

/* Writes one event as the listener does; the next number is its own. */
static inline int64_t emit(
	struct world *w, int block, const char *table, const char *columns, const char *values)
{
	int64_t seq = ++w->seq;
	q(w,
		"INSERT INTO companions.%s (_seq, _block, _at, _log, _chain, _open, _block_hash, _tx, _id, _address, "
		"%s) "
		"VALUES (%lld, %d, '2024-01-01 "
		"00:00:00Z'::timestamptz + make_interval(secs => %d), %lld, 1, true, sha256('b%d'), sha256('t%lld'), "
		"sha256('e%s%lld%d'), decode(repeat('ab', 20), 'hex'), %s)",
		table, columns, (long long)seq, block, block, (long long)seq, block, (long long)seq, table,
		(long long)seq, block, values);
	q(w, "UPDATE fairlead.lane SET at = %lld WHERE name = 'listen:main'", (long long)seq);
	return seq;
}

static inline void reveal(struct world *w, int block, int token)
{
	char value[16];
	snprintf(value, sizeof(value), "%d", token);
	emit(w, block, "token_revealed", "token_id", value);
}

#define APPLY(w, columns, max) q(w, "SELECT " columns " FROM fairlead_app.apply_main(1, %d)", max)

#endif
