/* shape: what the logs of one kind look like: address, topics and data as they are, or an event of a contract
 * whose fields grow from a seed. The i-th log of a shape is made whenever it is asked for; none is stored. */
#ifndef FAIRLEAD_TEST_NODE_SHAPE_H
#define FAIRLEAD_TEST_NODE_SHAPE_H

#include "common/evm/abi.h"
#include "common/evm/logs.h"

#include <cjson/cJSON.h>

enum shape_how {
	SHAPE_SEEDED, /* any value of its type */
	SHAPE_FIXED,
	SHAPE_SEQ,   /* start, start + 1, … over the life of the shape: the number of the log */
	SHAPE_BELOW, /* seeded, 0..n-1 */
	SHAPE_PICK,  /* seeded, one of a list */
};
struct shape_field {
	enum shape_how how;
	uint64_t start, below;
	const struct abi_value *values; /* FIXED: one; PICK: npicks */
	size_t nvalues;
};
struct shape {
	const char *name;         /* NULL: used once */
	uint8_t (*addresses)[20]; /* one of them, seeded; seeded ones where the command said only how many */
	size_t naddresses;
	bool raw; /* topics and data below are all there is */
	uint8_t topics[4][32];
	unsigned ntopics;
	struct bytes data;
	struct abi_entry event;
	struct shape_field *fields; /* event.nin */
	uint64_t made;              /* logs made so far */
};
/* A log of `count` in a run: number `first + i` of its shape. */
struct run {
	struct shape *shape;
	uint64_t first;
	uint32_t count;
};

/* o: {"address": "0x…" | ["0x…", …], "topics": […], "data": "0x…"} or {"address", "event": "Name(type
 * indexed name, …)", "args": {name: value | {"seq": n} | {"below": n} | {"pick": […]}}}. Memory in a. */
struct shape *shape_read(struct arena *a, const cJSON *o, struct err *e);
/* Address, topics and data of log number n; seed: of its transaction. Data lies in a. */
void shape_log(const struct shape *s, uint64_t seed, uint64_t n, struct arena *a, struct log *out);

#endif
