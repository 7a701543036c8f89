/* What lease.c and seat.c share: a lease of a seat takes nothing by itself. */
#ifndef FAIRLEAD_FLEET_LEASE_IN_H
#define FAIRLEAD_FLEET_LEASE_IN_H

#include "common/fleet/lease.h"

struct seat;
enum lease_phase {
	LEASE_WANTED,  /* another holds it, or PostgreSQL is away: tried again each TRY_MS, or by its seat */
	LEASE_ASKED,   /* lane_take is on its way */
	LEASE_HELD,    /* ours since confirmed_ms at the latest */
	LEASE_GIVING,  /* seats_give is on its way: nothing is written in its name any more */
	LEASE_CLOSING, /* lane_leave is on its way */
};
struct lease {
	struct member *m;
	struct lane lane;
	struct lease_events ev;
	enum lease_phase phase;
	struct timer *timer;
	uint64_t confirmed_ms; /* when the newest confirmed fence was SENT: the lease runs at least until + TTL */
	uint64_t asked_ms;     /* when the renewal in flight was sent */
	bool renewing, waited; /* waited: another was seen to hold it since we asked first or lost it */
	int in_flight, telling; /* callbacks that still point here */
	void (*on_closed)(void *arg);
	void *closed_arg;
	/* of a seat's */
	struct seat *seat;
	struct lease *next;
	uint64_t free_since_ms; /* seen free since then; 0: it is not */
	char give_to[64];       /* "": it stays */
};
void lease_try(struct lease *s);  /* WANTED: takes it if it is free */
void lease_seen(struct lease *s); /* another holds it */
void seat_forget(struct seat *s, struct lease *l);
void seat_took(struct seat *s);
void seat_gave(struct seat *s);

#endif
