/* bus: the topology of the fleet on Redis: which streams there are, who rings, who hears. INV-1: PostgreSQL
 * is the truth, Redis is a doorbell: order of effects is commit → ring → acknowledge; every bell may be lost,
 * doubled or late.
 *
 *   stream                     kind   rung by       heard by (one group each)     number
 *   <name>:events:<chain>      log    listener      batcher, lane apply:<chain>   event seq
 *   <name>:sends:<pool>        work   batcher       submitter lanes of the pool   batch id
 *   <name>:results:<chain>     work   submitter     reconciler, lane clock        nonce
 *   <name>:dead                work   anyone        operators                     dead letter id
 *   <name>:published           work   who publishes reconciler, lane clock        event seq, or 0
 *   <name>:messages            log    reconciler    who serves, each all of it    message seq
 *
 * Not streams: <name>:beats, <name>:fees:<chain> (common/fleet/beat.h).
 *
 * A log stream has one writer and dense numbers: the entry id is <number>-0, a bell that is refused as too
 * small hangs already. A work stream has several writers: where an older number must ring it rings on the
 * top, <top>-*. Rings repeat with backoff while Redis is away: one owed bit a stream, the newest number. */
#ifndef FAIRLEAD_BUS_BUS_H
#define FAIRLEAD_BUS_BUS_H

#include "common/io/redis.h"

enum bus_kind { BUS_LOG, BUS_WORK };

struct bus; /* one ringing connection of a process */
struct bus *bus_open(struct loop *l, const char *redis_url, const char *app);
void bus_close(struct bus *b);
/* false also when it has not answered for 2 s: asked every 2 s (INV-11) */
bool bus_is_up(const struct bus *b);
bool bus_rings_owed(const struct bus *b); /* a bell is not rung yet, or not confirmed */

/* "ktty:events:main"; who may be NULL */
void bus_stream(char *out, size_t size, const char *app, const char *what, const char *who);

/* Rings stream `what:who` with number h (log streams: from 1 on; work streams: from 0 on); n: how many things
 * it stands for (for people). Fire and forget. */
void bus_ring(struct bus *b, enum bus_kind kind, const char *what, const char *who, int64_t h, int64_t n);
/* Rings again though nothing new happened (nothing moved for 5 s while numbers are behind): h-*, or on the
 * top. A refusal on a log stream means that Redis is ahead of PostgreSQL (P8): said as an odd line, the
 * stream is made anew. */
void bus_ring_again(struct bus *b, enum bus_kind kind, const char *what, const char *who, int64_t h);

struct ear; /* one consumer of one stream, on a connection of its own (a blocked read) */
struct ear_options {
	const char *what, *who; /* stream */
	/* "batcher"; NULL: every ear hears everything that rings behind number `from`, and acknowledges nothing
	 */
	const char *group;
	const char *consumer; /* the LANE, not the process: a successor inherits the pending list */
	uint64_t block_ms;    /* 0: 1000 */
	/* Something rang, or block_ms passed, or Redis came back: read PostgreSQL until it is empty, then
	 * ear_ready. No further bell comes until ear_ready (no credit, no read). rung: at least one entry was
	 * there. */
	void (*on_bell)(void *arg, bool rung);
	void *arg;
	int64_t from;
};
/* While Redis is away on_bell runs from a timer of block_ms: latency is lost, nothing else. */
struct ear *ear_open(struct bus *b, const struct ear_options *o);
/* After the effects are committed: acknowledges every entry held with a number ≤ cursor (work streams:
 * INT64_MAX = all held), then hears on. A failed XACK is forgotten. */
void ear_ready(struct ear *e, int64_t cursor);
void ear_close(struct ear *e);
/* A command beside the bells, its answer forgotten; for what may be lost. Connected: it will leave now. */
void bus_command(struct bus *b, int argc, const struct str *argv);
bool bus_reachable(const struct bus *b);
/* The highest number that was ever rung on a work stream, since the stream was made: PostgreSQL has it, or
 * lost it (P8: bells ring behind the commit). -1: the stream does not exist, or Redis does not say within 2
 * s. fn runs once, in a later turn. */
typedef void (*bus_top_fn)(void *arg, int64_t top);
void bus_top(struct bus *b, const char *what, const char *who, bus_top_fn fn, void *arg);
void bus_trim(struct bus *b, const char *what, const char *who, int64_t min_id); /* XTRIM MINID */

#endif
