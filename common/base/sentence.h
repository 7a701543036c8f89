/* sentence: reasons as data, and the one table of words for them. Pure.
 *
 * A reason is one line of text: `code key=value key="value with blanks"`. It is what PostgreSQL keeps for a
 * parked item, a failed batch, an attempt, and what a beat says; page, --top, --explain and logs render it
 * here. What is not of this form, or has a code that the table lacks (a line of an older version, a node's
 * own words), renders as itself.
 *
 * Rich text (reconciler/page/feed.h): `x` code, *x* bold, {#n} a number by groups, {@ms} how long ago,
 * {:ms} the clock. Everything renders to rich text first; sentence_plain makes plain words of it. */
#ifndef FAIRLEAD_BASE_SENTENCE_H
#define FAIRLEAD_BASE_SENTENCE_H

#include "common/base/str.h"
#include "common/base/u256.h"

/* ── making one ── */

void reason_code(struct buf *b, const char *code);                   /* begins a new one: b is cleared */
void reason_str(struct buf *b, const char *key, struct str value);   /* quoted where it must be */
void reason_text(struct buf *b, const char *key, const char *value); /* NULL or "": left out */
void reason_int(struct buf *b, const char *key, int64_t value);
void reason_u256(struct buf *b, const char *key, struct u256 value);

/* ── reading one ── */

/* The value of key, unquoted into out. false: not there, or text is no reason. */
bool reason_get(struct str text, const char *key, struct buf *out);
bool reason_is(struct str text, const char *code); /* of this form, with this code */
/* The code, or an empty slice when text is no reason of the table. */
struct str reason_known(struct str text);

/* ── saying it ── */

enum sentence_part {
	SENTENCE_TEXT,  /* what happened: "tokenMapping.json has no code for 4230" */
	SENTENCE_GROUP, /* of several alike: "tokenMapping.json has no code for them" */
	SENTENCE_VERB,  /* the bold first words of a line of a story: "Replaced for price." */
	SENTENCE_CURE,  /* what to do: "Add the key. …" */
};
/* Appends rich text; nothing when the table has no such part. An unknown reason is its own text (TEXT,
 * GROUP).
 */
void sentence_put(struct buf *out, struct str reason, enum sentence_part part);
/* Tone of a line of a story: "ink" "sea" "wait" "stop" "gone" "good". */
const char *sentence_tone(struct str reason);
/* Foreign words inside rich text. */
void rich_escape(struct buf *out, struct str s);
/* Rich text as plain words. now_ms: Unix time, for ages. blank: between the groups of a number ("" none). */
void sentence_plain(struct buf *out, struct str rich, int64_t now_ms, const char *blank);
/* Both at once, for logs and terminals. */
void sentence_say(struct buf *out, struct str reason, enum sentence_part part, int64_t now_ms);

/* 950 → "0.9 s", 12000 → "12 s", 200000 → "3 min", hours "5 h", from two days on "4 d". gap: between number
 * and unit. */
void say_duration(char *out, size_t size, int64_t ms, const char *gap);
/* 26471921 → "26 471 921" */
void say_grouped(char *out, size_t size, int64_t n, const char *blank);
/* Wei as gwei with two places ("18.00"), as ETH with up to five ("0.01502"): cut, for people (INV-12). */
void say_gwei(char *out, size_t size, struct u256 wei);
void say_eth(char *out, size_t size, struct u256 wei);

struct sentence { /* sentences.c */
	const char *code, *tone, *verb, *text, *group, *cure;
};
extern const struct sentence sentences[];

#endif
