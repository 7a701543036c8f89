/* guard: what a process that holds keys gives up, so that who takes it over finds little (P24). (Linux)
 *
 * Two steps. guard_begin, first of all: no core, no debugger of the same user, /proc of it is root's.
 * guard_close, once keys are read and sockets are open: system calls that a signer has no use for are refused
 * (seccomp: nothing can be started, no other process looked into), and so is every file that was not named as
 * needed (Landlock).
 *
 * A refused call answers EPERM, and says one line with its number the first time (but for starting a process,
 * of which its caller alone hears); the process goes on. FAIRLEAD_SECCOMP=off leaves the second step out; so
 * do the sanitizers and valgrind, which need what it takes. Attackers: who runs code in the process. */
#ifndef FAIRLEAD_IO_GUARD_H
#define FAIRLEAD_IO_GUARD_H

#include <stdbool.h>

void guard_begin(void);
/* Before guard_close; in a program that never closes it, without effect. A path that is not there is left
 * out. */
void guard_may_read(const char *path);          /* a file, or a folder with all in it; NULL or "": nothing */
void guard_may_change_beside(const char *file); /* files in the folder of that file are made and removed */
/* Before any thread is started: Landlock holds for who calls it and its children. What the kernel does not
 * know is left out; the line that says so is logged here. */
void guard_close(void);

#endif
