/* The only place of this floor that touches the process: its environment and its files. */
#define _GNU_SOURCE /* environ */
#include "common/app/value.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 20 };

static const char *from_environment(void *arg, const char *name)
{
	(void)arg;
	return getenv(name);
}

static bool from_files(void *arg, const char *path, struct buf *out, struct err *e)
{
	(void)arg;
	FILE *f = fopen(path, "rbe");
	if (!f)
		return err_set(e, ERR_REJECTED, "%s", strerror(errno));
	size_t n;
	do {
		n = fread(buf_room(out, 65536), 1, 65536, f);
		out->n += n;
	} while (n > 0 && out->n < FILE_MAX);
	out->p[out->n] = 0;
	int failed = ferror(f) ? errno : 0;
	fclose(f);
	if (failed)
		return err_set(e, ERR_REJECTED, "%s", strerror(failed));
	if (out->n >= FILE_MAX)
		return err_set(e, ERR_REJECTED, "it is larger than %d MiB", FILE_MAX >> 20);
	return true;
}

/* The secret as a whole; a key also as a part, as one of a pool is. */
static bool holds(const char *value, const struct config *c, bool all)
{
	enum { TELLING = 16 }; /* shorter ones stand in other variables by chance */
	for (const struct secret_text *s = c->secrets; s; s = s->next)
		if ((s->signs || all) && *s->text &&
			(strcmp(value, s->text) == 0 ||
				(s->signs && strlen(s->text) >= TELLING && strstr(value, s->text))))
			return true;
	return false;
}

void config_wipe_environment(const struct config *c, bool all)
{
	for (char **at = environ; at && *at;) {
		char *value = strchr(*at, '=');
		if (!value || !holds(value + 1, c, all)) {
			at++;
			continue;
		}
		char *name = mem_textn(*at, (size_t)(value - *at));
		sodium_memzero(value + 1, strlen(value + 1));
		if (unsetenv(name) != 0)
			at++;
		free(name);
	}
}

const struct config_source config_from_process = {.env = from_environment, .read = from_files};
