/* query: a filter over blocks, and its logs as JSON, made while they are sent: the answer never lies in
 * memory as a whole. */
#ifndef FAIRLEAD_TEST_NODE_QUERY_H
#define FAIRLEAD_TEST_NODE_QUERY_H

#include "test/node/world.h"

struct filter {
	uint8_t (*addresses)[20];
	size_t naddresses; /* 0: any; an empty list is any too, as geth has it */
	uint8_t (*topics[4])[32];
	size_t ntopics[4]; /* 0: any */
	unsigned least;    /* topics that a log must have */
};
struct query {
	struct arena arena;   /* the filter */
	struct arena scratch; /* the data of the logs at hand */
	struct log *logs;     /* at hand */
	struct endpoint *ep;
	struct filter filter;
	struct block **blocks;
	size_t n;
	bool removed;
	unsigned in; /* enum lie_in: what is asked */
	struct lie *lies[8];
	size_t nlies;
	/* the place */
	size_t at;
	uint32_t tx, log;
	bool begun, over, bare; /* bare: no brackets */
	bool none;              /* nothing is told */
	uint64_t told;
};
struct query *query_new(struct endpoint *ep, unsigned in);
void query_free(struct query *q);
/* o: address, topics. false: e says why, as a node would. */
bool filter_read(struct arena *a, const cJSON *o, struct filter *f, struct err *e);
bool filter_takes(const struct filter *f, const struct log *l);
bool filter_may(const struct filter *f, const uint8_t bloom[256]);
/* Appends some logs; false: that was all, with the closing bracket. */
bool query_more(struct query *q, struct buf *out, size_t most);
void query_rewind(struct query *q);
/* How many logs it has, up to a number above most or bytes above most_bytes (0: no such limit). */
uint64_t query_count(struct query *q, uint64_t most, uint64_t most_bytes, uint64_t *bytes);
void put_log_json(struct buf *b, const struct endpoint *ep, const struct log *l);
/* Whether a lie touches that log. */
bool lie_hits(const struct lie *l, const struct log *g, uint32_t in_block);
/* The first lie of that kind on the endpoint about `in`; takes one of its answers. */
size_t lies_take(struct endpoint *ep, unsigned in, struct lie **out, size_t room);
/* Spoils one field: of a log. */
void lie_forge(const struct lie *l, struct log *g);

#endif
