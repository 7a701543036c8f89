/* options: the command line of the four programs: one table a program, from which --help is made. Pure. */
#ifndef FAIRLEAD_APP_OPTIONS_H
#define FAIRLEAD_APP_OPTIONS_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <stdio.h>

enum option_group { OPTION_LOOK, OPTION_ACT, OPTION_RUN };
struct option_decl {
	const char *flag;  /* "--check" */
	const char *value; /* "BLOCK"; "[NAME]": may be left out, is a word without . and /; NULL: no value */
	enum option_group group;
	const char *text; /* what it does; NULL: hidden from --help */
};
enum { OPTIONS_HEALTH_MAX = 4 };
struct options {
	const char *file;      /* fairlead.yaml if not given */
	const char *health[4]; /* --health ADDR, repeatable; NULL ends */
	bool check, print, help, version, faults, once, top, serve_only;
	const char *once_name;     /* --once NAME */
	bool has_from, from_start; /* --from BLOCK; from_start: --from start, where each contract begins */
	uint64_t from;
	bool has_replay; /* --replay A..B, both included, A ≤ B */
	uint64_t replay_from, replay_to;
	const char *command, *command_of; /* the submitter's one of --cancel --resend … --explain, without its
									   * dashes: done instead of running */
	const char *price_replay;         /* --price-replay FILE.csv */
};
struct program_decl {
	const char *name;                /* "fairlead-submitter" */
	const char *what;                /* "signs and sends batches: one lane per signer, exactly once" */
	const struct option_decl *extra; /* of this program only; a zero flag ends */
	const char *notes;               /* lines of --help below its acts, or NULL */
};
/* false: usage error in *e (exit 64). */
bool options_parse(struct options *o, const struct program_decl *p, int argc, char **argv, struct err *e);
void options_help(const struct program_decl *p,
	FILE *out); /* LOOKS text d: 80 columns, what, run, look, act, exit, environment */

#endif
