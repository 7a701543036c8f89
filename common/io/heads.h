/* heads: the bell of one endpoint's chain head: newHeads over WebSocket, or polling, or both in turn.
 *
 * A head or a log heard is only a hint that names a block to read (R1): nothing is ever stored from it. While
 * the WebSocket is up, polling stands still but for a look every `silent` ms; an open socket that brought
 * nothing for that long while the poll shows a newer head is cut and replaced. While it is down, polling
 * carries on (K-02) and the socket is tried again with capped backoff for ever (K-65). */
#ifndef FAIRLEAD_IO_HEADS_H
#define FAIRLEAD_IO_HEADS_H

#include "common/io/rpc.h"

struct heads;
struct heads_options {
	struct rpc *rpc; /* for polling: eth_blockNumber */
	/* NULL, "" or the URL of rpc: the socket of rpc if that is a WebSocket, else polling only */
	const char *ws_url;
	uint64_t timeout_ms; /* of questions to heads_line, as rpc_open takes it */
	/* JSON filter of eth_subscribe "logs": the block of a log heard rings too, once a block hash; or NULL */
	const char *logs;
	uint64_t poll_ms, silent_ms;
	uint64_t reconnect_first_ms, reconnect_max_ms;
	uint32_t reconnect_alarm; /* the failed try in a row that raises an alarm line */
	const char *name;         /* chain name, for logs */
};
struct heads_state {
	bool ws_up;    /* subscribed and confirmed */
	bool heard;    /* at least one head or poll answer since start */
	uint64_t head; /* the number that rang last */
	bool has_hash; /* it came by newHeads or a log, with its hash: */
	uint8_t hash[32];
	bool by_log;     /* it was a log that named it */
	bool has_time;   /* it said when the block was made: */
	uint64_t time;   /* seconds */
	bool has_parent; /* it said which block is below it: */
	uint8_t parent[32];
	uint32_t reconnects; /* WebSocket tries since start, the first not counted */
	uint32_t failures;   /* polls failed in a row */
};
struct heads_events {
	/* A block is worth a look: a head was heard or polled, or a log of it was heard, before or behind its
	 * head in any order; it may repeat, go back, or skip. heads_state has its hash, if it came with one. A
	 * log that the node took back (removed: true) rings with the number alone. */
	void (*on_head)(void *arg, uint64_t number);
	void (*on_state)(void *arg, const struct heads_state *s); /* ws_up or failures changed */
	/* A log came over the subscription of `logs`, in the node's words (a JSON object, valid during the call),
	 * before the ring of its block if that is news. Not for logs that are taken back. NULL: not wanted. */
	void (*on_log)(void *arg, uint64_t number, const uint8_t block[32], struct str log);
	/* A call of heads' own is about to leave, a poll or a subscription, and is counted: how many ms later it
	 * may. Pings are no calls. NULL: at once. */
	uint64_t (*book)(void *arg);
	/* A poll failed or a subscription was refused, which is the one answer of r then. true: it was only too
	 * often: a subscription is asked for once more on the same socket, as book says, for ever. NULL: it never
	 * is. */
	bool (*on_refused)(void *arg, const struct rpc_reply *r);
	/* Asked behind each poll: how many ms to the next one at least. NULL: as configured. */
	uint64_t (*poll_gap)(void *arg);
	void *arg;
};
/* The callbacks run from the loop, never from inside these calls, and not after heads_close. */
struct heads *heads_open(struct loop *l, const struct heads_options *o, const struct heads_events *ev);
void heads_poll_now(struct heads *h);
const struct heads_state *heads_state(const struct heads *h);
/* Where a block that a head or a log of the WebSocket has named may be asked for as well: the socket that
 * told of it, so the machine behind it has the block, and nothing is connected anew. NULL: it is not up, or
 * is that of rpc itself. Until the next turn; what is on its way when the socket is lost fails as transient.
 */
struct rpc *heads_line(const struct heads *h);
/* How long the node owes an answer to a ping or a poll; 0 when that is no longer than an answer may take. */
uint64_t heads_silent_ms(const struct heads *h);
void heads_close(struct heads *h);

#endif
