#include "common/app/problem.h"

#include <stdarg.h>
#include <stdlib.h>

void problem_add(struct problems *ps, struct pos at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct buf b = {0};
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (ps->n == ps->cap) {
		ps->cap = ps->cap ? 2 * ps->cap : 16;
		ps->list = mem_grow(ps->list, ps->cap, sizeof *ps->list);
	}
	at.line = at.line < 1 ? 1 : at.line;
	at.col = at.col < 1 ? 1 : at.col;
	at.len = at.len < 1 ? 1 : at.len;
	at.file = arena_text(&ps->mem, at.file ? at.file : "fairlead.yaml");
	for (size_t i = 0; i < b.n; i++) /* INV: one problem, one line, whatever stood in the value */
		if ((unsigned char)b.p[i] < 0x20 || b.p[i] == 0x7f)
			b.p[i] = ' ';
	ps->list[ps->n++] = (struct problem){at, arena_textn(&ps->mem, b.p, b.n), NULL};
	buf_fini(&b);
}

void problem_near(struct problems *ps, const char *near)
{
	if (ps->n && near)
		ps->list[ps->n - 1].near = arena_text(&ps->mem, near);
}

void problem_file(struct problems *ps, const char *file, struct str text)
{
	for (size_t i = 0; i < ps->nfiles; i++)
		if (text_is(ps->files[i].file, file)) {
			ps->files[i].text = text;
			return;
		}
	ps->files = mem_grow(ps->files, ps->nfiles + 1, sizeof *ps->files);
	ps->files[ps->nfiles++] = (struct problem_file){arena_text(&ps->mem, file), text};
}

static int by_place(const void *x, const void *y)
{
	const struct problem *a = x, *b = y;
	int files = strcmp(a->at.file, b->at.file);
	if (files)
		return files;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	return strcmp(a->text, b->text);
}

/* The nth line (from 1) of the file, without its break; an empty slice when there is none. */
static struct str line_of(const struct problems *ps, const struct pos *at)
{
	struct str text = {0};
	for (size_t i = 0; i < ps->nfiles; i++)
		if (strcmp(ps->files[i].file, at->file) == 0)
			text = ps->files[i].text;
	const char *p = text.p, *end = text.p + text.n;
	for (int line = 1; text.n && line < at->line; line++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return (struct str){0};
		p++;
	}
	if (!text.n)
		return (struct str){0};
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	struct str s = {p, (size_t)((nl ? nl : end) - p)};
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

static void print_text(const struct problem *p, FILE *out, bool color)
{
	const char *mean = p->near && color ? strstr(p->text, "mean ") : NULL;
	const char *near = mean ? strstr(mean, p->near) : NULL;
	if (!near) {
		fputs(p->text, out);
		return;
	}
	fwrite(p->text, 1, (size_t)(near - p->text), out);
	fprintf(out, "\033[32m%s\033[0m%s", p->near, near + strlen(p->near));
}

static void print_source(const struct problems *ps, const struct problem *p, FILE *out, bool color)
{
	struct str line = line_of(ps, &p->at);
	if (!line.n)
		return;
	fprintf(out, "%4d | ", p->at.line);
	for (size_t i = 0; i < line.n;
		 i++) /* a tab is one column here, so that the carets stand under their word */
		fputc((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f ? ' ' : line.p[i], out);
	fprintf(out, "\n     | %*s%s", p->at.col - 1, "", color ? "\033[31m" : "");
	for (int i = 0; i < p->at.len; i++)
		fputc('^', out);
	fputs(color ? "\033[0m\n" : "\n", out);
}

void problems_print(struct problems *ps, FILE *out, bool color, const char *tail)
{
	size_t kept = 0;
	if (ps->n)
		qsort(ps->list, ps->n, sizeof *ps->list, by_place);
	for (size_t i = 0; i < ps->n; i++)
		if (i == 0 || by_place(&ps->list[kept - 1], &ps->list[i]) != 0)
			ps->list[kept++] = ps->list[i];
	ps->n = kept;
	for (size_t i = 0; i < ps->n; i++) {
		const struct problem *p = &ps->list[i];
		fprintf(out, color ? "\033[1m%s:%d:%d:\033[0m " : "%s:%d:%d: ", p->at.file, p->at.line, p->at.col);
		print_text(p, out, color);
		fputc('\n', out);
		print_source(ps, p, out, color);
	}
	if (ps->n)
		fprintf(out, "%zu mistake%s, nothing was started.%s%s\n", ps->n, ps->n == 1 ? "" : "s",
			tail && *tail ? " " : "", tail ? tail : "");
}

void problems_fini(struct problems *ps)
{
	free(ps->list);
	free(ps->files);
	arena_fini(&ps->mem);
	*ps = (struct problems){0};
}
