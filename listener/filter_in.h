/* filter_in: what the filter*.c files share with each other and with nobody else. */
#ifndef FAIRLEAD_LISTENER_FILTER_IN_H
#define FAIRLEAD_LISTENER_FILTER_IN_H

#include "listener/filter.h"

struct filter_contract {
	const struct contract_decl *decl;
	const struct bloom_key *keys; /* of its addresses */
};

/* filter_where.c: topics of an event, from the rules on it. */
void filter_where(struct arena *a, const struct config *c, struct filter_event *e);
/* Has the log, at each position that is restricted, one of its topics? */
bool filter_topics_fit(const struct filter_topics topics[4], const struct log *log);
/* Sorts n values of `size` bytes, leaves each once; how many. */
size_t filter_sort(void *values, size_t n, size_t size);

#endif
