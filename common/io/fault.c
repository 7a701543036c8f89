#include "common/io/fault.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/io/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

bool fault_armed;

static const struct {
	const char *program, *id, *name, *text;
} points[FAULT_COUNT] = {
#define FAULT_POINT(id, program, text) {program, #id, program "." #id, text},
#include "common/io/fault.def"
#undef FAULT_POINT
};

enum action { ACT_KILL, ACT_STOP, ACT_ERR };
struct arm {
	enum fault_point point;
	uint64_t nth;
	enum action action;
};
static struct arm *arms;
static size_t arm_count;
static uint64_t passes[FAULT_COUNT];
static int trace_fd = -1;

static _Noreturn void refuse(struct str arm, const char *why)
{
	fprintf(stderr,
		"FAIRLEAD_FAULT: \"%.*s\" %s; a point is armed as name:nth:kill, :stop or :err, --faults lists all\n",
		(int)arm.n, arm.p, why);
	exit(64);
}

static int find(struct str name)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		if (str_is(name, points[i].name) || str_is(name, points[i].id))
			return i;
	return -1;
}

/* Splits s at the first c; *rest is what stands behind it, empty when there is no c. */
static struct str cut(struct str s, char c, struct str *rest)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	*rest = (struct str){s.p + s.n, 0};
	if (!at)
		return s;
	*rest = (struct str){at + 1, s.n - (size_t)(at - s.p) - 1};
	return (struct str){s.p, (size_t)(at - s.p)};
}

static void arm_one(struct str text, const char *program)
{
	struct str rest, action;
	struct str name = cut(text, ':', &rest);
	struct str nth = cut(rest, ':', &action);
	struct arm a = {0};
	int point = find(name);
	if (point < 0)
		refuse(text, "names no fault point");
	if (!str_to_u64(nth, &a.nth) || a.nth == 0)
		refuse(text, "does not say at which pass");
	if (str_is(action, "kill"))
		a.action = ACT_KILL;
	else if (str_is(action, "stop"))
		a.action = ACT_STOP;
	else if (str_is(action, "err"))
		a.action = ACT_ERR;
	else
		refuse(text, "has no action");
	if (!text_is(points[point].program, program))
		return;
	a.point = (enum fault_point)point;
	arms = mem_grow(arms, arm_count + 1, sizeof *arms);
	arms[arm_count++] = a;
}

void fault_init(const char *program)
{
	const char *env = getenv("FAIRLEAD_FAULT"), *trace = getenv("FAIRLEAD_FAULT_TRACE");
	struct str rest = str_of(env);
	while (rest.n) {
		struct str one = cut(rest, ',', &rest);
		if (one.n)
			arm_one(one, program);
	}
	if (trace && *trace) {
		trace_fd = open(trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (trace_fd < 0) {
			fprintf(stderr, "FAIRLEAD_FAULT_TRACE: \"%s\" can't be opened: %m\n", trace);
			exit(64);
		}
	}
	fault_armed = arm_count > 0 || trace_fd >= 0;
}

/* One write a line: several processes may share the file. */
static void trace_first(enum fault_point p)
{
	char line[160];
	int n = snprintf(line, sizeof line, "%s\n", points[p].name);
	if (n > 0 && write(trace_fd, line, (size_t)n) != n)
		fprintf(stderr, "FAIRLEAD_FAULT_TRACE: %s was not written: %m\n", points[p].name);
}

bool fault_hit_armed(enum fault_point p)
{
	must(p >= 0 && p < FAULT_COUNT);
	bool fail = false;
	if (passes[p]++ == 0 && trace_fd >= 0)
		trace_first(p);
	for (size_t i = 0; i < arm_count; i++) {
		if (arms[i].point != p || arms[i].nth != passes[p])
			continue;
		log_flush();
		switch (arms[i].action) {
		case ACT_KILL: kill(getpid(), SIGKILL); break;
		case ACT_STOP: kill(getpid(), SIGSTOP); break;
		case ACT_ERR: fail = true; break;
		}
	}
	return fail;
}

void fault_list(FILE *out, const char *program)
{
	for (int i = 0; i < FAULT_COUNT; i++)
		if (!program || text_is(points[i].program, program))
			fprintf(out, "%s %s %s\n", points[i].program, points[i].name, points[i].text);
}
