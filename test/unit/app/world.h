/* A world for the configuration: files and variables in memory, and what is said about them as text. */
#ifndef TEST_APP_WORLD_H
#define TEST_APP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/app/config.h"

struct world {
	const char *const (*env)[2];   /* { name, value } …, { NULL } */
	const char *const (*files)[2]; /* { path, text } …, { NULL } */
	bool keyless;
};

static inline const char *world_env(void *arg, const char *name)
{
	const struct world *w = arg;
	for (size_t i = 0; w->env && w->env[i][0]; i++)
		if (strcmp(w->env[i][0], name) == 0)
			return w->env[i][1];
	return NULL;
}

static inline bool world_read(void *arg, const char *path, struct buf *out, struct err *e)
{
	const struct world *w = arg;
	for (size_t i = 0; w->files && w->files[i][0]; i++)
		if (strcmp(w->files[i][0], path) == 0) {
			buf_text(out, w->files[i][1]);
			return true;
		}
	return err_set(e, ERR_REJECTED, "No such file or directory");
}

static inline struct config *world_load(const struct world *w, const char *file, struct problems *ps)
{
	struct config_source src = {
		.arg = (void *)(uintptr_t)w, .env = world_env, .read = world_read, .keyless = w->keyless};
	return config_load(file, &src, ps);
}

/* Everything that is printed about ps; free() it. */
static inline char *printed(struct problems *ps, bool color, const char *tail)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	problems_print(ps, f, color, tail);
	fclose(f);
	return text;
}

static inline char *config_printed(const struct config *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	config_print(c, f);
	fclose(f);
	return text;
}

/* "7:12 a time …" a problem, one a line, by place; free() it. */
static inline char *said(struct problems *ps)
{
	struct buf b = {0};
	free(printed(ps, false, "")); /* sorts */
	for (size_t i = 0; i < ps->n; i++)
		buf_printf(&b, "%d:%d %s\n", ps->list[i].at.line, ps->list[i].at.col, ps->list[i].text);
	if (!b.p)
		buf_text(&b, "");
	return b.p;
}

static inline void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("there is no\n  %s\nin\n%s", part, text);
}

static inline void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("there is\n  %s\nin\n%s", part, text);
}

/* The text of one file of the project. */
static inline char *project_file(const char *path)
{
	struct buf b = {0};
	struct err e = {0};
	if (!config_from_process.read(NULL, path, &b, &e))
		fail_msg("%s: %s (tests run in the project's folder)", path, e.text);
	return b.p;
}

#endif
