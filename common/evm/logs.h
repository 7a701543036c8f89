/* logs: what nodes say about blocks and logs: JSON-RPC answers → structs, and the identity of an event
 * (INV-2, R3).
 *
 * Answers are parsed by a streaming parser into arrays in an arena: no document tree. Every field that we
 * rely on is checked for presence and form; what is not as the specification says is malformed and names the
 * field. */
#ifndef FAIRLEAD_EVM_LOGS_H
#define FAIRLEAD_EVM_LOGS_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/sax.h"
#include "common/base/u256.h"

struct block_header {
	uint64_t number, time; /* seconds */
	uint8_t hash[32], parent[32];
	uint8_t bloom[256];
	uint8_t receipts_root[32];
	bool has_base_fee;
	struct u256 base_fee;
	uint64_t gas_limit, gas_used;
	const uint8_t (*txs)[32]; /* hashes, when they were in the answer */
	size_t ntxs;
};
struct log {
	uint8_t address[20];
	uint8_t topics[4][32];
	unsigned ntopics;
	struct bytes data; /* in the arena */
	uint64_t block, tx_index, log_index;
	uint8_t block_hash[32], tx_hash[32];
	bool removed;
	bool has_time; /* blockTimestamp was given */
	uint64_t time;
	uint8_t id[32]; /* by logs_identify */
};
/* json: the raw "result". null: *found = false. */
bool header_parse(struct arena *a, struct str json, struct block_header *h, bool *found, struct err *e);

/* Is the hash of this header (the raw result) that of its fields? Chains whose headers have the fields of
 * Ethereum's forks only. A field missing, or a hash that differs where there are fields not known here (a
 * later fork's): unsupported. So is what is no header. */
enum header_truth { HEADER_TRUE, HEADER_FALSE, HEADER_UNSUPPORTED };
enum header_truth header_check(struct arena *a, struct str json);

bool logs_parse(struct arena *a, struct str json, struct log **logs, size_t *n, struct err *e);

/* INV-2: id = keccak256(chain id as 32 bytes ‖ origin ‖ keccak256(address ‖ number of topics as 1 byte ‖
 * topics ‖ data) ‖ rank as 8 bytes). rank: how many logs of the same block hash, origin and digest stand
 * before it. origin: the transaction's hash, or the block's where that is zero (R3). A hash that the block's
 * list does not hold is taken as it is: the one case known (Polygon's state sync) makes it of the block's
 * number and hash, so it is of that block alone like the block's own; and an id must not depend on whether
 * the list came with the answer (a range has none). logs: all of whole blocks, sorted by logs_sort, each
 * once. */
void logs_sort(struct log *logs, size_t n); /* block, tx index, log index */
/* Sorted logs: one that an answer holds more than once (the same place and content) stays once. How many
 * remain. */
size_t logs_once(struct log *logs, size_t n);
void logs_identify(struct log *logs, size_t n, struct u256 chain_id);

/* The same, one log after the other in chain order, with memory for the logs of one transaction only. Hashes
 * cost least four at a time: an id may wait for the logs behind it. */
struct log_ids;
struct log_ids *ids_new(struct u256 chain_id);
void ids_free(struct log_ids *ids); /* NULL: nothing */
/* The next log. Its id is written to *base + at, by ids_flush at the latest: until then *base may move, base
 * itself may not. */
void ids_put(struct log_ids *ids, const struct log *log, char *const *base, size_t at);
void ids_flush(struct log_ids *ids);   /* each id is where it was wanted */
void ids_restart(struct log_ids *ids); /* for another answer: what waits is dropped, and all ranks */

/* May bloom contain it? (Yellow Paper 4.3.1) false is a proof of absence where the bloom is trusted. */
bool bloom_may_hold(const uint8_t bloom[256], const void *p, size_t n);
void bloom_add(uint8_t bloom[256], const void *p, size_t n);
void log_bloom(const struct log *l, uint8_t bloom[256]); /* adds its address and topics */
/* The same question for one value and many blocks: its three bits, worked out once. */
struct bloom_key {
	uint16_t bit[3];
};
struct bloom_key bloom_key_of(const void *p, size_t n);
bool bloom_has(const uint8_t bloom[256], struct bloom_key k);

struct receipt {
	uint8_t tx_hash[32], block_hash[32];
	uint8_t from[20]; /* zeros when not given */
	uint64_t block, gas_used, index;
	bool ok; /* status 1 */
	bool has_status;
	struct u256 price; /* effectiveGasPrice, 0 when not given */
	bool has_l1_fee;
	struct u256 l1_fee; /* OP stack: what the chain below charged for its data, beside gas × price */
};
bool receipt_parse(struct str json, struct receipt *r, bool *found, struct err *e);
/* The receipts of a block (eth_getBlockReceipts), one by one as the text arrives: whoever parses it
 * (common/io) calls receipt_stream_sax with the stream as ctx. What was given counts only if _end says that
 * it was one whole array; else *e is malformed, and says which receipt and field. */
struct receipt_stream;
struct receipt_stream *receipt_stream_new(void (*each)(void *arg, const struct receipt *r), void *arg);
void receipt_stream_free(struct receipt_stream *s); /* NULL: nothing */
extern const struct sax receipt_stream_sax;
bool receipt_stream_end(const struct receipt_stream *s, struct err *e);
bool receipt_stream_refused(const struct receipt_stream *s, struct err *e); /* what came was malformed */

bool quantity_parse(struct str json, struct u256 *v, struct err *e); /* "0x1a" with its quotes */
bool quantity_u64(struct str json, uint64_t *v, struct err *e);
bool data_parse(
	struct arena *a, struct str json, struct bytes *out, struct err *e); /* "0x…" with its quotes */

#endif
