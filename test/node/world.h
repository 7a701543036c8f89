/* world: the whole scripted node: one chain, the endpoints that show it, each with its own view, mood, limits
 * and lies, the pool, and the memory of all that was asked.
 *
 * One process, one loop, one world. What a script names lives in the arena until the end. */
#ifndef FAIRLEAD_TEST_NODE_WORLD_H
#define FAIRLEAD_TEST_NODE_WORLD_H

#include "common/io/loop.h"
#include "test/node/chain.h"
#include "test/node/json.h"
#include "test/node/pool.h"
#include "test/node/words.h"

/* Where a call came from; a mood can be for one of them. */
enum via { VIA_HTTP = 1, VIA_WS = 2, VIA_BOTH = 3 };

/* A mood: what happens to some of the calls. */
struct mood {
	struct mood *next;
	const char *id;
	const char **methods; /* NULL: all */
	size_t nmethods;
	const char *holding; /* the text of the params has it in it; NULL: any */
	enum via via;
	uint64_t skip; /* that many matching calls pass first */
	uint64_t left; /* then that many are touched; UINT64_MAX: always */
	double chance; /* 1: each of them */
	uint64_t rng, touched;
	bool behind; /* the call is carried out first: only its answer is what follows */
	uint64_t delay_ms, jitter_ms;
	bool hang;
	bool swallow; /* a raw transaction is answered with its hash and thrown away */
	enum { CUT_NONE, CUT_BEFORE, CUT_MIDDLE } cut;
	uint64_t cut_bytes;      /* CUT_MIDDLE: of the body; 0: half of it */
	bool truncate;           /* whole HTTP, half a body */
	int status;              /* 0: as it would be */
	const char *body, *type; /* with status; NULL: the JSON-RPC answer stays */
	const char *headers;     /* "Name: value\r\n"… */
	bool fails;
	int64_t code;
	const char *message, *data; /* data: JSON text */
	const char *result;         /* JSON text instead of the true result */
	int64_t plus;               /* a quantity is that much higher, or lower */
	const char *id_text;        /* JSON text in the place of the id */
};

enum lie_in { IN_LOGS = 1, IN_RECEIPTS = 2, IN_PUSHES = 4, IN_HEADERS = 8 };
enum lie_kind {
	LIE_OMIT,
	LIE_REPEAT,
	LIE_FORGE,
	LIE_SHUFFLE,
	LIE_REVERSE,
	LIE_EMPTY,
};
struct lie {
	struct lie *next;
	const char *id;
	enum lie_kind kind;
	unsigned in;        /* enum lie_in */
	uint64_t left;      /* answers that it spoils; UINT64_MAX: all */
	uint64_t every, at; /* every n-th log of a block; the log of that index; UINT64_MAX: not so */
	uint64_t from, to;  /* block numbers */
	double chance;
	const char *field; /* LIE_FORGE: of a log or header */
	const char *value; /* JSON text; NULL: something wrong of the right form */
};

struct limits {
	uint64_t state; /* blocks behind the head whose state is kept; 0: all */
	uint64_t range, results, bytes, timeout, rps, batch, history, addresses, topics; /* 0: none */
	bool history_empty; /* below history: [] and null instead of a refusal */
	struct words words[WORDS_KINDS];
	double tokens; /* of rps */
	uint64_t at_us;
};

enum say { SAY_ERROR, SAY_EMPTY, SAY_NULL, SAY_CLAMP };
enum order { ORDER_HEADS_LOGS, ORDER_LOGS_HEADS, ORDER_SHUFFLED };
enum { LAGS_MOST = 8, ENDPOINTS_MOST = 16 };

struct endpoint {
	struct world *world;
	size_t number;
	int port;
	/* the view */
	struct branch *branch;
	uint64_t lags[LAGS_MOST]; /* blocks behind the branch's head; several: taken in turn, a machine each */
	size_t nlags, turn;
	uint64_t pinned;      /* no head above it; UINT64_MAX: none */
	uint64_t safe, final; /* lag of the tags; UINT64_MAX: unknown to it */
	bool low_tags;        /* a tag that would be below block 0 is 0 (else null) */
	uint64_t logs_behind; /* that many newest blocks have a header and no logs yet */
	enum say logs_missing, beyond, future, unknown_hash;
	bool has_id, has_genesis;
	uint64_t chain_id;
	uint8_t genesis[32];
	const char *client;
	/* form */
	bool time_in_logs;
	enum { FRAMING_AUTO, FRAMING_CHUNKED, FRAMING_LENGTH } framing;
	bool pending_calls;   /* calls and estimates without a block are for pending */
	bool no_pending;      /* a count at pending is that at latest */
	bool ignores_block;   /* state is asked at latest, whatever block was named */
	const char **missing; /* methods that it doesn't know */
	size_t nmissing;
	/* WebSocket */
	uint64_t refuse; /* that many upgrades are refused; UINT64_MAX: all */
	bool silent, no_pushes, removed;
	enum order order;
	double lose, repeat;
	uint64_t push_rng;
	const struct block *told; /* the head that subscribers know */
	struct mood *moods;
	struct lie *lies;
	struct limits limits;
	struct net_listener *listener;
	struct conn *conns;
	uint64_t upgrades;
};

struct contract { /* a function of an address, or all of them; exec.c */
	struct contract *next;
	uint8_t to[20];
	bool any; /* all functions */
	struct abi_entry fn;
	int count;                   /* the argument whose value, or whose items, are effects; -1: none */
	const uint8_t (*poison)[32]; /* a call with one of these among its effects reverts */
	size_t npoison;
	bool reverts;           /* every call */
	struct bytes revert;    /* its data */
	bool once;              /* a call reverts when one of its effects has happened */
	bool tx_fails;          /* only when mined: estimates and calls pass */
	uint64_t gas, gas_each; /* 0: guessed */
	struct run *runs;       /* logs of a transaction that goes well */
	uint32_t nruns;
	struct bytes returns;        /* of eth_call */
	struct contract *effects_of; /* eth_call answers how often its first argument was an effect there */
};

struct asked {      /* a call that was heard */
	uint64_t at_us; /* since the start */
	uint32_t endpoint, conn, batch;
	enum via via;
	char *method, *params;
};
struct heard { /* a raw transaction that was heard, accepted or not */
	uint64_t at_us, wall_ms;
	uint32_t endpoint;
	bool decoded, accepted;
	char *raw;
	char *answer; /* what refused it */
	struct txn *txn;
};

struct world {
	struct loop *loop;
	struct arena arena;
	struct chain chain;
	struct pool pool;
	struct endpoint endpoints[ENDPOINTS_MOST];
	size_t nendpoints;
	struct contract *contracts;
	struct shape **shapes; /* those with a name */
	size_t nshapes;
	bool repool; /* a reorg gives its signed transactions back to the pool */
	bool auto_mine;
	struct timer *clock;
	uint64_t clock_ms;
	struct asked *asked;
	size_t nasked;
	struct heard *heard;
	size_t nheard;
	uint64_t serial, started_us, conns;
	struct net_listener *control;
	int control_port;
};

/* What one machine behind an endpoint knows when it is asked. */
struct view {
	struct endpoint *ep;
	const struct branch *branch;
	uint64_t head;
};
struct view endpoint_view(struct endpoint *ep); /* takes a turn */
static inline struct block *view_head(const struct view *v)
{
	return v->branch->at[v->head];
}

struct world *world_new(struct loop *l, uint64_t seed, uint64_t chain_id);
void world_free(struct world *w);
struct endpoint *world_add_endpoint(struct world *w);
/* Blocks have come or gone: subscribers are told. */
void world_moved(struct world *w);
/* Mines what the pool has, and made-up transactions before it. */
struct block *world_mine(struct world *w, struct branch *b, const struct mined *txs, size_t n, bool pool,
	const struct mine_options *o);

/* record.c */
void record_call(
	struct endpoint *ep, const char *method, const cJSON *params, enum via via, uint64_t conn, size_t batch);
struct heard *record_raw(struct endpoint *ep, const char *raw);
void record_forget(struct world *w);
bool record_asked(struct world *w, const cJSON *o, struct buf *out, struct err *e);
bool record_raws(struct world *w, const cJSON *o, struct buf *out, struct err *e);

/* exec.c: what a transaction or call does: no EVM, but what the script says of contracts. */
struct effect {
	bool ok;
	struct bytes out; /* what it returns, or the revert's data */
	uint64_t gas;
	const struct contract *contract;
};
/* Where a call is carried out: behind a block, and behind transactions that follow it. */
struct exec_at {
	const struct block *block;
	const struct mined *behind;
	size_t n;
	bool pool; /* behind what waits in the pool too */
};
void exec_call(struct world *w, const struct exec_at *at, const uint8_t to[20], struct bytes data, bool mined,
	struct arena *a, struct effect *out);
uint64_t exec_intrinsic_gas(struct bytes data, bool create);        /* EIP-2028, EIP-2 */
bool exec_contract(struct world *w, const cJSON *o, struct err *e); /* the command */
/* How often each effect of the contract happened on the way to that block: {"key": n} */
void exec_effects(struct world *w, const struct block *head, const uint8_t to[20], struct buf *out);

#endif
