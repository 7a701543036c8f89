/* sqltext: SQL of the configuration, cut into what is pasted (its own text) and what is bound (:names,
 * ${VAR}).
 *
 * Reads names as GRAMMAR §8 says: not inside '…', E'…', "…", $$…$$, $tag$…$tag$, -- and nested comments, nor
 * in :: and :=. One statement of SELECT INSERT UPDATE DELETE MERGE VALUES WITH; a second one is a problem.
 * Nothing of a value is ever pasted. */
#ifndef FAIRLEAD_APP_SQLTEXT_H
#define FAIRLEAD_APP_SQLTEXT_H

#include "common/app/scalar.h"

enum sql_part_kind { SQL_TEXT, SQL_NAME, SQL_VALUE };
struct sql_part {
	enum sql_part_kind kind;
	struct str text; /* TEXT: verbatim SQL. NAME: "tokenId", "tx.hash". VALUE: the expanded ${VAR} */
	struct pos at;   /* of the name in the YAML file */
};
struct sqltext {
	struct pos at;     /* of the scalar */
	struct str source; /* as written, ${VAR} unexpanded */
	const struct sql_part *parts;
	size_t nparts;
	bool reads_only; /* begins with SELECT or VALUES, or WITH … without a writing word (a hint, PostgreSQL
						decides) */
	const struct place *places; /* one a byte of source and one behind it, or NULL. TEXT and NAME parts are
								   slices of source */
};
/* s is expanded. Every mistake is added to ps; NULL when there was one. */
const struct sqltext *sqltext_parse(struct arena *a, const struct scalar *s, struct problems *ps);
/* The columns of the outermost SELECT (or RETURNING) list, as far as its own text tells: PostgreSQL's
 * spelling (unquoted names in lower case). false: only PostgreSQL knows them (a *, an expression without an
 * alias); names is empty then. */
bool sqltext_columns(struct arena *a, const struct sqltext *s, const char ***names, size_t *n);
/* "SELECT … $1 … $2" for Parse: each occurrence of a name or value is its own $n; params[i] is the index in
 * parts of $i+1. */
void sqltext_numbered(const struct sqltext *s, struct buf *out, size_t *params, size_t max, size_t *nparams);
/* Where byte `offset` (0-based, of sqltext_numbered's text) stands in the YAML file: for PostgreSQL's error
 * positions. */
struct pos sqltext_pos(const struct sqltext *s, size_t offset);

#endif
