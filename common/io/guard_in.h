/* guard_in: the guard's inside. */
#ifndef FAIRLEAD_IO_GUARD_IN_H
#define FAIRLEAD_IO_GUARD_IN_H

#include <stdbool.h>
#include <stddef.h>

enum { GUARD_PATHS = 96, GUARD_PATH = 1024 };
struct guard_path {
	char path[GUARD_PATH];
	bool change;
};
int guard_landlock(const struct guard_path *paths, size_t n); /* the kernel's version of it; 0: it has none */
bool guard_seccomp(void); /* false: the kernel has none, or another machine */

#endif
