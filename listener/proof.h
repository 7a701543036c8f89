/* proof: how far the logs of a block are proved (R6), and which answers contradict what stands fast (P11,
 * R1).
 *
 * What stands fast is the header: its hash is the one that the chain of hashes names. Its bloom can refute
 * logs and prove that there are none; its receipts root proves all of them. Levels, by what was done for
 * them: none      one endpoint's word bloom     a trusted bloom says that the block has none of ours; a block
 * that has some stays unproved sources   two endpoints on different hosts gave the same set receipts  the
 * root of all receipts is the header's; the logs are taken from the receipts A block that its bloom proves
 * empty has the level that was wanted: the bloom stands under the same hash.
 *
 * A check that never passed on a chain is unsupported there, which lowers the level and accuses nobody; once
 * it passed, a failure is a lie. proof.c is pure; proof_run.c asks. Not here: whom to ask, and what becomes
 * of one who lied (provider.h). */
#ifndef FAIRLEAD_LISTENER_PROOF_H
#define FAIRLEAD_LISTENER_PROOF_H

#include "common/app/config.h"
#include "common/evm/receipts.h"
#include "common/io/rpc.h"

/* ── what is to be believed of a chain ── */

enum proof_check {
	PROOF_CHECK_BLOOM,  /* the header's bloom holds every log */
	PROOF_CHECK_ROOT,   /* of the receipts; each form of receipt for itself */
	PROOF_CHECK_HEADER, /* the header's hash is that of its fields */
	PROOF_CHECK_INDEX,  /* log indexes grow through the block; on some chains they begin anew each transaction
						 */
	PROOF_CHECK_TX,     /* the transaction named is the header's at that index */
	PROOF_CHECK_PAIR,   /* one transaction has one index in its block, and one index one transaction */
	PROOF_CHECKS
};
enum {
	PROOF_FORMS = 256 + 3
}; /* receipt types; legacy with a state root; deposits with a version; outside */

/* One for each chain, zeroed; for all its endpoints, since what passes is true of the chain. */
struct proof_trust {
	/* INDEX, TX and PAIR can hold by chance: they are tests only after many times without a failure. */
	uint32_t passed[PROOF_CHECKS];
	bool failed[PROOF_CHECKS], said[PROOF_CHECKS];
	uint32_t lies[PROOF_CHECKS]; /* found by it since it passed last */
	uint8_t forms[(PROOF_FORMS + 7) / 8], said_forms[(PROOF_FORMS + 7) / 8];
	uint64_t receipts_bytes; /* answer about all receipts of a block, smoothed; 0: none came yet */
	bool outside; /* logs outside bloom and root were seen: a negative bloom proves nothing any more */
};
/* Everybody who was asked about a block fails in it: those that may have held by chance, and found a lie
 * since they passed last, are given up. What is certain never is. */
void proof_give_up(struct proof_trust *t);
bool proof_trusts(const struct proof_trust *t, enum proof_check c);
/* May a block be left unasked because its bloom has none of ours? */
bool proof_bloom_counts(const struct proof_trust *t);
/* A check that failed and is no lie, to be told once a chain: its name, or NULL when there is nothing new. */
const char *proof_unsupported(struct proof_trust *t);

/* ── one block ── */

enum proof_verdict {
	PROOF_UNPROVED, /* nothing speaks against the logs; the level reached says what speaks for them */
	PROOF_PROVED,
	PROOF_REFUTED, /* they contradict the header: not to be stored, to be asked of another */
};
enum proof_liar {
	PROOF_NOBODY,
	PROOF_GIVEN, /* whoever gave the logs that were to be proved */
	PROOF_ASKED, /* whoever answered the question */
	PROOF_EITHER /* two endpoints differ, and nothing says which is right */
};
struct proof_filter {
	bool (*bloom)(void *arg, const uint8_t bloom[256]); /* may the block hold one of ours? */
	bool (*wanted)(void *arg, const struct log *log);   /* is it one of ours? */
	void *arg;
};
struct proof_block {
	enum proof_verdict verdict;
	enum proof_level level; /* reached */
	enum proof_liar liar;
	bool unsupported; /* the level can't be reached on this chain: it is lowered, nobody is to blame */
	bool again;       /* the answer was not there (yet), or not well formed: ask again, maybe another */
	/* The block's logs that are wanted, in chain order: those given, or (level receipts) those of the
	 * receipts. */
	const struct log *logs;
	size_t nlogs;
	char why[200]; /* a sentence without a stop; "" when there is nothing to say */
};
struct proof_given {
	const struct log *logs; /* of this block, sorted (logs_sort), each once (logs_once); ours only */
	size_t n;
	/* false: nobody was asked yet, the logs come from the receipts (level receipts only). Where these prove
	 * nothing, there are no logs, and somebody must be asked for them. */
	bool known;
};

/* Those that are wanted of the logs of one block, sorted and each once. */
struct proof_given proof_given(
	struct arena *a, const struct proof_filter *f, const struct log *logs, size_t n);
/* Holds given logs against their header. UNPROVED with level none, PROVED (empty by the bloom; level is
 * `want`) or REFUTED. Learns. */
void proof_logs(struct proof_trust *t, enum proof_level want, const struct block_header *h,
	const struct proof_given *g, const struct proof_filter *f, struct proof_block *out);
/* The same with all receipts of the block, which may go afterwards: the logs that they prove are copied to a.
 */
void proof_receipts(struct proof_trust *t, struct arena *a, const struct block_header *h,
	const struct proof_given *g, const struct proof_filter *f, struct receipts *r, struct proof_block *out);
/* The same with what an endpoint on another host gave: sorted, each once, ours only. */
void proof_sources(const struct block_header *h, const struct proof_given *g, const struct log *other,
	size_t n, struct proof_block *out);
/* Logs that are checked one after the other, without their header: `to` stands in the same block as `from`
 * and behind it, by (tx, log). NULL: it may; else what is wrong with it, for "a log …". Learns. */
struct proof_place {
	uint64_t tx, log;
	const uint8_t *tx_hash;
};
const char *proof_behind(struct proof_trust *t, const struct proof_place *from, const struct proof_place *to);
/* Logs whose header came behind them: bloom is that of n of the block's. false: the header's does not hold
 * it, which is a lie. Learns. */
bool proof_bloom(struct proof_trust *t, const struct block_header *h, const uint8_t bloom[256], size_t n);
/* Does it say yes to nearly anything? */
bool proof_bloom_is_full(const uint8_t bloom[256]);
/* header_check of a header. false: it is a lie. */
bool proof_header(struct proof_trust *t, enum header_truth truth);

/* ── sets of logs ── */

/* Is it the same set, of a block or of a range? By block hash, transaction hash and index, log index,
 * address, topics and data, in any order. 32 bytes a log until the end. A zeroed set is empty. */
struct proof_set {
	struct buf hashes;
};
void proof_set_add(struct proof_set *s, const struct log *log);
void proof_set_end(struct proof_set *s, uint8_t digest[32]); /* and empties it; its memory stays */
void proof_set_fini(struct proof_set *s);

/* ── asking ── */

struct proof_job;
struct proof_ask {
	enum proof_level want;
	struct rpc *rpc; /* for sources: of an endpoint on another host than the one that gave the logs */
	struct proof_trust *trust;
	const struct block_header
		*headers; /* with their transactions' hashes, where no eth_getBlockReceipts is */
	size_t n;
	const struct proof_given *given; /* n of them */
	struct proof_filter filter;
	const char *const *members; /* sources: of each eth_getLogs filter object, "address":[…],"topics":[…] */
	size_t nmembers;
	int calls_most; /* calls in one request; 0: 100. Fewer where the answers are large (INV-10) */
	/* Of so many calls, each request's but for the first `charged`: how many ms later they may leave. NULL:
	 * at once. */
	uint64_t (*pace)(void *arg, uint32_t calls);
	void *pace_arg;
	uint32_t charged;
	/* With pace_arg: that answer is an error (-1: the exchange failed). true: for the rate, and it was told:
	 * the same is asked again, as pace says. NULL: never. */
	bool (*too_often)(void *arg, const struct rpc_reply *q, int call);
	bool single;       /* eth_getBlockReceipts is not served here */
	struct arena *mem; /* where proved logs are put; untouched after proof_cancel */
};
struct proof_reply {
	bool ok; /* every question was answered; blocks are there */
	/* !ok: the exchange that failed, and which call of it, for provider_failed; -1: the exchange itself */
	const struct rpc_reply *failed;
	int call;
	struct err err;
	bool no_block_receipts;           /* it was found out that eth_getBlockReceipts is not served */
	const struct proof_block *blocks; /* n; they live until fn returns, proved logs as long as mem */
	uint64_t bytes, took_us;          /* of all replies; of the first */
	int requests;
};
/* What must be asked for is asked, one request at a time; fn runs exactly once, later, also where nothing had
 * to be asked. All that ask points to lives until then, or until proof_cancel. */
struct proof_job *proof_run(struct loop *l, const struct proof_ask *ask,
	void (*fn)(void *arg, const struct proof_reply *r), void *arg);
void proof_cancel(struct proof_job *j); /* fn does not run */
/* When the last answer came, or the question that is out was sent: ms of the loop's clock. */
uint64_t proof_heard_ms(const struct proof_job *j);

#endif
