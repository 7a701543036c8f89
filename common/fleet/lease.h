/* lease: holds one lane as long as it can, gets it back when it can't (INV-8). One writer works, spares wait.
 *
 * Tries to take the lane at once, then every second while another holds it; renews every third of LANE_TTL_MS
 * when no fence did. The program hears on_gain, works with lease_lane in each unit's lane_fence, and hears
 * on_loss when a fence was refused (call lease_lost) or when a renewal could not be confirmed in time: then
 * nothing more may be started in its name. Where several processes share several lanes a seat opens the
 * leases (seat.h), and tries for them. */
#ifndef FAIRLEAD_FLEET_LEASE_H
#define FAIRLEAD_FLEET_LEASE_H

#include "common/fleet/member.h"
#include "common/ledger/lane.h"

struct lease;
struct lease_events {
	void (*on_gain)(void *arg, const struct lane *l); /* epoch and at are set */
	void (*on_loss)(void *arg);
	/* Of a seat's: another process should hold it: bring what is under way to an end, then lease_give. It is
	 * lease_wanted until then. */
	void (*on_wanted)(void *arg);
	bool (*is_idle)(void *arg); /* of a seat's, while held: nothing is under way; may be NULL */
	void *arg;
};
struct lease *lease_open(struct member *m, const char *lane_name, const struct lease_events *ev);
struct lane *lease_lane(struct lease *s); /* valid while held */
bool lease_held(const struct lease *s);
/* For /readyz: a line while it is not known who holds the lane (just started, or just lost). A holder and a
 * spare are ready (INV-11). */
void lease_reasons(const struct lease *s, struct buf *out);
void lease_lost(
	struct lease *s); /* a unit came back fenced: on_loss runs in a later turn, then it is tried for again */
bool lease_wanted(const struct lease *s);
void lease_give(struct lease *s); /* held and wanted: from here on it is another's; no on_loss */
void lease_close(
	struct lease *s, void (*done)(void *arg), void *arg); /* gives the lane back first, then done */

#endif
