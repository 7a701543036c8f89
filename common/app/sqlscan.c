#define _GNU_SOURCE /* memmem, memrchr */
#include "common/app/sqlscan.h"

#include <strings.h>

bool sql_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		   (unsigned char)c >= 0x80;
}

bool sql_is(const struct scalar *s, const struct sql_token *t, const char *word)
{
	size_t n = t->to - t->from;
	return (t->kind == SQL_WORD || t->kind == SQL_OTHER) && n == strlen(word) &&
		   strncasecmp(s->text.p + t->from, word, n) == 0;
}

static char at(struct str t, size_t i)
{
	return i < t.n ? t.p[i] : 0;
}

/* '…' or "…" that opens at from; a doubled quote is one, a backslash escapes in E'…'. */
static void quoted(struct str text, struct sql_token *t, size_t from, bool escapes)
{
	char q = text.p[from];
	size_t i = from + 1;
	for (; i < text.n; i++) {
		if (escapes && text.p[i] == '\\')
			i++;
		else if (text.p[i] == q && at(text, i + 1) == q)
			i++;
		else if (text.p[i] == q)
			break;
	}
	t->open = i >= text.n;
	t->to = t->open ? text.n : i + 1;
}

static void comment(struct str text, struct sql_token *t)
{
	size_t i = t->from + 2;
	int depth = 1;
	t->kind = SQL_COMMENT;
	if (text.p[t->from] == '-') {
		while (i < text.n && text.p[i] != '\n')
			i++;
	} else {
		for (; i < text.n && depth > 0; i++) {
			bool opens = text.p[i] == '/' && at(text, i + 1) == '*',
				 closes = text.p[i] == '*' && at(text, i + 1) == '/';
			depth += opens - closes;
			i += opens || closes;
		}
		t->open = depth > 0;
	}
	t->to = i < text.n ? i : text.n;
}

/* $tag$ … $tag$; false when this $ opens none. */
static bool dollar_quoted(struct str text, struct sql_token *t)
{
	size_t i = t->from + 1;
	while (
		i < text.n && sql_word_char(text.p[i]) && !(i == t->from + 1 && text.p[i] >= '0' && text.p[i] <= '9'))
		i++;
	if (at(text, i) != '$')
		return false;
	size_t tag = i + 1 - t->from;
	const char *close = memmem(text.p + i + 1, text.n - i - 1, text.p + t->from, tag);
	t->kind = SQL_STRING;
	t->open = !close;
	t->to = close ? (size_t)(close - text.p) + tag : text.n;
	return true;
}

static void dollar(const struct scalar *s, struct sql_token *t)
{
	const struct var_part *v = scalar_var(s, t->from);
	if (v && v->name.n) {
		t->kind = SQL_VAR;
		t->to = v->to;
	} else if (!dollar_quoted(s->text, t) && at(s->text, t->from + 1) >= '0' &&
			   at(s->text, t->from + 1) <= '9') {
		t->kind = SQL_DOLLAR;
		while (at(s->text, t->to) >= '0' && at(s->text, t->to) <= '9')
			t->to++;
	}
}

static void word(struct str text, struct sql_token *t)
{
	t->kind = SQL_WORD;
	while (t->to < text.n && (sql_word_char(text.p[t->to]) || text.p[t->to] == '$'))
		t->to++;
	size_t n = t->to - t->from;
	char c = text.p[t->from];
	if (n == 1 && at(text, t->to) == '\'' && strchr("eEbBxXnN", c)) {
		t->kind = SQL_STRING;
		quoted(text, t, t->to, c == 'e' || c == 'E');
	} else if (n == 1 && (c == 'u' || c == 'U') && at(text, t->to) == '&' &&
			   strchr("'\"", at(text, t->to + 1) ? at(text, t->to + 1) : ' ')) {
		t->kind = at(text, t->to + 1) == '"' ? SQL_QUOTED : SQL_STRING;
		quoted(text, t, t->to + 1, false);
	}
}

bool sql_next(const struct scalar *s, struct sql_token *t)
{
	struct str text = s->text;
	size_t i = t->to;
	while (i < text.n && strchr(" \t\r\n\f\v", text.p[i]) && text.p[i])
		i++;
	*t = (struct sql_token){SQL_OTHER, i, i + 1, false};
	if (i >= text.n) {
		t->to = i;
		return false;
	}
	char c = text.p[i], behind = at(text, i + 1);
	if (c == '\'' || c == '"') {
		t->kind = c == '"' ? SQL_QUOTED : SQL_STRING;
		quoted(text, t, i, false);
	} else if ((c == '-' && behind == '-') || (c == '/' && behind == '*')) {
		comment(text, t);
	} else if (c == '$') {
		dollar(s, t);
	} else if (c == ':') {
		t->kind = behind == ':' || behind == '=' ? SQL_OTHER : SQL_COLON;
		t->to += t->kind == SQL_OTHER;
	} else if (c == ';') {
		t->kind = SQL_SEMICOLON;
	} else if (sql_word_char(c)) {
		word(text, t);
	}
	return true;
}
