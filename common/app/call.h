/* call: the one call syntax for chains (GRAMMAR §9): Contract.fn(a, b[], c), signer.address(), keccak(x), x
 * == y.
 *
 * Parsed and checked once (contract, function, number and kind of arguments); evaluated by whoever can ask
 * the chain: a chain call becomes calldata here, its answer is given back here and compared here. Pure. */
#ifndef FAIRLEAD_APP_CALL_H
#define FAIRLEAD_APP_CALL_H

#include "common/app/scalar.h"
#include "common/evm/abi.h"

enum call_kind {
	CALL_CHAIN,   /* contract, fn, args; text is "Contract.fn" */
	CALL_ADDRESS, /* signer.address() */
	CALL_BUILTIN, /* keccak hash32 hex pack encode …: text is its name */
	CALL_NAME,    /* a name of the scope: text "tokenId", "tx.hash" */
	CALL_COLUMN,  /* x[]: that name of every item of the batch */
	CALL_NUMBER,  /* text: decimal, units already multiplied out ("1 ether" → wei) */
	CALL_TEXT,    /* 'text' */
	CALL_BOOL,
	CALL_TUPLE, /* (a, b) */
	CALL_ARRAY, /* [a, b] */
};
struct contract_decl;
struct signer_decl;
struct call {
	enum call_kind kind;
	struct pos at;
	struct str text;
	const struct contract_decl *contract; /* CHAIN */
	const struct abi_entry *fn;           /* CHAIN */
	const struct signer_decl *signer;     /* ADDRESS */
	const struct abi_type *given;         /* an argument of pack or encode: its written type */
	struct call *args;                    /* CHAIN, BUILTIN, TUPLE, ARRAY */
	size_t nargs;
	bool flag; /* BOOL */
};
/* A check: a call that gives a bool, or call == value. right.kind is meaningful only when has_right. */
struct check {
	struct call left;
	bool has_right;
	struct call right;
};

/* s is expanded; a ${VAR} is a literal text. Mistakes are added to ps; false when there was one. What stands
 * before a "." is not looked up yet: a parsed call is CHAIN for signer.address() too, until call_check. */
bool call_parse(struct arena *a, const struct scalar *s, struct call *out, struct problems *ps);
bool check_parse(struct arena *a, const struct scalar *s, struct check *out, struct problems *ps);

/* What a call may mention where it stands. */
struct call_rules {
	const struct contract_decl *contracts;
	size_t ncontracts;
	const struct signer_decl *signers;
	size_t nsigners;
	void *arg;
	void (*name)(
		void *arg, const struct call *name, struct problems *ps); /* is it known here? reports what is not */
	bool items;                                                   /* x[] may stand: the send of a batch */
	const char *path;                                             /* "batches.reveal.send" */
};
/* Looks up contracts, functions and signers, counts and types arguments. Everything wrong is added to ps. */
void call_check(struct arena *a, struct call *c, const struct call_rules *r, struct problems *ps);
void check_check(struct arena *a, struct check *k, const struct call_rules *r, struct problems *ps);

/* Where names get their values: text form of §10 (numbers decimal, address and bytes 0x…, arrays and tuples
 * JSON). */
struct call_scope {
	void *arg;
	/* false: no such name (our bug after checks, or a null: *e says which) */
	bool (*name)(void *arg, struct str name, struct str *value, struct err *e);
	/* item i of a batch, for x[]; items = how many */
	bool (*item)(void *arg, size_t i, struct str name, struct str *value, struct err *e);
	size_t items;
	const uint8_t *(*address)(
		void *arg, const struct signer_decl *s); /* 20 bytes, or NULL when not known yet */
};
/* Calldata of a CHAIN call (arguments may hold builtins, not further chain calls). */
bool call_encode(
	struct arena *a, const struct call *c, const struct call_scope *scope, struct buf *out, struct err *e);
/* The value of a non-chain expression as text, in the form that type t has (t NULL: as it is). */
bool call_text(struct arena *a, const struct call *c, const struct abi_type *t,
	const struct call_scope *scope, struct str *out, struct err *e);
/* After eth_call of check.left: does it hold? ret: the returned bytes. */
bool check_holds(struct arena *a, const struct check *k, struct bytes ret, const struct call_scope *scope,
	bool *holds, struct err *e);
/* The text of the single (or first) output of fn, for compare: and messages. */
bool call_result_text(
	struct arena *a, const struct call *c, struct bytes ret, struct str *out, struct err *e);
/* Runs fn for every CALL_NAME and CALL_COLUMN below c. */
void call_each_name(const struct call *c, void (*fn)(void *arg, const struct call *name), void *arg);

#endif
