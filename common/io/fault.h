/* fault: named points where a process can be made to die, freeze or fail, for tests.
 *
 * FAIRLEAD_FAULT=name:nth:kill|stop|err[,…] arms points: at the nth pass the process kills itself with
 * SIGKILL, stops itself with SIGSTOP, or the point returns true and the caller behaves as if the operation
 * had failed. Every persist, ring, send and acknowledge boundary has one, before and after. The whole list
 * stands in fault.def; the hidden flag --faults prints it. FAIRLEAD_FAULT_TRACE=FILE appends the name of each
 * point the first time it is passed (so a test can prove that a point is reached). A name is <program>.<id>
 * or the id alone; points of other programs are known and not armed. Unarmed, a point costs one load and a
 * branch. */
#ifndef FAIRLEAD_IO_FAULT_H
#define FAIRLEAD_IO_FAULT_H

#include <stdbool.h>
#include <stdio.h>

enum fault_point {
#define FAULT_POINT(id, program, text) FAULT_##id,
#include "common/io/fault.def"
#undef FAULT_POINT
	FAULT_COUNT
};

void fault_init(const char *program); /* reads the environment; an unknown name ends the process with 64 */
bool fault_hit_armed(enum fault_point p);
extern bool fault_armed;
static inline bool fault_hit(enum fault_point p)
{
	return __builtin_expect(fault_armed, false) && fault_hit_armed(p);
}
void fault_list(FILE *out, const char *program); /* NULL: all. One line a point: program name text */

#endif
