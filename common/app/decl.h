/* decl: from typed values (value.h) to the declarations of config.h. Here is what needs its neighbours: names
 * of declared things, ABI, scopes, files. A file a kind of declaration; each fills its array of the config
 * and reports what is wrong. */
#ifndef FAIRLEAD_APP_DECL_H
#define FAIRLEAD_APP_DECL_H

#include "common/app/scope.h"
#include "common/app/value.h"

/* A place of a rule or route that adds to a batch, with the names that are known there. */
struct adder {
	const struct batch_decl *batch;
	const struct scope *scopes; /* one an event of the rule */
	size_t nscopes;
	struct adder *next;
};
struct loading {
	struct config *c;
	struct reading *r;
	struct arena *a;
	struct problems *ps;
	const struct config_source *src;
	const struct value *root;
	struct chain_decl *chains;
	struct contract_decl *contracts;
	struct signer_decl *signers;
	struct batch_decl *batches;
	struct route_batch { /* of routes that send, nroute_batches of them */
		const struct value *route, *step;
		struct batch_decl *batch;
	} * route_batches;
	size_t nroute_batches;
	struct rule_decl *rules;
	struct adder *adders;
	struct named {
		const char *name, *kind;
		struct pos at;
		struct named *next;
	} * names;
};
/* In this order. */
void decl_chains(struct loading *l);
void decl_contracts(struct loading *l);
void decl_signers(struct loading *l);
void decl_policy(struct loading *l, const struct value *v, struct signer_decl *s); /* of decl_signers */
void decl_files(struct loading *l);
void decl_serve(struct loading *l);
void decl_batches(struct loading *l);
void decl_allowed(struct loading *l); /* is each send in its signer's allow:? */
void decl_rules(struct loading *l);
void decl_routes(struct loading *l);
void decl_ws(struct loading *l);
void decl_batch_names(struct loading *l); /* when all that adds to a batch is known */

/* decl_step.c: the steps of a request. */
struct request {
	struct loading *l;
	struct scope *s;
	bool gets;                /* they only read */
	struct batch_decl *batch; /* made for its send, or NULL */
	int sends;                /* so far */
};
/* One request_step a step of the list that this version does. */
const struct request_step *decl_request_steps(struct request *q, const struct value *steps, size_t *n);
/* name: call, each makes its name */
const struct call_decl *decl_calls(struct loading *l, const struct value *calls, struct scope *s, size_t *n);
/* decl_field.c: one field of params, body or items. */
void decl_field(struct loading *l, const struct value *f, struct field_decl *out);
const struct limit_decl *decl_limits(struct loading *l, const struct value *map, size_t *n);
/* decl_batch.c: the batch that is made for the send of a route, filled; NULL: it has none */
struct batch_decl *decl_route_batch(const struct loading *l, const struct value *route);
void decl_reads(
	struct loading *l, const struct value *sql, const struct scope *s); /* names, and that it only reads */

/* Declared names share one name space. */
void decl_name(struct loading *l, const char *name, const char *kind, struct pos at);
/* Index of the member of map (a "*" map) that v names, or -1, reported. v not set: the only one. */
int decl_pick(struct loading *l, const struct value *v, const char *kind, const struct value *map);
const char *decl_path(struct loading *l, const char *path); /* beside the YAML file */
bool decl_read(
	struct loading *l, const struct value *v, struct buf *out); /* the file that v names; reported */
const char *decl_text(const struct value *v);                   /* NULL when absent */
void decl_call(struct loading *l, struct call *c, const struct scope *s, const char *path, bool items);
void decl_check(struct loading *l, struct check *c, const struct scope *s, const char *path);

#endif
