/* seat: this process's place among those that can hold the same lanes: says that it lives, sees who else
 * does and what is free, takes its share at once and gives away what is above it (spread.h decides).
 *
 * Looks five times a second while a lane of its is elsewhere, so a lane whose holder was killed is taken
 * within that; once a second else, so that a newcomer gets its share. A holder that only froze keeps its lane
 * until its lease has run out. */
#ifndef FAIRLEAD_FLEET_SEAT_H
#define FAIRLEAD_FLEET_SEAT_H

#include "common/fleet/lease.h"

struct seat;
struct seat *seat_open(struct member *m); /* one a process */
/* A lane that goes round. It is not taken before a look has shown that it is ours to take. */
struct lease *seat_lease(struct seat *s, const char *lane_name, const struct lease_events *ev);
void seat_drain(struct seat *s); /* nothing more is taken, and the others hear of it */
void seat_close(struct seat *s); /* behind its leases: at the end of the process */

#endif
