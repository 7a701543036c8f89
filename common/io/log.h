/* log: one line an event, to stderr, logfmt or JSON; a constant ev= name, a sentence for people, typed
 * fields.
 *
 * Levels: debug · info · odd (the world is strange) · bug (we are; a test fails on any). Values are quoted
 * and escaped here; secrets must not be given, and URLs are printed with F_URL, which drops credentials and
 * query. A line that can't be written (a full disk, P18) is counted and dropped, never waited for. */
#ifndef FAIRLEAD_IO_LOG_H
#define FAIRLEAD_IO_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_ODD, LOG_BUG };

struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_STR = 1, LOG_INT, LOG_UINT, LOG_HEX, LOG_URL_, LOG_BOOL } type;
	union {
		const char *s;
		int64_t i;
		uint64_t u;
		const uint8_t *hex;
	};
	size_t n; /* bytes behind hex */
};
/* clang-format off */
#define F_STR(k, v)      {.key = (k), .type = LOG_STR, .s = (v)} /* NULL: the field is left out */
#define F_INT(k, v)      {.key = (k), .type = LOG_INT, .i = (int64_t)(v)}
#define F_UINT(k, v)     {.key = (k), .type = LOG_UINT, .u = (uint64_t)(v)}
#define F_HEX(k, p, len) {.key = (k), .type = LOG_HEX, .hex = (p), .n = (len)} /* 0x… */
#define F_URL(k, v)      {.key = (k), .type = LOG_URL_, .s = (v)}
#define F_BOOL(k, v)     {.key = (k), .type = LOG_BOOL, .i = (v)}
/* clang-format on */

/* program: "listener" …; level: "debug", "info", "odd" or "bug", else info; JSON by FAIRLEAD_LOG=json. Call
 * once, before the first line. A line has at most 4096 bytes: fields that no longer fit are left out
 * (cut=true). */
void log_init(const char *program, const char *level);
void log_write(enum log_level level, const char *ev, const char *text, const struct log_field *fields);
uint64_t log_lost(void); /* lines that could not be written */
/* While the loop runs, lines of debug and info wait for the end of its turn and leave together; odd and bug
 * leave at once, with all that waits. */
void log_keep(bool keep);
void log_flush(void);

#define LOG_AT(level, ev, text, ...) \
	log_write((level), (ev), (text), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
/* text: one plain sentence, subject first, no trailing stop; the fields carry the numbers */
#define log_debug(ev, text, ...) LOG_AT(LOG_DEBUG, ev, text, __VA_ARGS__)
#define log_info(ev, text, ...)  LOG_AT(LOG_INFO, ev, text, __VA_ARGS__)
#define log_odd(ev, text, ...)   LOG_AT(LOG_ODD, ev, text, __VA_ARGS__)
#define log_bug(ev, text, ...)   LOG_AT(LOG_BUG, ev, text, __VA_ARGS__)

/* Writes url without user, password and query into out (for messages of any kind). Of a web address also
 * without the segments of its path that are long enough to be a provider's key. */
void url_for_people(char *out, size_t size, const char *url);

#endif
