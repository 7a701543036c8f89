/* bus_in: what bus.c and ear.c share. Not for other floors: their contract is bus.h. */
#ifndef FAIRLEAD_BUS_BUS_IN_H
#define FAIRLEAD_BUS_BUS_IN_H

#include "common/bus/bus.h"

enum { BUS_KEY_MAX = 256 };

struct loop *bus_loop(const struct bus *b);
const char *bus_url(const struct bus *b);
const char *bus_app(const struct bus *b);

/* "<number>-<k>" */
struct bus_id {
	int64_t number, k;
};
bool bus_id_parse(struct bus_id *id, const char *text, size_t n);

/* Does the text of an error reply begin with that word? */
bool bus_says(const struct redisReply *r, const char *word);

#endif
