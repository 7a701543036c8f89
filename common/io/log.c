#include "common/io/log.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/loop.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A line of at most PIPE_BUF bytes is written whole or not at all to a pipe, also beside other processes'
 * lines. */
enum { LINE_MAX_BYTES = PIPE_BUF, VALUE_MAX_BYTES = 1000, TAIL_BYTES = 16 };

static const char *const level_names[] = {"debug", "info", "odd", "bug"};
static enum log_level least = LOG_INFO;
static const char *program_name;
static bool json, torn; /* torn: half a line stands at the end of the file */
static uint64_t lost;
static bool kept; /* lines wait in waiting for the end of the turn */
static struct buf waiting;

/* What led to a crash is told; then the signal does what it does. */
static void on_crash(int signum)
{
	log_flush();
	raise(signum);
}

/* Whoever handles it already, as a sanitizer does, goes on doing so. */
static void speak_before(int signum)
{
	struct sigaction was, ours = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
	if (sigaction(signum, NULL, &was) == 0 && !(was.sa_flags & SA_SIGINFO) && was.sa_handler == SIG_DFL)
		sigaction(signum, &ours, NULL);
}

void log_init(const char *program, const char *level)
{
	static const struct {
		const char *word;
		enum log_level level;
	} words[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"odd", LOG_ODD}, {"warn", LOG_ODD},
		{"bug", LOG_BUG}, {"error", LOG_BUG}};
	program_name = program;
	json = text_is(getenv("FAIRLEAD_LOG"), "json");
	least = LOG_INFO;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (text_is(level, words[i].word))
			least = words[i].level;
	err_last_words = log_flush;
	speak_before(SIGSEGV);
	speak_before(SIGBUS);
	speak_before(SIGFPE);
	speak_before(SIGILL);
	signal(SIGXFSZ, SIG_IGN); /* a log file at its size limit is an error of write, not an end */
}

uint64_t log_lost(void)
{
	return lost;
}

static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
				  (c && strchr("_-.:/+@%,~#*()[]{}", c));
		if (!ok)
			return false;
	}
	return s.n > 0;
}

static void put_key(struct buf *b, const char *key)
{
	if (json) {
		if (b->n > 1) /* the opening brace stands at 0 */
			buf_char(b, ',');
		buf_json(b, str_of(key));
		buf_char(b, ':');
	} else {
		if (b->n > 0)
			buf_char(b, ' ');
		buf_text(b, key);
		buf_char(b, '=');
	}
}

static void put_text(struct buf *b, const char *key, struct str s)
{
	if (s.n > VALUE_MAX_BYTES)
		s.n = VALUE_MAX_BYTES;
	put_key(b, key);
	if (!json && plain(s))
		buf_str(b, s);
	else
		buf_json(b, s);
}

static void put_hex(struct buf *b, const struct log_field *f)
{
	size_t n = f->n <= VALUE_MAX_BYTES / 2 ? f->n : VALUE_MAX_BYTES / 2;
	put_key(b, f->key);
	buf_text(b, json ? "\"0x" : "0x");
	buf_hex(b, f->hex, n);
	if (json)
		buf_char(b, '"');
}

static void put_field(struct buf *b, const struct log_field *f)
{
	char url[512];
	switch (f->type) {
	case LOG_STR:
		if (f->s)
			put_text(b, f->key, str_of(f->s));
		break;
	case LOG_URL_:
		if (!f->s)
			break;
		url_for_people(url, sizeof url, f->s);
		put_text(b, f->key, str_of(url));
		break;
	case LOG_INT:
		put_key(b, f->key);
		buf_int(b, f->i);
		break;
	case LOG_UINT:
		put_key(b, f->key);
		buf_uint(b, f->u);
		break;
	case LOG_BOOL:
		put_key(b, f->key);
		buf_text(b, f->i ? "true" : "false");
		break;
	case LOG_HEX: put_hex(b, f); break;
	}
}

static void put_time(struct buf *b)
{
	static char text[40]; /* of the millisecond told last: a turn's lines share it */
	static int64_t told = -1;
	int64_t ms = clock_wall_ms();
	if (ms != told) {
		time_t s = (time_t)(ms / 1000);
		struct tm tm;
		gmtime_r(&s, &tm);
		size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
		told = ms;
	}
	put_text(b, "t", str_of(text));
}

/* Fields that no longer fit are left out, and the line says so. */
static void put_fields(struct buf *b, const struct log_field *f)
{
	for (; f && f->key; f++) {
		size_t before = b->n;
		put_field(b, f);
		if (b->n <= LINE_MAX_BYTES - TAIL_BYTES)
			continue;
		b->n = before;
		b->p[b->n] = 0;
		put_key(b, "cut");
		buf_text(b, "true");
		break;
	}
}

static uint64_t lines_in(const char *p, size_t n)
{
	uint64_t lines = 0;
	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

/* What waits begins with a newline of its own: it leaves where half a line stands before it. A pipe that
 * nobody reads must not stop the loop: no room now, no line. */
void log_flush(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (waiting.n <= 1)
		return;
	const char *from = waiting.p + 1;
	size_t n = waiting.n - 1;
	ssize_t done = 0;
	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT))
		done = torn ? write(STDERR_FILENO, from - 1, n + 1) - 1 : write(STDERR_FILENO, from, n);
	if (done > 0)
		torn = from[done - 1] != '\n';
	if (done < (ssize_t)n)
		lost += lines_in(from, n) - (done > 0 ? lines_in(from, (size_t)done) : 0);
	waiting.n = 0;
}

void log_keep(bool keep)
{
	log_flush();
	kept = keep;
}

/* A pipe takes so much whole or not at all. */
static void put_line(const struct buf *line)
{
	if (waiting.n + line->n + 1 > LINE_MAX_BYTES)
		log_flush();
	if (waiting.n == 0)
		buf_char(&waiting, '\n');
	buf_put(&waiting, line->p, line->n);
	buf_char(&waiting, '\n');
}

void log_write(enum log_level level, const char *ev, const char *text, const struct log_field *fields)
{
	static struct buf line; /* kept: a line costs no allocation */
	if (level < least)
		return;
	buf_clear(&line);
	if (json)
		buf_char(&line, '{');
	put_time(&line);
	put_text(&line, "level", str_of(level_names[level]));
	if (program_name)
		put_text(&line, "program", str_of(program_name));
	put_text(&line, "ev", str_of(ev));
	put_text(&line, "text", str_of(text));
	put_fields(&line, fields);
	if (json)
		buf_char(&line, '}');
	put_line(&line);
	if (!kept || level >= LOG_ODD)
		log_flush();
}
