/* spin: turns a loop until a condition holds, or fails the test after a long while. For unit tests of io and
 * bus. */
#ifndef FAIRLEAD_TEST_SPIN_H
#define FAIRLEAD_TEST_SPIN_H

#include "common/io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

enum { SPIN_GIVE_UP_MS = 30000 };

static inline void spin_nothing(void *arg)
{
	(void)arg;
}

/* One turn that waits for something to happen, at most 20 ms: what another process does is looked at again
 * then. */
static inline void spin_once(struct loop *l)
{
	struct timer *t = NULL;
	timer_start(l, &t, 20, spin_nothing, NULL);
	uv_run(loop_uv(l), UV_RUN_ONCE);
	timer_free(&t);
}

#define spin_until(l, cond)                                               \
	do {                                                                  \
		uint64_t spin_since = clock_mono_us();                            \
		while (!(cond)) {                                                 \
			if (clock_mono_us() - spin_since > SPIN_GIVE_UP_MS * 1000ull) \
				fail_msg("never came true: %s", #cond);                   \
			spin_once(l);                                                 \
		}                                                                 \
	} while (0)

#endif
