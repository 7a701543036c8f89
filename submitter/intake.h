/* intake: from ready batches to calls that are known to succeed now: what is already done on the chain (S7),
 * what it takes in gas (S5), what reverts (S6). Pure: hands out questions, takes answers; asks nothing
 * itself.
 *
 * All questions of one intake are asked at one block hash. A batch is never signed unless a simulation of
 * exactly its calldata succeeded there. When many batches are alike, their gas is estimated for a few and the
 * others are only tried with that much (an eth_call with that gas limit): a success proves both that nothing
 * reverts and that the gas suffices. Where the file fixes the gas (gas.limit) all are tried with that. */
#ifndef FAIRLEAD_SUBMITTER_INTAKE_H
#define FAIRLEAD_SUBMITTER_INTAKE_H

#include "common/app/config.h"
#include "submitter/args.h"
#include "submitter/poison.h"

enum item_out {
	ITEM_GOES,
	ITEM_ALREADY, /* skip: holds on the chain */
	ITEM_PARKED,  /* its values don't fit the call, or it is poison: why */
	ITEM_WAITS,   /* goes back to wait for another batch */
};
struct intake_item {
	int64_t id;
	struct args args;
	enum item_out out;
	const char *why;
};
enum intake_end {
	INTAKE_ASKING,
	INTAKE_GOES,  /* data, gas: may be signed */
	INTAKE_EMPTY, /* no item goes */
	INTAKE_FAILS, /* the simulation reverted (revert holds the data) or is too big */
	INTAKE_WAITS, /* a question was not answered: again later */
};
struct intake_batch {
	int64_t id;
	const struct batch_decl *decl;
	struct intake_item *items;
	size_t n;
	enum intake_end end;
	enum probe_answer failure; /* INTAKE_FAILS: PROBE_REVERTS or PROBE_TOO_BIG */
	struct str data;           /* calldata of the items that go, 0x… hex text */
	uint64_t gas;              /* estimate, without margin */
	uint64_t age_ms;           /* since it was cut, when it was read */
	struct bytes revert;
	char why[256]; /* INTAKE_WAITS, and TOO_BIG: what the node said */
	/* of the round that is being asked */
	size_t awaited;
	bool begun, asked_ok;
	bool stale; /* data still holds items that turned out to be already done */
	bool fits;  /* the question was whether a known gas suffices */
};
/* What one shape of call took: remembered from group to group. */
struct shape {
	const struct batch_decl *decl;
	size_t items, data; /* how many, how many characters */
	uint64_t gas;       /* the most that any estimate said */
};
enum { SHAPES = 32, SHAPE_GROUP = 8 };
struct shapes {
	struct shape list[SHAPES];
	size_t next;
};
struct intake {
	struct arena *a;
	struct shapes *shapes;
	const struct call_scope *names; /* for signer.address(): only .address and .arg are used */
	struct intake_batch *batches;
	size_t n, awaited;
	bool by_shape;      /* this group is large enough */
	uint64_t fixed_gas; /* gas.limit of the file; 0: estimates */
};
enum question_kind {
	QUESTION_SKIP,     /* eth_call: does the item's skip: hold? */
	QUESTION_ESTIMATE, /* eth_estimateGas of the whole batch */
	QUESTION_FITS,     /* eth_call of the whole batch with `gas` */
};
struct question {
	enum question_kind kind;
	size_t batch, item;
	uint8_t to[20];
	struct str data; /* 0x… */
	uint64_t gas;    /* FITS */
};
struct reply {
	bool ok;
	struct bytes ret;  /* eth_call's */
	uint64_t gas;      /* eth_estimateGas' */
	bool reverted;     /* !ok: with ret as the revert's data */
	bool too_big;      /* !ok: gas or size */
	const char *error; /* !ok: what the node said */
};
/* in->batches[] with id, decl, items and n stand already (made by the caller in in->a). */
void intake_init(struct intake *in);
/* Calls fn for each question of the next round; false: there is none, every batch has its end. After a
 * round's questions all of them must be told before intake_round runs again. */
bool intake_round(struct intake *in, void (*fn)(void *arg, const struct question *q), void *arg);
void intake_told(struct intake *in, const struct question *q, const struct reply *r);

/* Items that go, and the calldata of those among them with places [lo, hi) (for
 * halving). false: their values don't fit; *e says why. */
size_t intake_alive(const struct intake_batch *b);
struct intake_item *intake_item(struct intake_batch *b, size_t place); /* the place-th of those that go */
/* Some items were taken out: what is left is asked for again in the next round. */
void intake_again(struct intake_batch *b);
bool intake_compose(
	struct intake *in, const struct intake_batch *b, size_t lo, size_t hi, struct str *data, struct err *e);

#endif
