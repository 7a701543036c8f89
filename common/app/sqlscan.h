/* sqlscan: SQL as PostgreSQL's lexer sees it, only as finely as names and columns need (PostgreSQL 15,
 * chapter 4.1). */
#ifndef FAIRLEAD_APP_SQLSCAN_H
#define FAIRLEAD_APP_SQLSCAN_H

#include "common/app/scalar.h"

enum sql_token_kind {
	SQL_WORD,    /* a key word, a name, a number */
	SQL_QUOTED,  /* "…" */
	SQL_STRING,  /* '…' E'…' U&'…' $$…$$ $tag$…$tag$ */
	SQL_COMMENT, /* -- and nested comments */
	SQL_COLON,   /* a single ":"; "::" and ":=" are SQL_OTHER */
	SQL_DOLLAR,  /* $1 */
	SQL_VAR,     /* ${VAR} */
	SQL_SEMICOLON,
	SQL_OTHER, /* one character, or "::", ":=" */
};
struct sql_token {
	enum sql_token_kind kind;
	size_t from, to;
	bool open; /* a quote or comment that does not end */
};
/* The token behind t->to (0 at first); white space is passed over. false: no more. */
bool sql_next(const struct scalar *s, struct sql_token *t);
bool sql_word_char(char c); /* letters, digits, _ and all beyond ASCII */
bool sql_is(const struct scalar *s, const struct sql_token *t,
	const char *word); /* a WORD in any case, or that OTHER */

#endif
