#define _GNU_SOURCE
#include "common/io/guard_in.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights of versions 2, 3 and 5, which older headers don't name. */
enum { REFER = 1 << 13, TRUNCATE = 1 << 14, IOCTL_DEV = 1 << 15 };
static const uint64_t version_1 = (1 << 13) - 1;
static const uint64_t to_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t to_change = LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_SOCK |
								  LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE;

static void allow(int rules, const struct guard_path *p, uint64_t handled)
{
	struct stat st;
	struct landlock_path_beneath_attr a = {.allowed_access = p->change ? to_change | to_read : to_read};
	a.parent_fd = open(p->path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0)
		return;
	if (fstat(a.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE; /* of a file only what a file has */
	a.allowed_access &= handled;
	syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	close(a.parent_fd);
}

int guard_landlock(const struct guard_path *paths, size_t n)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return 0;
	struct landlock_ruleset_attr a = {.handled_access_fs = version_1 | (version >= 2 ? REFER : 0) |
														   (version >= 3 ? TRUNCATE : 0) |
														   (version >= 5 ? IOCTL_DEV : 0)};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof a.handled_access_fs, 0);
	if (rules < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		allow(rules, &paths[i], a.handled_access_fs);
	bool ok =
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	close(rules);
	return ok ? (int)version : 0;
}
