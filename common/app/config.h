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
struct signer_decl {
	const char *name;
	struct pos at;
	const struct chain_decl *chain;
	struct secret key; /* hex */
	const char *keyfile;
	bool has_must;
	struct check must;
	uint64_t gas_limit;              /* 0: estimate × margin */
	uint64_t margin_num, margin_den; /* 1.2 = 6/5: exact */
	bool has_max, has_tip, has_low, has_max_cost;
	struct u256 max, tip, low, max_cost;
	uint64_t window;
	enum gas_order order;
	bool adopt;
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
	uint64_t max, wait_ms, pause_ms;
	const struct sqltext *let; /* or NULL */
	enum on_missing missing;
	bool has_skip;
	struct check skip;
	struct call send;
	const struct signer_decl *signer;
	uint32_t tries;
	uint64_t retry_first_ms, retry_max_ms;
	bool retry_grow;
	const char *const
		*names; /* what an item keeps: the names that key, let, skip, send use and let does not make */
	size_t nnames;
};
enum step_kind { STEP_SQL, STEP_LET, STEP_BATCH, STEP_LOG };
struct step_decl {
	enum step_kind kind;
	struct pos at;
	const struct sqltext *sql;      /* SQL, LET */
	enum on_missing missing;        /* LET's else */
	const struct batch_decl *batch; /* BATCH */
	const struct template *log;     /* LOG */
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
struct serve_decl {
	const char *const *listen;
	size_t nlisten;
	const char *ready, *live; /* extra names, or NULL */
	bool metrics;
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
/* The first endpoint of the chain that has all these roles, or NULL. ENDPOINT_READ alone is always there. */
const struct endpoint_decl *chain_endpoint(const struct chain_decl *c, unsigned roles);
/* One line a key of the whole grammar, from the key table: for --help keys and the README's check. */
void config_keys(FILE *out);

#endif
