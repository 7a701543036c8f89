/* keeper: a small process that starts programs for ours, so that ours need not: it is forked before any key
 * is read and before ours gives up the right to start anything (guard.h), and holds nothing worth stealing.
 *
 * Ours sends it words: what to start, in which folder; it runs that with our end's partner as its standard
 * input and output. It ends, and ends what it started, when ours ends however. Attackers: a program that was
 * started; it gets its lines and its own environment, which lacks the database's and Redis' addresses. */
#ifndef FAIRLEAD_IO_KEEPER_H
#define FAIRLEAD_IO_KEEPER_H

#include "common/base/err.h"

enum { KEEPER_SLOTS = 64 };
struct keeper;
/* Forks. NULL: it could not. Call while the process has one thread, with the environment as the programs
 * shall see it. forget runs in the keeper alone, first: it wipes its copy of what ours keeps. */
struct keeper *keeper_open(void (*forget)(void *arg), void *arg, struct err *e);
/* Starts a program in that slot (below KEEPER_SLOTS), ending what ran in it. argv: n words, the first is
 * looked for on PATH when it has no slash. Our end of its input and output, non-blocking; -1: *e. A program
 * that can't be started says so as its one line: {"fatal":"…"}. */
int keeper_spawn(
	struct keeper *k, unsigned slot, const char *const *argv, size_t n, const char *folder, struct err *e);
void keeper_close(struct keeper *k); /* ends all; NULL: nothing */

#endif
