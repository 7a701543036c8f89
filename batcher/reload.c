/* Look-up files: read at start, watched, read again. A broken file never replaces a good table (K-08, K-09).
 */
#include "batcher/applier.h"
#include "batcher/files.h"

#include "common/base/cid.h"
#include "common/io/log.h"

#include <stdlib.h>

static bool values_fit(const struct file_decl *d, const struct file_entries *f, struct err *e)
{
	for (size_t i = 0; d->cid && i < f->n; i++)
		if (!cid_valid(f->values[i]))
			return err_set(e, ERR_MALFORMED,
				"%s: the value of \"%.*s\" is no CID, which values: cid asks for", d->path,
				(int)(f->keys[i].n > 80 ? 80 : f->keys[i].n), f->keys[i].p);
	return true;
}

static bool read_file(struct applier *a, const struct file_decl *d, struct file_entries *out, struct err *e)
{
	struct buf text = {0};
	bool ok = config_from_process.read(config_from_process.arg, d->path, &text, e) &&
			  files_parse(&a->mem, d->path, (struct str){text.p ? text.p : "", text.n}, out, e) &&
			  values_fit(d, out, e);
	buf_fini(&text);
	if (ok && out->doubled > 0)
		log_odd("file.doubled", "A look-up file has keys that stand twice; the last of each counts",
			F_STR("file", d->path), F_UINT("keys", out->doubled));
	return ok;
}

static void on_change(void *arg)
{
	struct reload *r = arg;
	r->wanted = true;
	applier_want(r->of, WORK_FILES);
}

bool reload_open(struct applier *a)
{
	const struct config *c = a->m->config;
	bool ok = true;
	a->reloads = mem_alloc((c->nfiles + 1) * sizeof *a->reloads);
	for (size_t i = 0; i < c->nfiles; i++) {
		struct reload *r = &a->reloads[a->nreloads++];
		struct file_entries entries;
		struct err e = {0};
		*r = (struct reload){.decl = &c->files[i], .of = a, .wanted = true};
		if (!read_file(a, r->decl, &entries, &e)) {
			log_odd("file.broken", "A look-up file can't be read; mend it and start again",
				F_STR("name", r->decl->name), F_STR("reason", e.text));
			ok = false;
		}
		if (r->decl->watch)
			r->watch = watch_open(a->m->loop, r->decl->path, on_change, r);
	}
	arena_reset(&a->mem);
	return ok;
}

void reload_close(struct applier *a)
{
	for (size_t i = 0; i < a->nreloads; i++)
		if (a->reloads[i].watch)
			watch_close(a->reloads[i].watch);
	free(a->reloads);
}

static struct reload *next_wanted(struct applier *a)
{
	for (size_t i = 0; i < a->nreloads; i++)
		if (a->reloads[i].wanted || !a->reloads[i].loaded)
			return &a->reloads[i];
	return NULL;
}

static void release_all(struct applier *a)
{
	for (size_t i = 0; i < a->ncutters; i++)
		a->cutters[i].release_wanted = true;
	a->want[WORK_RELEASE] = a->ncutters > 0;
	a->want[WORK_UNPARK] = true;
}

static void on_loaded(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	struct reload *f = &a->reloads[a->reload_turn];
	if (!applier_back(a, r))
		return; /* it is not loaded, so the retry reads it again */
	f->loaded = true;
	log_info(
		"file.loaded", "A look-up file was read", F_STR("name", f->decl->name), F_STR("file", f->decl->path));
	release_all(a);
	a->want[WORK_FILES] = next_wanted(a) != NULL;
	applier_drive(a);
}

static void on_broken_noted(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	if (!applier_back(a, r))
		return;
	a->reloads[a->reload_turn].loaded = true;
	a->want[WORK_FILES] = next_wanted(a) != NULL;
	applier_drive(a);
}

static void on_digest(void *arg, const struct pg_reply *r)
{
	struct applier *a = arg;
	struct reload *f = &a->reloads[a->reload_turn];
	struct file_entries entries = {0};
	struct err e = {0};
	uint8_t stored[32];
	if (!applier_back(a, r))
		return;
	bool ok = read_file(a, f->decl, &entries, &e);
	a->doing = WORK_FILES;
	struct pg_unit *u = pg_unit(a->m->pg);
	lane_fence(u, lease_lane(a->lease));
	if (!ok) {
		metric_add(a->m_file_errors, 1);
		log_odd("file.broken", "A look-up file can't be read; the table as it was read before stays in use",
			F_STR("name", f->decl->name), F_STR("reason", e.text));
		queue_file_broken(u, f->decl->name, e.text);
		pg_unit_run(u, 0, on_broken_noted, a);
		return;
	}
	if (pg_rows(r, 0) == 1 && pg_get_bytes(r, 0, 0, 0, stored, 32) &&
		memcmp(stored, entries.digest, 32) == 0) {
		pg_unit_run(u, 0, on_broken_noted, a); /* nothing is new */
		return;
	}
	struct queue_file load = {.keys = entries.keys, .values = entries.values, .n = entries.n};
	memcpy(load.digest, entries.digest, 32);
	queue_file_load(u, &a->mem, f->decl->name, &load);
	pg_unit_run(u, 0, on_loaded, a);
}

void work_files(struct applier *a)
{
	struct reload *f = next_wanted(a);
	if (!f) {
		a->doing = WORK_NONE;
		applier_drive(a);
		return;
	}
	f->wanted = f->loaded = false;
	a->reload_turn = (size_t)(f - a->reloads);
	struct pg_unit *u = pg_unit(a->m->pg);
	queue_file_digest(u, f->decl->name);
	pg_unit_run(u, 0, on_digest, a);
}
