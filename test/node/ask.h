/* ask: one JSON-RPC call and its answer, and what a whole request is answered with. */
#ifndef FAIRLEAD_TEST_NODE_ASK_H
#define FAIRLEAD_TEST_NODE_ASK_H

#include "test/node/query.h"

struct ask {
	struct endpoint *ep;
	struct view view;
	const cJSON *params;
	struct conn *conn;   /* subscriptions */
	struct buf result;   /* JSON */
	bool swallow;        /* a raw transaction is not to reach the pool */
	struct query *query; /* the result is its logs; owned */
	int64_t code;        /* an answer that is an error */
	struct buf message, data;
	int status; /* HTTP status and headers that go with it; 0: 200 */
	const char *headers, *body;
};
/* true: result or query is set; false: the error is. */
bool eth_answer(struct ask *a, const char *method);
bool ask_fail(struct ask *a, int64_t code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool ask_fail_in_words(struct ask *a, enum words_kind kind, const struct words_numbers *n);
const cJSON *ask_param(const struct ask *a, int i); /* NULL: not there or null */
/* A tag, a number, {blockNumber} or {blockHash}; *k NULL: nothing there. false: the error is set. */
bool ask_block(struct ask *a, const cJSON *v, struct block **k);

/* eth_block.c, eth_tx.c, eth_state.c, eth_logs.c, push.c */
bool eth_block_by(struct ask *a, bool by_hash);
bool eth_get_logs(struct ask *a);
bool eth_block_receipts(struct ask *a);
bool eth_receipt(struct ask *a);
bool eth_tx_by_hash(struct ask *a);
bool eth_send_raw(struct ask *a);
bool eth_fee_history(struct ask *a);
bool eth_call(struct ask *a);
bool eth_estimate(struct ask *a);
bool eth_tx_count(struct ask *a);
bool eth_balance(struct ask *a);
bool eth_code(struct ask *a);
bool eth_subscribe(struct ask *a);
bool eth_unsubscribe(struct ask *a);
void put_header(
	struct buf *b, const struct view *v, const struct block *k, int txs); /* -1 none, 0 hashes, 1 full */

/* A request as it came: one call or a batch. */
struct part {
	struct buf text;
	struct query *query; /* behind the text */
};
struct reply {
	int status;
	const char *type;
	struct buf headers;
	struct part *parts;
	size_t nparts, at;
	size_t text_at;
	uint64_t delay_ms;
	bool hang, cut_now, truncate;
	bool cut_middle;
	uint64_t cut_bytes;
};
void reply_init(struct reply *r);
void reply_fini(struct reply *r);
struct buf *reply_text(struct reply *r); /* to append to */
/* Appends some of the body, about `most` bytes; false: that was the last. */
bool reply_more(struct reply *r, struct buf *out, size_t most);
void reply_rewind(struct reply *r);
/* body: of an HTTP request or WebSocket message. conn_number: for the record. */
void ask_whole(struct endpoint *ep, struct conn *c, uint64_t conn_number, enum via via, struct str body,
	struct reply *r);

#endif
