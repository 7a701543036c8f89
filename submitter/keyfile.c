#include "submitter/keyfile.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ── who else may read or replace it ── */

static bool check_file(const struct stat *st, struct err *e)
{
	unsigned mode = st->st_mode & 07777;
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_REJECTED, "it is no file");
	if (mode & 077)
		return err_set(e, ERR_REJECTED, "it can be %s by others (mode %03o); chmod 600 it",
			mode & 044 ? "read" : "changed", mode);
	if (st->st_uid != geteuid() && st->st_uid != 0 && geteuid() != 0)
		return err_set(e, ERR_REJECTED, "it belongs to user %u, who can change it; chown it to user %u",
			(unsigned)st->st_uid, (unsigned)geteuid());
	if (st->st_size > KEYFILE_MAX)
		return err_set(e, ERR_REJECTED, "it is larger than %d KiB, which no key is", KEYFILE_MAX >> 10);
	return true;
}

/* Who can write into a folder can put another file there; in a sticky one (/tmp) only over his own. */
static bool check_folder(const char *folder, bool nearest, struct err *e)
{
	struct stat st;
	if (stat(folder, &st) != 0)
		return err_set(e, ERR_REJECTED, "its folder %s can't be looked at: %s", folder, strerror(errno));
	if (!(st.st_mode & (nearest ? 022 : 002)) || st.st_mode & S_ISVTX)
		return true;
	return err_set(e, ERR_REJECTED,
		"others can write into the folder %s (mode %03o) and so put another key there; chmod go-w %s", folder,
		(unsigned)st.st_mode & 07777, folder);
}

static bool check_folders(const char *path, struct err *e)
{
	char *real = realpath(path, NULL);
	bool ok = real || err_set(e, ERR_REJECTED, "it can't be found: %s", strerror(errno));
	bool nearest = true;
	for (char *slash; ok && (slash = strrchr(real, '/')); nearest = false) {
		bool root = slash == real;
		slash[root ? 1 : 0] = 0;
		ok = check_folder(real, nearest, e);
		if (root)
			break;
	}
	free(real);
	return ok;
}

/* ── reading ── */

struct text {
	char *p; /* guarded memory */
	size_t n;
};

static bool read_open(int fd, struct text *out, struct err *e)
{
	struct stat st;
	ssize_t n = -1;
	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_REJECTED, "it can't be looked at: %s", strerror(errno));
	if (!check_file(&st, e))
		return false;
	for (out->n = 0; out->n <= KEYFILE_MAX && (n = read(fd, out->p + out->n, KEYFILE_MAX + 1 - out->n)) > 0;)
		out->n += (size_t)n;
	if (n < 0)
		return err_set(e, ERR_REJECTED, "it can't be read: %s", strerror(errno));
	if (out->n == 0)
		return err_set(e, ERR_REJECTED, "it is empty");
	return true;
}

static bool read_secret(const char *path, struct text *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would hold the start */
	if (fd < 0)
		return err_set(e, ERR_REJECTED, "it can't be opened: %s", strerror(errno));
	out->p = sodium_init() < 0 ? NULL : sodium_malloc(KEYFILE_MAX + 1);
	bool ok = out->p ? read_open(fd, out, e)
					 : err_set(e, ERR_TRANSIENT, "the system gives no guarded memory to read it into");
	close(fd);
	ok = ok && check_folders(path, e);
	if (!ok && out->p) {
		sodium_free(out->p);
		out->p = NULL;
	}
	return ok;
}

/* One line, with or without its end: editors add one. */
static bool read_pass(struct keyfile *f, const char *path, struct err *e)
{
	struct text t;
	if (!read_secret(path, &t, e))
		return err_prefix(e, "passfile %s", path);
	if (t.n && t.p[t.n - 1] == '\n')
		t.n -= t.n > 1 && t.p[t.n - 2] == '\r' ? 2 : 1;
	f->pass = t.p;
	f->npass = t.n;
	if (t.n == 0)
		return err_set(e, ERR_REJECTED, "passfile %s: it holds no passphrase", path);
	if (memchr(t.p, '\n', t.n))
		return err_set(e, ERR_REJECTED, "passfile %s: it has several lines; a passphrase is one", path);
	if (memchr(t.p, 0, t.n))
		return err_set(e, ERR_REJECTED, "passfile %s: it holds a NUL character; a passphrase is text", path);
	if (t.n > PASSPHRASE_MAX)
		return err_set(
			e, ERR_REJECTED, "passfile %s: its line is longer than %d characters", path, PASSPHRASE_MAX);
	return true;
}

static bool is_json(const struct text *t)
{
	size_t i = 0;
	while (i < t->n && memchr(" \t\r\n", t->p[i], 4))
		i++;
	return i < t->n && (t->p[i] == '{' || t->p[i] == '[');
}

static bool understand(struct keyfile *out, const struct text *t, const char *passfile, struct err *e)
{
	if (!is_json(t)) {
		out->key = key_from_hex((struct str){t->p, t->n}, e);
		if (!out->key)
			return err_prefix(e, "keyfile %s", out->path);
		return !passfile || err_set(e, ERR_REJECTED,
								"keyfile %s: it is not encrypted, so nothing is to be opened by %s; leave "
								"passfile out, or "
								"name the keystore",
								out->path, passfile);
	}
	if (!keystore_parse(&out->store, (struct str){t->p, t->n}, e))
		return err_prefix(e, "keyfile %s", out->path);
	if (!passfile)
		return err_set(e, ERR_REJECTED,
			"keyfile %s: it is encrypted; name the file that holds its passphrase with passfile", out->path);
	return read_pass(out, passfile, e);
}

bool keyfile_read(struct keyfile *out, const char *path, const char *passfile, struct err *e)
{
	struct text t;
	*out = (struct keyfile){.path = path};
	if (!read_secret(path, &t, e))
		return err_prefix(e, "keyfile %s", path);
	bool ok = understand(out, &t, passfile, e);
	sodium_free(t.p);
	if (!ok)
		keyfile_fini(out);
	return ok;
}

struct key *keyfile_open(const struct keyfile *f, struct err *e)
{
	struct key *k = keystore_open(&f->store, (struct str){f->pass, f->npass}, e);
	if (!k)
		err_prefix_put(e, "keyfile %s", f->path);
	return k;
}

void keyfile_fini(struct keyfile *f)
{
	key_free(f->key);
	if (f->pass)
		sodium_free(f->pass);
	*f = (struct keyfile){.path = f->path};
}
