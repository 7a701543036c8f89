/* health: every program's own socket: /livez /readyz /status /metrics, and the names given in `serve:`.
 *
 * /livez 200 while the loop turns (a stuck loop can't answer). /readyz 200 or 503 with one line a reason
 * (INV-11: it tells the truth). /status: JSON of the program. HEAD works, other methods are 405. */
#ifndef FAIRLEAD_IO_HEALTH_H
#define FAIRLEAD_IO_HEALTH_H

#include "common/io/http.h"

struct health;
struct health_options {
	const char *program;                  /* "listener" */
	const char *ready_alias, *live_alias; /* extra paths for /readyz and /livez, or NULL */
	/* Appends one plain sentence a line for each reason not to be ready; nothing appended = ready. */
	void (*reasons)(void *arg, struct buf *out);
	/* Appends the members of the status object, each as "\"key\":value," (trailing comma kept). */
	void (*status)(void *arg, struct buf *out);
	void *arg;
};
struct health *health_open(struct loop *l, const struct health_options *o);
bool health_listen(struct health *h, const char *address, struct err *e);
/* What is said at one of its paths, for a server of somebody else's that also carries them (GET, HEAD): the
 * status, the body appended; 0: no path of it. */
int health_say(struct health *h, struct str path, struct buf *body, const char **type);
void health_close(struct health *h);
int health_port(const struct health *h); /* of the first TCP listener, else 0 */

#endif
