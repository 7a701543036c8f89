#include "common/io/guard.h"
#include "common/base/mem.h"
#include "common/base/str.h"
#include "common/io/guard_in.h"
#include "common/io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static struct guard_path paths[GUARD_PATHS];
static size_t npaths;

/* Sanitizers trace, fork and read /proc at the end; valgrind makes calls of its own in our name. */
static const char *instrumented(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return "a sanitizer is built in";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
	return "a sanitizer is built in";
#endif
#endif
	const char *preload = getenv("LD_PRELOAD");
	return preload && strstr(preload, "vgpreload") ? "it runs under valgrind" : NULL;
}

void guard_begin(void)
{
	if (!instrumented())
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}

static void add(const char *path, bool change)
{
	if (!path || !*path || npaths == GUARD_PATHS)
		return;
	for (size_t i = 0; i < npaths; i++)
		if (strcmp(paths[i].path, path) == 0 && paths[i].change == change)
			return;
	paths[npaths].change = change;
	snprintf(paths[npaths++].path, sizeof paths->path, "%s", path);
}

void guard_may_read(const char *path)
{
	add(path, false);
}

void guard_may_change_beside(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *folder = slash == file ? mem_text("/")
				   : slash       ? mem_textn(file, (size_t)(slash - file))
								 : mem_text(".");
	add(folder, true);
	free(folder);
}

/* What name lookups, TLS and the C library read while the process runs. */
static void needed_by_libraries(void)
{
	static const char *const files[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf",
		"/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group",
		"/etc/localtime", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies",
		"/etc/ld.so.cache", "/etc/postgresql-common", "/run/systemd/resolve", "/usr/lib", "/usr/lib64",
		"/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo", "/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates", "/dev/urandom", "/dev/random", "/dev/null", "/proc/self",
		"/proc/meminfo", "/proc/stat", "/proc/cpuinfo", "/sys/devices/system/cpu"};
	static const char *const named[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "OPENSSL_CONF",
		"PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL", "PGSYSCONFDIR"};
	static const char *const home[] = {".pgpass", ".pg_service.conf", ".postgresql"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		add(files[i], false);
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		add(getenv(named[i]), false);
	for (size_t i = 0; getenv("HOME") && i < sizeof home / sizeof *home; i++) {
		char path[GUARD_PATH];
		snprintf(path, sizeof path, "%s/%s", getenv("HOME"), home[i]);
		add(path, false);
	}
}

void guard_close(void)
{
	const char *off = getenv("FAIRLEAD_SECCOMP"), *why = instrumented();
	if (off && strcmp(off, "off") == 0)
		why = "FAIRLEAD_SECCOMP is off";
	if (why) {
		log_info("guard.open", "System calls and files are not guarded", F_STR("reason", why));
		return;
	}
	needed_by_libraries();
	int files = guard_landlock(paths, npaths);
	bool calls = guard_seccomp();
	log_info("guard.closed", "Only the system calls and files that signing needs are left open",
		F_BOOL("seccomp", calls), F_INT("landlock", files));
}
