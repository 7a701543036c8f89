/* counters: the totals of a program in PostgreSQL, for fairlead.counters: what a process counted is added to
 * what is there, so that a restart does not set a total back. */
#ifndef FAIRLEAD_LEDGER_COUNTERS_H
#define FAIRLEAD_LEDGER_COUNTERS_H

#include "common/io/pg.h"

struct counter_gain {
	const char *name, *labels; /* labels as Prometheus writes them, `chain="main"`, or NULL */
	double gain;
};
void counters_add(struct pg_unit *u, const char *program, const struct counter_gain *g, size_t n);

#endif
