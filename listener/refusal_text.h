/* refusal_text: what an endpoint said, as words and numbers. Pure; for refusal.c alone. */
#ifndef FAIRLEAD_LISTENER_REFUSAL_TEXT_H
#define FAIRLEAD_LISTENER_REFUSAL_TEXT_H

#include "common/base/str.h"

enum {
	TEXT_MOST = 4096, /* bytes read of each text */
	TOKENS_MOST = 1024,
	WORD_MOST = 24, /* bytes kept of a word: longer than any that is looked for */
};

/* The texts as words and numbers: lower case, punctuation gone, fromBlock as "from block". */
struct token {
	bool number, hex, odd; /* odd: negative, a fraction, or too big to be anything that is looked for */
	uint64_t value;
	char word[WORD_MOST]; /* of a number: the unit that is written to it, "mb", or "" */
};
struct text {
	struct token t[TOKENS_MOST];
	size_t n;
	char words[3 * TEXT_MOST * 2 + 8]; /* " query exceeds max range 100 " for whole phrases */
	size_t len;
};

/* Empty; then each text behind the others. */
void text_init(struct text *x);
void text_read(struct text *x, struct str s);

/* Any of the phrases, each from the beginning of a word on; it ends where its text ends ("throttl"); # stands
 * for a number. */
bool text_says(const struct text *x, const char *const *phrases);
#define SAYS(x, ...) text_says((x), (const char *const[]){__VA_ARGS__, NULL})
/* The token is one of these words. */
bool text_word_is(const struct token *t, const char *const *words);
#define WORD(t, ...) text_word_is((t), (const char *const[]){__VA_ARGS__, NULL})

#endif
