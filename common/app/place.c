/* Where each character of a scalar stands in the file: the scalar's source is read again beside its
 * characters, in the way of its style (YAML 1.1 chapter 9: flow scalars fold their line breaks, literal ones
 * only lose their indentation). */
#include "common/app/yaml.h"

struct walk {
	const char *p, *end;
	struct place at;
};

static void forward(struct walk *w)
{
	if (*w->p == '\n') {
		w->at.line++;
		w->at.col = 1;
	} else if (w->p + 1 == w->end || ((unsigned char)w->p[1] & 0xC0) != 0x80) {
		w->at.col++;
	}
	w->p++;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Line breaks in the run of white space that begins here; *run: its length. */
static int breaks(const struct walk *w, size_t *run)
{
	int n = 0;
	const char *p = w->p;
	for (; p < w->end && is_space(*p); p++)
		n += *p == '\n';
	*run = (size_t)(p - w->p);
	return n;
}

static size_t escape_len(const struct walk *w)
{
	size_t left = (size_t)(w->end - w->p), n;
	switch (left > 1 ? w->p[1] : 0) {
	case 'x': n = 4; break;
	case 'u': n = 6; break;
	case 'U': n = 10; break;
	default: n = 2; break;
	}
	return n < left ? n : left;
}

/* Flow styles. Bytes of one source character (an escape, a folded break) share its place. */
static void flow(struct walk w, enum node_style style, struct str text, struct place *out)
{
	for (size_t i = 0; i < text.n;) {
		size_t run, made = 1, used = 1;
		while (
			style == NODE_DOUBLE && w.end - w.p > 1 && w.p[0] == '\\' && (w.p[1] == '\n' || w.p[1] == '\r')) {
			forward(&w); /* an escaped break is nothing, and so is the indentation behind it */
			while (w.p < w.end && is_space(*w.p))
				forward(&w);
		}
		int nl = w.p < w.end ? breaks(&w, &run) : 0;
		struct place at = w.at;
		if (nl) {
			made = nl == 1 ? 1 : (size_t)nl - 1;
			used = run;
		} else if (style == NODE_DOUBLE && w.p < w.end && *w.p == '\\') {
			used = escape_len(&w);
			while (i + made < text.n && ((unsigned char)text.p[i + made] & 0xC0) == 0x80)
				made++;
		} else if (style == NODE_SINGLE && w.p < w.end && *w.p == '\'') {
			used = 2;
		}
		for (; made > 0 && i < text.n; made--)
			out[i++] = at;
		for (; used > 0 && w.p < w.end; used--)
			forward(&w);
	}
	out[text.n] = w.at;
}

/* A | block: content line k is source line k behind the header, less its indentation, which is the difference
 * in length. */
static void literal(struct walk w, struct str text, struct place *out)
{
	while (w.p < w.end && *w.p != '\n')
		forward(&w);
	for (size_t i = 0; i < text.n;) {
		if (w.p < w.end)
			forward(&w); /* over the break before this line */
		const char *nl = memchr(text.p + i, '\n', text.n - i);
		size_t len = nl ? (size_t)(nl - (text.p + i)) : text.n - i, source = 0;
		while (w.p + source < w.end && w.p[source] != '\n' && w.p[source] != '\r')
			source++;
		for (size_t k = len; k < source; k++)
			forward(&w);
		for (size_t k = 0; k < len; k++) {
			out[i++] = w.at;
			if (w.p < w.end && *w.p != '\n')
				forward(&w);
		}
		if (w.p < w.end && *w.p == '\r')
			forward(&w);
		if (i < text.n)
			out[i++] = w.at;
	}
	out[text.n] = w.at;
}

struct scalar yaml_scalar(struct arena *a, const struct yaml *y, const struct node *n)
{
	struct scalar s = {.at = n->at, .text = n->text};
	if (n->style == NODE_FOLDED || n->kind != NODE_SCALAR || n->begin >= y->text.n)
		return s;
	struct place *places = arena_alloc(a, (n->text.n + 1) * sizeof *places);
	struct walk w = {y->text.p + n->begin, y->text.p + y->text.n, {n->at.line, n->at.col}};
	if (n->style == NODE_LITERAL) {
		literal(w, n->text, places);
	} else {
		if (n->style != NODE_PLAIN)
			forward(&w); /* the opening quote */
		flow(w, n->style, n->text, places);
	}
	s.places = places;
	return s;
}
