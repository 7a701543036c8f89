/* door: where the world comes in. One table of paths: those of the engine, which win, and the application's
 * routes. A request is matched, let in (auth), read (params, body), and given to whoever serves its path;
 * what can't be is answered here (RFC 9110, RFC 9457).
 *
 * It stands before PostgreSQL is there: health answers at once, a route answers what its `lost:` says. */
#ifndef FAIRLEAD_SERVE_DOOR_H
#define FAIRLEAD_SERVE_DOOR_H

#include "common/fleet/member.h"
#include "reconciler/serve/visit.h"

struct tally;
struct way {                        /* what one method of one path stands for */
	const char *label;              /* "GET /lock/{lockId}" */
	const struct route_decl *route; /* NULL: of the engine */
	void (*serve)(void *arg, struct visit *v);
	void *arg;
	struct input *params, *body; /* of a route */
	struct tally *tally;
	bool own;                 /* below /_fairlead: for pages of this origin alone */
	const char *const *names; /* of the parameters of an engine path, in order */
	size_t nnames;
};
/* route: serves what matched a route and was let in. false: *e; what is wrong with a declaration is a
 * problem.
 */
struct door *door_open(
	struct member *m, void (*route)(void *arg, struct visit *v), void *arg, struct problems *ps);
/* A path of the engine's own, "/_fairlead/story/{id}", before door_listen; its {names} are texts in v->names.
 * auth: an auth name of serve.auth that must let in, or NULL. */
void door_add(struct door *d, const char *method, const char *path, void (*serve)(void *arg, struct visit *v),
	void *arg);
/* Takes the application's routes behind the engine's paths and listens on serve.listen. false: problems were
 * added, or *e says why. */
bool door_listen(struct door *d, struct problems *ps, struct err *e);
/* In-flight answers finish; done runs when all is closed. */
void door_drain(struct door *d, void (*done)(void *arg), void *arg);
void door_close(struct door *d);
/* Figures of the routes, for the page: fn for each that was asked. Milliseconds; NAN: none yet. */
struct way_figures {
	const char *label;
	uint64_t asked, refused, failed, cached;
	double p50_ms, p99_ms;
};
void door_figures(const struct door *d, void (*fn)(void *arg, const struct way_figures *f), void *arg);

#endif
