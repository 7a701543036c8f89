/* keys: the one table of the grammar: every word, what kind of value it takes, its default, whether this
 * version does it.
 *
 * Reading, type errors, unknown words, defaults, --print and config_keys are all made from it. A map of the
 * grammar is the rows that name it in `map`; a row's own map is named by `sub`. Adding a key: a row here, and
 * its use in a decl_*.c. */
#ifndef FAIRLEAD_APP_KEYS_H
#define FAIRLEAD_APP_KEYS_H

#include <stddef.h>

enum key_type {
	KEY_MAP,   /* only a map (sub), or a list of them */
	KEY_PLAIN, /* the characters */
	KEY_NAME,  /* the name of something declared; who reads it says of what */
	KEY_WORD,  /* one of words */
	KEY_NUMBER,
	KEY_DEPTH, /* a number, or one of words */
	KEY_BOOL,
	KEY_DURATION, /* value: ms */
	KEY_AMOUNT,   /* value: wei (or lamports) */
	KEY_RATE,
	KEY_RATIO, /* 1.2, exact */
	KEY_PERCENT,
	KEY_SECRET,
	KEY_URL,
	KEY_FILE,
	KEY_PATH,   /* of HTTP: begins with / */
	KEY_LISTEN, /* host:port */
	KEY_JSON,   /* words: its inserts */
	KEY_TEXT,   /* with {names} */
	KEY_FIELD,  /* one name, or a list of names */
	KEY_SQL,
	KEY_CALL,
	KEY_CHECK,
	KEY_ELSE, /* sql, or park or skip */
	KEY_TYPE, /* of a field, GRAMMAR §10 */
	KEY_STEPS,
};
enum key_flags {
	KEY_LIST = 1, /* a list of it; one may stand without brackets */
	KEY_REQUIRED = 2,
	KEY_LATER = 4,       /* a word of the grammar that this version does not do */
	KEY_OF_REQUESTS = 8, /* a step that this version does in requests only: in a rule it is LATER */
};
struct keyword {
	const char *map, *word; /* word "*": any name; words says what kind of name */
	enum key_type type;
	unsigned flags;
	const char *sub;   /* the map that its value is, or may be */
	const char *def;   /* default as it would be written */
	const char *words; /* WORD, DEPTH: those that work | those of later versions */
	const char *text;  /* what it means */
};
extern const struct keyword keywords[];                            /* ends with a zero map */
const struct keyword *key_first(const char *map);                  /* rows of one map stand together */
const struct keyword *key_find(const char *map, const char *word); /* exact, not "*"; or NULL */
const struct keyword *key_any(const char *map);                    /* its "*" row, or NULL */
const char *key_type_name(enum key_type t);
/* Is word among the words; *works: before the "|". */
int key_word(const struct keyword *k, const char *word, size_t n, int *works);

#endif
