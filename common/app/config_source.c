/* The only place of this floor that touches the process: its environment and its files. */
#include "common/app/config.h"

#include <errno.h>
#include <stdlib.h>

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

const struct config_source config_from_process = {.env = from_environment, .read = from_files};
