/* A process that thinks it is another time, or that time runs faster: LD_PRELOAD of this with
 * FAKE_CLOCK="<seconds> <rate>". Seconds are added to the wall clock; the rate (1 or more) is that of all
 * clocks, from the start of the process on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);
static int64_t shift_s, rate = 1;
static struct timespec began[16];

static int64_t ns_of(const struct timespec *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAKE_CLOCK");
	real = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
	if (text)
		sscanf(text, "%ld %ld", &shift_s, &rate);
	for (clockid_t c = 0; c < 16; c++)
		real(c, &began[c]);
}

int clock_gettime(clockid_t c, struct timespec *t)
{
	if (!real)
		begin();
	int r = real(c, t);
	if (r != 0 || c < 0 || c >= 16)
		return r;
	int64_t ns = ns_of(&began[c]) + (ns_of(t) - ns_of(&began[c])) * rate;
	if (c == CLOCK_REALTIME || c == CLOCK_REALTIME_COARSE)
		ns += shift_s * 1000000000LL;
	*t = (struct timespec){ns / 1000000000LL, ns % 1000000000LL};
	return 0;
}

int gettimeofday(struct timeval *restrict v, void *restrict zone)
{
	struct timespec t;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	*v = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *out)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}
