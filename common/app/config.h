/* config: the application as it was declared: fairlead.yaml, parsed, expanded, checked. Read-only after
 * config_load.
 *
 * Everything lives in the config's arena until config_free. Durations are ms, amounts are wei. Optional texts
 * are NULL when absent. Values of the declarations are final (defaults filled in). Secrets are in `struct
 * secret` and print as ***. */
#ifndef FAIRLEAD_APP_CONFIG_H
#define FAIRLEAD_APP_CONFIG_H

#include "common/app/call.h"
#include "common/app/problem.h"
#include "common/app/sqltext.h"
#include "common/evm/abi.h"

struct value;
struct secret_text;
struct used_var;

struct secret {
	char *value; /* wiped by config_wipe_secrets; NULL when empty */
};
struct template_part { /* text with {names} */
	bool is_name;
	struct str text;
	struct pos at;
};
struct template
{
	struct pos at;
	const struct template_part *parts;
	size_t n;
};

struct retry_decl {
	uint64_t first_ms, max_ms;
	uint32_t alarm[2]; /* tries in a row that raise an alarm; 0: none */
	size_t nalarm;
};
enum endpoint_role { ENDPOINT_READ = 1, ENDPOINT_WRITE = 2, ENDPOINT_ARCHIVE = 4 /* reads too */ };
struct endpoint_decl {
	const char *url, *ws; /* may hold credentials. One over WebSocket alone: both are its ws:// or wss:// */
	unsigned roles;       /* of enum endpoint_role; nothing written: read and write */
	uint64_t rps;         /* requests a second; 0: unlimited */
	bool private;         /* what was sent there is sent nowhere else (S9) */
	struct pos at;
};
/* How a range is proved to be whole (R6); each level stands above the one before it. */
enum proof_level { PROOF_NONE, PROOF_BLOOM, PROOF_SOURCES, PROOF_RECEIPTS };
enum final_kind { FINAL_DEFAULT, FINAL_DEPTH, FINAL_SAFE, FINAL_FINALIZED };
struct chain_decl {
	const char *name;
	struct pos at;
	int index; /* 1, 2, … in file order: the number in PostgreSQL is fairlead.chain.id by name, not this */
	bool has_id;
	uint64_t id;
	const struct endpoint_decl *rpc; /* in file order; one of them reads, no two have one URL */
	size_t nrpc;
	enum proof_level completeness;
	uint64_t poll_ms, timeout_ms, silent_ms;
	uint64_t range, run; /* blocks a request; events a transaction */
	struct retry_decl retry, reconnect;
	uint64_t seen; /* depth: 0 = latest */
	enum final_kind final;
	uint64_t final_depth;
	bool has_window;
	uint64_t window, grace, healthy;
	uint64_t overdue_ms, sweep_ms; /* 0: off */
};
struct contract_decl {
	const char *name;   /* as written */
	const char *schema; /* its PostgreSQL schema: lower case */
	struct pos at;
	const struct chain_decl *chain;
	const uint8_t (*addresses)[20];
	size_t naddresses; /* 0 where factory is set */
	/* address: { from: Factory.Event.field }: each address in that field, from its log's block on. NULL:
	 * fixed. Factories of factories are allowed, cycles are not. A log of an address that is both fixed
	 * somewhere and somebody's child belongs to the contract that names it; of two factories, to the first in
	 * the file.
	 */
	const struct event_decl *factory;
	size_t factory_field; /* of factory->entry->in */
	uint64_t start;
	bool start_latest;
	const struct abi_entry *abi; /* all entries of the declaration */
	size_t nabi;
};
struct event_decl { /* a declared event: one typed table, one decl row */
	const struct contract_decl *contract;
	const struct abi_entry *entry;
	const char *table;    /* snake case of entry->as */
	const char **columns; /* one a field of entry->in, clashes settled (model A5) */
	struct pos at;
};
enum gas_order { ORDER_ANY, ORDER_STRICT };
enum key_source { SOURCE_ENVIRONMENT, SOURCE_FILE, SOURCE_EXEC, SOURCE_WEB3SIGNER };
struct key_decl { /* one account of a signer: where its key is, or who signs for it */
	enum key_source source;
	struct pos at;
	struct secret secret;           /* ENVIRONMENT: hex. Empty in a program that signs nothing */
	const char *keyfile, *passfile; /* FILE: as they are opened; passfile or NULL */
	const char *const *exec;        /* EXEC: program and arguments, as written */
	size_t nexec;
	const char *folder; /* EXEC: where it runs: the folder of the YAML file; "." */
	const char *url;    /* WEB3SIGNER; may hold credentials */
	bool has_address;   /* the file names the account; what the source says must be it */
	uint8_t address[20];
};
struct allow_decl { /* what a signer may call */
	uint8_t to[20];
	const struct abi_entry *fn; /* NULL: whatever that address is told */
};
struct signer_decl {
	const char *name;
	struct pos at;
	const struct chain_decl *chain;
	const struct key_decl *keys; /* one an account: a pool has several */
	size_t nkeys;
	bool has_must;
	struct check must;
	uint64_t gas_limit;              /* 0: estimate × margin */
	uint64_t margin_num, margin_den; /* 1.2 = 6/5: exact */
	bool has_max, has_tip, has_low, has_max_cost, has_cancel_max;
	struct u256 max, tip, low, max_cost;
	struct u256 cancel_max; /* a cancel may pay so much for one gas */
	bool has_float;
	struct u256 flt; /* float: what a key of the pool below low is filled up to by the richest of them */
	uint64_t window; /* most unmined transactions of one key; order: strict: one over all keys */
	enum gas_order order;
	bool adopt;
	/* policies, judged when something is signed */
	bool has_allow; /* else: what the sends of this signer name */
	const struct allow_decl *allow;
	size_t nallow;
	struct u256 max_value;    /* most wei that a call carries */
	uint64_t limit, limit_ms; /* transactions in any stretch of limit_ms; limit 0: no such policy */
	struct u256 spend; /* what the transactions of any stretch of spend_ms may cost together at most, */
	uint64_t spend_ms; /* 0: no such policy */
};
struct file_decl {
	const char *name, *path; /* path as the program opens it (relative to the YAML file's folder) */
	bool watch, cid;
	struct pos at;
};
enum on_missing { MISSING_ERROR, MISSING_PARK, MISSING_SKIP };
struct batch_decl {
	const char *name;
	struct pos at;
	const char *key; /* a name of the item */
	struct pos key_at;
	uint64_t max, gas, wait_ms, pause_ms; /* gas: 0: what a block and a transaction take */
	const struct sqltext *let;            /* or NULL */
	enum on_missing missing;
	bool has_skip;
	struct check skip;
	struct call send;
	const struct signer_decl *signer;
	uint64_t within_ms; /* mined within this, counted from when it was cut; 0: cheap */
	uint32_t tries;
	uint64_t retry_first_ms, retry_max_ms;
	bool retry_grow;
	const char *const
		*names; /* what an item keeps: the names that key, let, skip, send use and let does not make */
	size_t nnames;
};
enum step_kind { STEP_SQL, STEP_LET, STEP_BATCH, STEP_LOG, STEP_PUBLISH };
struct step_decl {
	enum step_kind kind;
	struct pos at;
	const struct sqltext *sql;      /* SQL, LET; PUBLISH: data, a message a row; NULL: the event */
	enum on_missing missing;        /* LET's else */
	const struct batch_decl *batch; /* BATCH */
	const struct template *log;     /* LOG */
	const struct template *topic;   /* PUBLISH */
	const struct template *type;    /* PUBLISH: the message's name, or NULL */
};
struct where_decl {
	const char *field;
	const char *const *values; /* literals in the text form of the field's type */
	size_t nvalues;
	bool indexed;
	struct pos at;
};
struct compare_decl { /* every: … compare: */
	const struct sqltext *rows;
	struct compare_column {
		const char *column; /* NULL: the whole call */
		struct call call;
	} * columns;
	size_t ncolumns;
	const struct sqltext *fix, *missing; /* or NULL */
	uint64_t most_percent;
};
/* on: what is no event: something that happens to a chain, or to the items of a batch. */
struct trigger_decl {
	const char *kind; /* start live sweep swept final reorg · sent mined failed final orphaned */
	const struct chain_decl
		*chain; /* whose lane runs the rule: the chain, or the one of the batch's signer */
	const struct batch_decl *batch; /* NULL: of the chain */
	struct pos at;
};
struct rule_decl {
	int index;        /* place in rules:, from 0 */
	const char *name; /* given, or "rule3" */
	struct pos at;
	bool off;                               /* needs: is empty */
	const struct event_decl *const *events; /* on: Contract.Event, expanded Contract.*; empty for clocks */
	size_t nevents;
	const struct trigger_decl *triggers; /* on: CHAIN.…, NAME.…; beside events or alone */
	size_t ntriggers;
	bool at_final; /* at: final */
	bool late_apply;
	const struct where_decl *where;
	size_t nwhere;
	const struct sqltext *each;
	const struct step_decl *steps;
	size_t nsteps;
	uint64_t every_ms;                  /* 0: an event rule */
	const struct compare_decl *compare; /* clocks */
};
/* ── the front door (GRAMMAR §7 to §10) ── */

/* KEY_JSON with inserts: compact JSON text, cut where an insert stands. A string that is one insert and
 * nothing else is replaced as a whole (its quotes are in no part, value is set); elsewhere the insert goes
 * into the string as escaped text. */
struct json_part {
	bool is_name, value;
	struct str text;
};
struct json_decl {
	const struct json_part *parts;
	size_t n;
	struct pos at;
};
enum field_type {
	FIELD_STRING,
	FIELD_INT,
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_OBJECT,
	FIELD_ARRAY,
	FIELD_UINT256,
	FIELD_ADDRESS,
	FIELD_BYTES32,
	FIELD_BYTES65,
	FIELD_PUBKEY,
	FIELD_BASE64,
	FIELD_UUID,
	FIELD_TIME,
	FIELD_UNITS,
};
struct field_decl { /* of params, body: §10 */
	const char *name;
	struct pos at;
	enum field_type type;
	bool in_path; /* a {name} of the route's path, declared or not */
	bool optional;
	const char *otherwise;     /* default:, as JSON text; NULL: none */
	const char *min, *max;     /* of the value, or of the length of a string or array; as written, or NULL */
	const char *match;         /* a regular expression (PCRE2, as OpenAPI's pattern), or NULL */
	const char *const *one_of; /* enum:, as JSON texts */
	size_t n_one_of;           /* how many; 0: any value */
	const struct field_decl *items; /* of an array: what each is (its name is ""), or NULL */
	const char *header;             /* read when the name is not given, or NULL */
	unsigned decimals;              /* of units */
};
struct limit_decl {
	const char *by; /* a name that the request has: request.ip, auth.sub, a field */
	uint64_t count, per_ms;
	struct pos at;
};
struct sql_decl { /* name: sql */
	const char *name;
	const struct sqltext *sql;
};
struct call_decl { /* name: call; a record when the function has several outputs */
	const char *name;
	const struct call *call;
	struct pos at;
};
enum request_verb {
	REQ_LET,
	REQ_SQL,
	REQ_REFUSE,
	REQ_REPLY,
	REQ_CALL,
	REQ_BATCH,
	REQ_SEND,
	REQ_VERIFY,
	REQ_PUBLISH,
	REQ_LOG,
	REQ_CATCHUP,
	REQ_FLUSH,
	REQ_REPLAY,
	REQ_RUN,
};
struct request_step { /* of a route's do: */
	enum request_verb verb;
	struct pos at;
	const struct sqltext *sql; /* LET SQL REFUSE REPLY; PUBLISH: data, or NULL */
	const struct sqltext
		*otherwise;             /* else: of LET CALL SEND VERIFY: its row is the answer; NULL: the engine's */
	const struct sqltext *lost; /* CALL: when the chain can't be asked; NULL: 503 */
	const struct call_decl *calls; /* CALL, in order */
	size_t ncalls;
	const struct batch_decl
		*batch;       /* BATCH FLUSH; SEND: one made for it, an item a request, its key is job.id */
	uint64_t wait_ms; /* SEND RUN; 0: none */
	const char *as;   /* SEND VERIFY, or NULL */
	const char *signature, *by, *message; /* VERIFY: names */
	const char *type;                     /* EIP-712: "Permit(address owner,…)"; NULL: EIP-191 of message */
	struct verify_domain {
		const char *name, *version;
		const struct contract_decl *contract;
	} domain;
	bool optional;                  /* VERIFY: no signature is not a bad one */
	const struct template *text;    /* LOG; PUBLISH: topic */
	const struct template *kind;    /* PUBLISH: type, or NULL */
	const struct chain_decl *chain; /* CATCHUP */
	const struct rule_decl *rule;   /* RUN REPLAY */
	const char *only;               /* RUN: a name, or NULL */
	bool from_start;                /* CATCHUP REPLAY: from: start; else from, when has_from */
	bool has_from;
	uint64_t from;
};
struct route_segment {
	const char *word;    /* as it stands in the path; NULL: a parameter */
	const char *name;    /* of the parameter */
	bool optional, rest; /* {name?}, {rest*}: last ones only */
};
struct route_decl {
	int index; /* place in routes:, from 0 */
	struct pos at;
	const char *key;    /* "GET /lock/{lockId}", as written */
	const char *method; /* GET POST PUT PATCH DELETE ANY */
	const char *path;
	const struct route_segment *segments;
	size_t nsegments;
	const struct field_decl *params, *body; /* params: those of the path first, in its order */
	size_t nparams, nbody;
	bool has_body; /* body: is written */
	const struct call_decl *calls;
	size_t ncalls;
	const struct sqltext *one, *all, *otherwise; /* one of one, all, steps */
	const struct sql_decl *with;
	size_t nwith;
	const struct request_step *steps;
	size_t nsteps;
	const struct json_decl *lost, *wrap; /* or NULL */
	const char *name, *schema;           /* or NULL */
	const struct auth_decl *const *auth; /* any of them lets in; 0: everybody */
	size_t nauth;
	const struct limit_decl *limits;
	size_t nlimits;
	uint64_t cache_ms;
	const char *once; /* a header, or NULL */
};
struct auth_decl {
	const char *name;
	struct secret bearer, jwt; /* one of them; empty: refuses everybody. Kept by the program that serves */
	bool is_jwt;
	struct pos at;
};
struct ws_decl { /* a path of WebSocket and server-sent events */
	const char *path;
	const char *const *topics; /* names; one that ends in * is a beginning; 0: all */
	size_t ntopics;
	uint64_t ping_ms, pong_ms;
	const struct json_decl *hello; /* the first message, or NULL */
	struct pos at;
};
struct serve_decl {
	const char *const *listen;
	size_t nlisten;
	const char *ready, *live, *docs, *spec; /* extra names, or NULL */
	bool metrics;
	const struct auth_decl *auths;
	size_t nauths;
	const struct limit_decl *limits; /* of every route */
	size_t nlimits;
	const char *const *cors; /* origins, or "*" */
	size_t ncors;
	const char *read_url;           /* NULL: the same server */
	const struct json_decl *errors; /* NULL: RFC 9457 */
	const char *cert, *key;         /* files; NULL: no TLS */
	const struct ws_decl *ws;       /* nothing written, but something is published: /ws with all topics */
	size_t nws;
};
struct fleet_decl {
	const char *log;
	uint64_t pool, check_ms, drain_ms, alarm_failures, alarm_delay_ms, keep_done_ms, keep_failed_ms;
};
struct config {
	const char *file, *name;
	const char *profile; /* the chosen one; NULL: none */
	struct fleet_decl fleet;
	const struct chain_decl *chains;
	size_t nchains;
	const struct contract_decl *contracts;
	size_t ncontracts;
	const struct event_decl *events; /* every declared event of every contract */
	size_t nevents;
	const struct signer_decl *signers;
	size_t nsigners;
	const struct file_decl *files;
	size_t nfiles;
	const struct batch_decl *batches;
	size_t nbatches;
	struct app_sql {
		const char *path;
		struct str text;
	} * sql;
	size_t nsql;
	const struct rule_decl *rules;
	size_t nrules;
	const struct route_decl *routes;
	size_t nroutes;
	struct serve_decl serve;
	struct arena mem;
	/* config.c's own: the typed values that config_print shows, what must be wiped and never shown */
	const struct value *values;
	struct secret_text *secrets;
	const struct used_var *used;
};

/* Where texts come from: the caller owns environment and files, so that tests can give their own. */
struct config_source {
	void *arg;
	const char *(*env)(void *arg, const char *name);                           /* NULL: unset */
	bool (*read)(void *arg, const char *path, struct buf *out, struct err *e); /* a whole file */
	bool keyless; /* this program signs nothing: a signer's key that is not in its environment is absent (P24)
				   */
};
extern const struct config_source config_from_process; /* getenv and the file system */

/* NULL when ps is not empty afterwards. Every mistake is added to ps, not only the first. */
struct config *config_load(const char *file, const struct config_source *src, struct problems *ps);
void config_print(
	const struct config *c, FILE *out); /* the effective configuration as YAML, secrets as *** */
void config_free(struct config *c);     /* wipes secrets first */
void config_wipe_secrets(struct config *c);
void config_wipe_keys(struct config *c); /* those of signers alone */
/* Before those: takes out of this process' environment, its first memory too (/proc/PID/environ), every
 * variable that holds a secret of the file under whatever name. all: tokens of auth: too, not keys of signers
 * alone. */
void config_wipe_environment(const struct config *c, bool all);
const struct batch_decl *config_batch(const struct config *c, const char *name); /* NULL: the file has none */
/* The first endpoint of the chain that has all these roles, or NULL. ENDPOINT_READ alone is always there. */
const struct endpoint_decl *chain_endpoint(const struct chain_decl *c, unsigned roles);
/* Where signed bytes go, and nowhere else (S9): a private endpoint before others, one that is read too before
 * one that only writes; NULL: none takes any. */
const struct endpoint_decl *chain_writer(const struct chain_decl *c);
/* One line a key of the whole grammar, from the key table: for --help keys and the README's check. */
void config_keys(FILE *out);

#endif
