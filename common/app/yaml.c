#include "common/app/yaml.h"
#include "common/base/err.h"

#include <yaml.h>

enum { DEPTH_MAX = 64 };

struct reader {
	struct arena *a;
	struct yaml *y;
	struct problems *ps;
	yaml_parser_t parser;
	bool failed;
};

static struct pos pos_of(const struct reader *r, size_t line, size_t col, int len)
{
	return (struct pos){r->y->file, (int)line + 1, (int)col + 1, len < 1 ? 1 : len};
}

/* Bytes before the col-th character of a line (both from 0). libyaml counts characters. */
static size_t byte_of(const struct yaml *y, yaml_mark_t m)
{
	if (m.line >= y->nlines)
		return y->text.n;
	size_t i = y->lines[m.line];
	for (size_t col = 0; col < m.column && i < y->text.n && y->text.p[i] != '\n'; col++)
		do
			i++;
		while (i < y->text.n && ((unsigned char)y->text.p[i] & 0xC0) == 0x80);
	return i;
}

static int width(const struct yaml *y, size_t from, size_t to)
{
	int n = 0;
	for (size_t i = from; i < to && y->text.p[i] != '\n' && y->text.p[i] != '\r'; i++)
		n += ((unsigned char)y->text.p[i] & 0xC0) != 0x80;
	return n;
}

/* What can't be in the file at all. NEL, LS, PS and a lone CR are line breaks of YAML 1.1 only: they would
 * shift every line number, so they are refused with the other control characters. */
static bool refused_char(const struct yaml *y, size_t i)
{
	const unsigned char *p = (const unsigned char *)y->text.p + i;
	size_t left = y->text.n - i;
	if (p[0] == '\r')
		return left < 2 || p[1] != '\n';
	if (p[0] < 0x20)
		return p[0] != '\n' && p[0] != '\t';
	if (left >= 2 && p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F)
		return true;
	return p[0] == 0x7f || (left >= 3 && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9));
}

static bool index_lines(struct reader *r)
{
	struct yaml *y = r->y;
	size_t n = 1;
	for (size_t i = 0; i < y->text.n; i++)
		n += y->text.p[i] == '\n';
	y->lines = arena_alloc(r->a, n * sizeof *y->lines);
	y->lines[y->nlines++] = 0;
	for (size_t i = 0; i < y->text.n; i++) {
		struct str rest = {y->text.p + i, 1};
		while (rest.n < 4 && i + rest.n < y->text.n && ((unsigned char)rest.p[rest.n] & 0xC0) == 0x80)
			rest.n++;
		bool broken = !utf8_valid(rest);
		if (broken || refused_char(y, i)) {
			size_t begin = y->lines[y->nlines - 1];
			problem_add(r->ps, pos_of(r, y->nlines - 1, (size_t)width(y, begin, i), 1),
				broken ? "this byte is not UTF-8" : "a control character; YAML takes none here");
			return false;
		}
		if (y->text.p[i] == '\n')
			y->lines[y->nlines++] = i + 1;
		i += rest.n - 1;
	}
	return true;
}

static bool syntax(struct reader *r)
{
	static const struct {
		const char *problem, *cure;
	} cures[] = {
		{"mapping values are not allowed", "a value with \": \" in it is quoted or stands in a | block"},
		{"could not find expected ':'",
			"a key is followed by \": \", and members of a map stand in one column"},
		{"did not find expected key",
			"members of a map stand in one column; a quote inside quotes is doubled"},
		{"did not find expected '-' indicator", "members of a list stand in one column, each behind \"- \""},
		{"found character that cannot start any token",
			"indent with spaces, and quote a value that begins so"},
		{"found unexpected end of stream", "a quote or bracket was opened and not closed"},
		{"did not find expected ',' or ']'",
			"a [ was opened: its members are parted by commas and end with ]"},
		{"did not find expected ',' or '}'",
			"a { was opened: its members are parted by commas and end with }"},
		{"did not find expected <document start>",
			"what stands above is read as one text: a key is followed by \": \", with the blank"},
		{"tab character", "indent with spaces"},
	};
	const char *what = r->parser.problem ? r->parser.problem : "unreadable", *cure = NULL;
	for (size_t i = 0; i < sizeof cures / sizeof *cures && !cure; i++)
		if (strstr(what, cures[i].problem))
			cure = cures[i].cure;
	yaml_mark_t m = r->parser.problem_mark;
	m.line = m.line >= r->y->nlines ? r->y->nlines - 1 : m.line;
	problem_add(
		r->ps, pos_of(r, m.line, m.column, 1), "YAML: %s%s%s", what, cure ? "; " : "", cure ? cure : "");
	r->failed = true;
	return false;
}

static bool next(struct reader *r, yaml_event_t *ev)
{
	if (r->failed)
		return false;
	if (!yaml_parser_parse(&r->parser, ev))
		return syntax(r);
	return true;
}

/* Is there a tab between the beginning of the line and this node, with nothing else before it? */
static void check_indent(struct reader *r, const struct node *n)
{
	size_t line = (size_t)n->at.line - 1;
	if (line >= r->y->nlines)
		return;
	size_t from = r->y->lines[line];
	bool tab = false;
	for (size_t i = from; i < n->begin; i++) {
		char c = r->y->text.p[i];
		if (c != ' ' && c != '\t' && c != '-')
			return;
		tab |= c == '\t';
	}
	if (tab)
		problem_add(r->ps, pos_of(r, line, 0, n->at.col - 1), "a tab in the indentation; indent with spaces");
}

static struct node *node_new(struct reader *r, const yaml_event_t *ev, enum node_kind kind)
{
	struct node *n = arena_alloc(r->a, sizeof *n);
	n->kind = kind;
	n->begin = byte_of(r->y, ev->start_mark);
	n->end = byte_of(r->y, ev->end_mark);
	n->at = pos_of(r, ev->start_mark.line, ev->start_mark.column, width(r->y, n->begin, n->end));
	check_indent(r, n);
	return n;
}

static void refuse_marks(struct reader *r, const struct node *n, const void *anchor, const void *tag)
{
	if (anchor)
		problem_add(r->ps, n->at, "an anchor (&); write the value out each time, or put it into a ${VAR}");
	if (tag)
		problem_add(r->ps, n->at, "a tag (!); the key decides what kind of value it takes");
}

static struct node *read_node(struct reader *r, yaml_event_t *ev, int depth);

static struct node *read_scalar(struct reader *r, yaml_event_t *ev)
{
	struct node *n = node_new(r, ev, NODE_SCALAR);
	size_t len = ev->data.scalar.length;
	n->text = (struct str){arena_textn(r->a, (const char *)ev->data.scalar.value, len), len};
	switch (ev->data.scalar.style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE: n->style = NODE_SINGLE; break;
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE: n->style = NODE_DOUBLE; break;
	case YAML_LITERAL_SCALAR_STYLE: n->style = NODE_LITERAL; break;
	case YAML_FOLDED_SCALAR_STYLE: n->style = NODE_FOLDED; break;
	default: n->style = NODE_PLAIN; break;
	}
	if (n->style == NODE_LITERAL || n->style == NODE_FOLDED)
		n->at.len = 1;
	refuse_marks(r, n, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (memchr(n->text.p, 0, len))
		problem_add(r->ps, n->at, "a NUL character");
	return n;
}

static struct node *read_list(struct reader *r, yaml_event_t *ev, int depth)
{
	struct node *list = node_new(r, ev, NODE_LIST), **at = &list->first;
	list->at.len = 1;
	refuse_marks(r, list, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	yaml_event_t item;
	while (next(r, &item)) {
		bool end = item.type == YAML_SEQUENCE_END_EVENT;
		if (end)
			list->end = byte_of(r->y, item.end_mark);
		struct node *n = end ? NULL : read_node(r, &item, depth + 1);
		yaml_event_delete(&item);
		if (!n)
			return list;
		*at = n;
		at = &n->next;
		list->n++;
	}
	return list;
}

static bool is_question(const struct yaml *y, size_t begin)
{
	size_t i = begin;
	while (i > 0 && y->text.p[i - 1] == ' ')
		i--;
	return i < begin && i > 0 && y->text.p[i - 1] == '?' && (i < 2 || strchr(" \n{,[-", y->text.p[i - 2]));
}

static void check_key(struct reader *r, const struct node *map, const struct node *k)
{
	if (k->kind != NODE_SCALAR) {
		problem_add(r->ps, k->at, "a key is a word, not a map or a list");
		return;
	}
	if (is_question(r->y, k->begin))
		problem_add(r->ps, k->at, "a key behind \"? \"; write it as KEY: value");
	if (k->style == NODE_PLAIN && str_is(k->text, "<<"))
		problem_add(r->ps, k->at, "a merge key (<<); write the members out");
	else if (node_member(map, k->text.p))
		problem_add(r->ps, k->at, "%s stands here a second time; a key stands once", k->text.p);
}

static struct node *read_map(struct reader *r, yaml_event_t *ev, int depth)
{
	struct node *map = node_new(r, ev, NODE_MAP), **at = &map->first;
	map->at.len = 1;
	refuse_marks(r, map, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	yaml_event_t item;
	while (next(r, &item)) {
		bool end = item.type == YAML_MAPPING_END_EVENT;
		if (end)
			map->end = byte_of(r->y, item.end_mark);
		struct node *k = end ? NULL : read_node(r, &item, depth + 1);
		yaml_event_delete(&item);
		if (!k || !next(r, &item))
			return map;
		struct node *v = read_node(r, &item, depth + 1);
		yaml_event_delete(&item);
		if (!v)
			return map;
		check_key(r, map, k);
		v->key = k->kind == NODE_SCALAR ? k->text.p : "";
		v->key_at = k->at;
		*at = v;
		at = &v->next;
		map->n++;
	}
	return map;
}

static struct node *read_node(struct reader *r, yaml_event_t *ev, int depth)
{
	if (depth > DEPTH_MAX) {
		problem_add(r->ps, pos_of(r, ev->start_mark.line, ev->start_mark.column, 1),
			"nested deeper than %d levels", DEPTH_MAX);
		r->failed = true;
		return NULL;
	}
	switch (ev->type) {
	case YAML_SCALAR_EVENT: return read_scalar(r, ev);
	case YAML_SEQUENCE_START_EVENT: return read_list(r, ev, depth);
	case YAML_MAPPING_START_EVENT: return read_map(r, ev, depth);
	case YAML_ALIAS_EVENT: {
		struct node *n = node_new(r, ev, NODE_SCALAR);
		n->text = (struct str){"", 0};
		problem_add(r->ps, n->at,
			"an alias (*); write the value out, or put it into a ${VAR}; a text that begins "
			"with * is quoted");
		return n;
	}
	default: return NULL;
	}
}

static void read_documents(struct reader *r)
{
	yaml_event_t ev;
	for (int documents = 0; next(r, &ev);) {
		bool end = ev.type == YAML_STREAM_END_EVENT;
		struct pos at = pos_of(r, ev.start_mark.line, ev.start_mark.column, 1);
		if (ev.type == YAML_DOCUMENT_START_EVENT) {
			if (++documents == 2)
				problem_add(r->ps, at, "a second document; a file holds one application");
			if (ev.data.document_start.version_directive ||
				ev.data.document_start.tag_directives.start != ev.data.document_start.tag_directives.end)
				problem_add(r->ps, at, "a directive (%%); a file begins with its first key");
		}
		struct node *n = read_node(r, &ev, 0);
		if (n && documents == 1)
			r->y->root = n;
		yaml_event_delete(&ev);
		if (end)
			return;
	}
}

bool yaml_read(struct arena *a, const char *file, struct str text, struct yaml *y, struct problems *ps)
{
	if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0)
		text = (struct str){text.p + 3, text.n - 3};
	*y = (struct yaml){.file = file, .text = text};
	struct reader r = {.a = a, .y = y, .ps = ps};
	size_t before = ps->n;
	if (!index_lines(&r))
		return false;
	must(yaml_parser_initialize(&r.parser));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
	read_documents(&r);
	yaml_parser_delete(&r.parser);
	if (!r.failed)
		return true;
	ps->list[before] = ps->list[ps->n - 1]; /* what YAML itself can't read stands alone */
	ps->n = before + 1;
	return false;
}

const struct node *node_member(const struct node *map, const char *key)
{
	for (const struct node *n = map && map->kind == NODE_MAP ? map->first : NULL; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

bool node_is_null(const struct node *n)
{
	return !n || (n->kind == NODE_SCALAR &&
					 (n->text.n == 0 ||
						 (n->style == NODE_PLAIN && (str_is(n->text, "~") || str_is(n->text, "null")))));
}
