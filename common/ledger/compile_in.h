/* compile_in: what the files of the rule compiler share; nobody else includes it.
 *
 * One struct compiler lives for one compile_application. It reads (prepares) first and writes text into
 * `script`; only when nothing was wrong is the script run, in one round trip. All texts live in its arena.
 *
 * Generated code: every variable stands behind the block label _fl (three-part names: no alias of the user's
 * can mean them), columns win over variables (model B6), names are quoted, values are literals made by libpq.
 */
#ifndef FAIRLEAD_LEDGER_COMPILE_IN_H
#define FAIRLEAD_LEDGER_COMPILE_IN_H

#include "common/ledger/compile.h"
#include "common/ledger/routes.h"

#define FL_POISON                                                                                      \
	"data_exception OR integrity_constraint_violation OR cardinality_violation OR raise_exception OR " \
	"no_data_found OR "                                                                                \
	"too_many_rows OR external_routine_exception OR triggered_data_change_violation"

/* OUT parameters of every function that runs rules. due: something that happened comes first. */
#define FL_RAN                                                                                            \
	"OUT from_seq bigint, OUT to_seq bigint, OUT head bigint, OUT events bigint, OUT items bigint, OUT "  \
	"parked bigint, OUT "                                                                                 \
	"undone bigint, OUT stop_seq bigint, OUT stop_state text, OUT stop_text text, OUT lines text[], OUT " \
	"due bool"

struct pg_type {
	Oid oid;
	const char *text; /* as format_type writes it, without a modifier: "numeric", "text[]" */
};
struct name {         /* one name that SQL may use */
	const char *name; /* "tokenId", "tx.hash" */
	const char *expr; /* SQL of its value in the generated function */
	const char *raw;  /* SQL of the same as bytea, or NULL */
	Oid type;
	bool hex; /* text, or text[], of 0x… */
};
struct scope {
	const char *owner, *noun; /* "TokenRevealed", "field": for "TokenRevealed has no field :x" */
	struct name *list;
	size_t n, cap;
};
struct column {
	const char *name;
	Oid type;
};
struct prepared {
	const char *text; /* the statement with each value put in as CAST(…), a newline at its end */
	const struct column *cols;
	size_t ncols;
};
struct batch_names {   /* one a batch: what the rules put into its items */
	Oid *types;        /* by place in batch_decl.names; 0: no rule said yet */
	const char **from; /* the rule that said so first */
};
struct compiler {
	const struct config *c;
	PGconn *conn;
	struct problems *ps;
	struct err *e;
	struct arena mem;
	struct buf script;
	struct pg_type types[64];
	size_t ntypes;
	struct batch_names *batches;
	size_t topics; /* rows of fairlead.topic so far */
	bool cut_name; /* PostgreSQL gave notice that it cut a name */
	bool failed;   /* *e is set */
	/* as they were before compile_begin */
	PQnoticeReceiver notices;
	const char *path, *level;
};

/* compile_cast.c: types, and values on their way into SQL */
Oid type_oid(struct compiler *k, const char *text);
const char *type_text(struct compiler *k, Oid oid);
bool type_is_array(struct compiler *k, Oid oid);
const char *quote(struct compiler *k, const char *s); /* 'literal' */
const char *quote_str(struct compiler *k, struct str s);
const char *quote_name(struct compiler *k, const char *s); /* "identifier" */
const char *cast_as(
	struct compiler *k, const struct name *n, Oid to); /* the value in the type of its place */
const char *cast_text(struct compiler *k, const char *expr, Oid from); /* text form of GRAMMAR §10 */
const char *cast_back(struct compiler *k, const char *text, Oid to);   /* from that form */
bool cast_exists(struct compiler *k, Oid from, Oid to);

/* compile_scope.c */
void scope_name_add(struct compiler *k, struct scope *s, struct name n);
const struct name *scope_find(const struct scope *s, struct str name);
void scope_unknown(struct compiler *k, const struct scope *s, struct str name, struct pos at);
/* The names of an event; row: SQL of its row as a composite value, "(_fl.r.e1)". */
void scope_event(struct compiler *k, struct scope *s, const struct event_decl *ev, const char *row);
/* Columns of an each or let become names; record: the variable that holds its row. false: problems were
 * added. */
/* GRAMMAR §8, of a transaction that is final (row: the header of its first event) or of what happened. */
void scope_header(struct compiler *k, struct scope *s, const char *row);
void scope_happening(struct compiler *k, struct scope *s, const struct trigger_decl *t, const char *row);
bool scope_columns(
	struct compiler *k, struct scope *s, const struct prepared *p, const char *record, struct pos at);

/* compile_sql.c. false: a problem was added, or k->failed. */
bool sql_prepare(struct compiler *k, const struct sqltext *s, const struct scope *sc, struct prepared *out);
/* The same for what is shown as JSON: a bare :name among its columns has its own type there. */
bool sql_prepare_shown(
	struct compiler *k, const struct sqltext *s, const struct scope *sc, struct prepared *out);
/* The same for SQL whose values are bound at run time: types and columns, in a. prove: which columns are
 * never null, too. */
bool sql_shape(struct compiler *k, struct arena *a, const struct sqltext *s, const struct scope *sc,
	bool prove, struct sql_shape *out);
/* The one value of a query, behind a statement or NULL; all of it is rolled back. NULL: null, no row, or
 * PostgreSQL refused one of the two. */
const char *sql_answer(struct compiler *k, const char *before, const char *query);
bool sql_prepares(struct compiler *k, const char *text); /* as it stands, without parameters */
bool sql_is_subquery(struct compiler *k, const struct prepared *p, const struct sqltext *s, const char *what);
bool sql_columns_ok(struct compiler *k, const struct prepared *p, struct pos at);
PGresult *sql_exec(struct compiler *k, const char *text);                  /* NULL: k->failed */
bool sql_failed(struct compiler *k, const PGresult *r, const char *doing); /* sets *e; false */

/* A function of fairlead_app goes into the script. args: "p_epoch bigint, …, OUT …" or "…) RETURNS …". */
void script_function(
	struct compiler *k, const char *name, const char *args, const char *returns, const char *body);

/* compile_steps.c: one function's text while it is made */
enum body_kind { BODY_APPLY, BODY_FINAL, BODY_UNPARK, BODY_HAPPEN, BODY_HISTORY, BODY_REPLAY };
struct body {
	struct compiler *k;
	const struct chain_decl *chain;
	int chain_id; /* fairlead.chain.id */
	enum body_kind kind;
	struct buf decl, code;
	int vars;
};
/* The code of rule r for an event of type ev whose row is `row`. Adds problems. */
void steps_rule(struct body *b, const struct rule_decl *r, const struct event_decl *ev, const char *row);
/* The code of rule r for what happened. BODY_HAPPEN: row is one of fairlead.happening, with its item's args
 * as iargs. BODY_FINAL, BODY_HISTORY: `on: CHAIN.final`; row is the header of an event, the first of its
 * transaction. */
void steps_trigger(struct body *b, const struct rule_decl *r, const struct trigger_decl *t, const char *row);
bool steps_may_park(const struct rule_decl *r);

/* compile_publish.c */
struct publishing { /* one step of a rule, and what stands around it */
	const struct rule_decl *rule;
	const struct step_decl *st;
	const struct event_decl *ev; /* NULL: what only happened, or a transaction that is final */
	const char *title;           /* "Companions.TokenRevealed", "net.swept" */
	const struct scope *sc;
	size_t own; /* the first names of sc: what is known of it before any let */
};
void publish_code(struct body *b, const struct publishing *p);
bool rule_publishes(const struct rule_decl *r);
/* SQL of the text; a name that the scope does not have is a problem. */
const char *template_sql(struct compiler *k, const struct template *t, const struct scope *sc);
/* A value as GRAMMAR §10 writes it in JSON, as an argument of jsonb_build_object. */
const char *value_json_sql(struct compiler *k, const char *expr, Oid type);
/* Rules that only make one item of each event: a run of such events alone is one statement. */
bool steps_is_one_batch(const struct rule_decl *r);
/* SQL that is true where the event is none of this where: */
const char *steps_where(struct compiler *k, const struct where_decl *w, const struct name *n);
/* compile_insert.c: a rule that is one INSERT as PL/pgSQL over the events (_fl.v_from, _fl.hi] of a table.
 * Below the window only: it keeps no images. What it raises is left to the loop. */
struct insert {
	struct compiler *k;
	const char *events, *filters; /* the table of the events · " AND …" of those that the rule is about */
	/* INSERT INTO t (…) · t · between the parentheses of both lists · behind them */
	struct str head, table, columns, values, tail;
};
struct run_insert {
	const char *table; /* a literal of its name */
	const char *look;  /* before the first statement of the run: may shorten _fl.hi */
	const char *act;
	bool sure; /* two events of one key do not make it raise */
};
/* false: it can't be one. */
bool insert_of_run(struct body *b, const struct rule_decl *r, const struct event_decl *ev, const char *events,
	struct run_insert *out);
const char *insert_events(const struct insert *in, const char *from, const char *to);
const char *insert_text(const struct insert *in, const char *from, const char *order);
/* compile_ranks.c: events of one key one after the other, all others at once; where that is certain to be the
 * same, *out becomes it. */
void insert_by_ranks(struct body *b, const struct insert *in, struct run_insert *out);
void steps_set_wise(
	struct body *b, const struct rule_decl *r, const struct event_decl *ev, const char *table);

/* compile_lane.c, compile_batch.c, compile_compare.c: functions of a chain, a batch, a compare rule go into
 * the script */
void lane_functions(struct compiler *k, const struct chain_decl *chain, int chain_id);
bool lane_has_final(const struct config *c, const struct chain_decl *chain);
/* Behind those of all lanes, which say what the items of a batch are made of. */
void happen_function(struct compiler *k, const struct chain_decl *chain, int chain_id);
bool lane_has_happen(const struct config *c, const struct chain_decl *chain);
/* compile_runs.c: a run without the loop, where that is the same. It stands before the loop and returns when
 * it has done the run; last: SQL of the numbers that no run goes beyond, "a, b". */
struct branch;
void lane_set_wise(struct body *b, const struct branch *br, size_t n, const char *last, const char *lane);
/* Shared with them by compile_lane.c. */
struct branch { /* one event type that rules of the lane name: a branch of the run's query, a WHEN of its
				   dispatch */
	const struct event_decl *ev;
	const char *table;
};
size_t lane_branches(const struct body *b, struct branch *out);
/* _fl.hi and _fl.first of a run behind _fl.v_from; the run in order, with what its events' rules do. */
void lane_run_end(struct buf *o, const struct branch *br, size_t n, const char *last);
void lane_run_loop(struct body *b, const struct branch *br, size_t n);
/* compile_replay.c */
void replay_function(struct compiler *k, const struct chain_decl *chain, int chain_id);
bool lane_runs(const struct body *b, const struct rule_decl *r, const struct event_decl *ev);
void lane_moves(struct buf *o, const char *lane); /* its position, to _fl.hi */
void lane_answer(struct buf *o);
void lane_raise_others(struct buf *o);
void lane_finish(struct body *b, const char *prefix, const char *args, const char *returns);
/* The names that an item of a batch has, from its args (SQL of the jsonb), let's columns among them. */
void batch_item_names(struct compiler *k, size_t index, const char *args, struct scope *s);
void batch_functions(struct compiler *k, size_t index, int chain_id);
void compare_functions(struct compiler *k, const struct rule_decl *r);

/* compile_steps.c: name i of the items of that batch is n, says the rule or route `from`. */
void batch_type(struct compiler *k, const struct batch_decl *b, size_t i, const struct name *n,
	const char *from, struct pos at);
/* compile_routes.c: one a route of the configuration, in a. Adds problems. Before the functions of batches.
 */
struct route_shape *route_shapes(struct compiler *k, struct arena *a, bool prove);
/* compile.c: the compiler's work begins and ends; between them its names mean what they mean in the
 * application. false: k->failed. */
bool compile_begin(struct compiler *k);
void compile_end(struct compiler *k);

#endif
