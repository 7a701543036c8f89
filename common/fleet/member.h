/* member: what every program of the fleet does alike: reads its file, says what is wrong with it, waits for
 * PostgreSQL and Redis, installs, opens its health socket, runs, drains. The four main.c differ in what they
 * do in between.
 *
 * Life: start → (PostgreSQL there, installed, file tables fit) → on_start once → … → SIGTERM or SIGINT →
 * on_drain once → member_drained → exit 0. When drain takes longer than fleet.drain the process ends with 75
 * and says what was left. */
#ifndef FAIRLEAD_FLEET_MEMBER_H
#define FAIRLEAD_FLEET_MEMBER_H

#include "common/app/config.h"
#include "common/app/options.h"
#include "common/bus/bus.h"
#include "common/io/health.h"
#include "common/io/loop.h"
#include "common/io/pg.h"

struct beat;
struct member {
	struct loop *loop;
	struct pg *pg; /* the program's one connection */
	struct bus *bus;
	struct health *health;
	struct config *config;
	struct options options;
	char *conninfo, *redis_url; /* never print */
	char holder[64];            /* host:pid, for lane.holder */
	bool draining;
	/* the rest is member.c's own */
	struct member_run *run;
};
struct member_program {
	struct program_decl decl;
	const char *short_name; /* "listener" */
	void *arg;
	/* before all else: opens what serves while PostgreSQL is not there. false: ps says why, or it was said;
	 * the process ends with 78. May be NULL */
	bool (*on_open)(void *arg, struct member *m, struct problems *ps);
	void (*on_start)(void *arg, struct member *m);
	void (*on_pg)(
		void *arg, bool up); /* after on_start: the main connection was lost or is back; may be NULL */
	/* a wish (common/ledger/wishes.h) may stand, or an item or a job was left (kind "item": the batch;
	 * "job"). Behind each connect once with two empty texts: some may have been missed. May be NULL */
	void (*on_wish)(void *arg, const char *kind, const char *subject);
	void (*on_drain)(void *arg); /* stop taking work, finish what is in flight, then member_drained */
	void (*reasons)(void *arg, struct buf *out); /* beyond PostgreSQL, Redis and start: see health.h */
	void (*status)(void *arg, struct buf *out);
	/* once a second, while it runs: what it does and holds (beat.h); may be NULL */
	void (*beat)(void *arg, struct beat *b);
	void (*on_end)(void *arg); /* loop is over: free */
	bool needs_key;            /* the submitter: secrets are kept, others wipe them after load; who
						 serves keeps those of auth: */
	bool generic_plans;        /* no SQL of the application runs on its main connection: see pg.h */
	bool serves;               /* the reconciler: its front door is serve.listen */
	int (*top)(
		void *arg, struct member *m); /* --top: runs instead of all this, returns the exit code; or NULL */
	/* one of the commands of options.h: done instead of all this, without any key; returns the exit code. Or
	 * NULL */
	int (*command)(void *arg, struct member *m);
};
int member_main(const struct member_program *p, int argc, char **argv); /* main()'s return value */
void member_drained(struct member *m);
/* Ends the process in an orderly way with this exit code (78: the world does not fit the configuration: say
 * why before). */
void member_end(struct member *m, int exit_code);

#endif
