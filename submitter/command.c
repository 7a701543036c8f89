#include "submitter/command.h"

#include "common/base/sentence.h"
#include "common/ledger/install.h"
#include "common/ledger/orders.h"
#include "submitter/explain.h"
#include "submitter/paper.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_NOTHING = 1, EXIT_WORDS = 64, EXIT_AGAIN = 75, EXIT_FILE = 78, ANSWER_MS = 10000 };

const struct option_decl command_options[] = {
	{"--explain", "BATCH|TX", OPTION_LOOK,
		"its whole life in plain words: why, what was offered, what came of it"},
	{"--price-replay", "FILE.csv", OPTION_LOOK, "what our prices would have paid on that series"},
	{"--cancel", "BATCH", OPTION_ACT, "don't send it; a sent one's nonce is used up by a no-op instead"},
	{"--resend", "BATCH", OPTION_ACT, "its signed bytes leave again now, a higher price is considered"},
	{"--retry", "ITEM", OPTION_ACT, "what is parked or dead waits for the next batch"},
	{"--drop", "ITEM", OPTION_ACT, "never send it; ITEM is a number, or NAME:KEY of a batch in FILE"},
	{"--freeze", "SIGNER", OPTION_ACT,
		"sign nothing new in its name; SIGNER is a name of FILE or an address"},
	{"--thaw", "SIGNER", OPTION_ACT, "sign again"},
	{0},
};

const char command_notes[] =
	"        while the fleet runs; twice is once; all stands in the audit trail; exit 1: no such thing\n";

struct command {
	struct member *m;
	const char *what, *of;
	char who[160];
	struct pg *pg;
	struct loop *loop;
	bool asked;
	struct explain explain;
};

/* user@host, for the audit trail: who stands behind sudo, if anybody does. */
static void put_who(char *out, size_t size)
{
	char host[64] = "";
	const struct passwd *p = getpwuid(geteuid());
	const char *sudo = getenv("SUDO_USER");
	gethostname(host, sizeof host - 1);
	if (sudo && *sudo && utf8_valid(str_of(sudo)))
		snprintf(out, size, "%.60s as %.30s@%.60s", sudo, p ? p->pw_name : "?", host);
	else if (p)
		snprintf(out, size, "%.60s@%.60s", p->pw_name, host);
	else
		snprintf(out, size, "uid %u@%.60s", (unsigned)geteuid(), host);
}

static void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("fairlead-submitter: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static int nothing_such(const struct command *c)
{
	static const char *const words[][2] = {{"cancel", "batch"}, {"resend", "batch"}, {"retry", "item"},
		{"drop", "item"}, {"freeze", "signer"}, {"thaw", "signer"},
		{"explain", "batch, transaction or item"}};
	const char *word = "thing";
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		word = text_is(words[i][0], c->what) ? words[i][1] : word;
	complain("%s has no %s %s", c->m->config->name, word, c->of);
	return EXIT_NOTHING;
}

static void say(const char *reason)
{
	struct buf out = {0}, rich = {0};
	struct paper paper = paper_of_stdout(&out, clock_wall_ms());
	sentence_put(&rich, str_of(reason), SENTENCE_TEXT);
	paper_put(&paper, "", "", "", (struct str){rich.p, rich.n}, 0);
	fputs(out.p, stdout);
	buf_fini(&rich);
	buf_fini(&out);
}

static int refused(const struct command *c, const struct pg_reply *r)
{
	bool right = text_is(r->sqlstate, "42501");
	if (r->outcome == PG_REFUSED && right)
		complain("PostgreSQL refused it: %s. Give this role membership of fairlead_submitter", r->err.text);
	else if (r->outcome == PG_REFUSED)
		complain("PostgreSQL refused it: %s", r->err.text);
	else
		complain("PostgreSQL did not answer: %s. Try --%s %s again: what was done is not done twice",
			r->err.text, c->what, c->of);
	return right ? EXIT_FILE : EXIT_AGAIN;
}

static void on_answer(void *arg, const struct pg_reply *r)
{
	struct command *c = arg;
	int code = 0;
	if (r->outcome != PG_OK) {
		code = refused(c, r);
	} else if (text_is(c->what, "explain")) {
		struct buf out = {0};
		struct paper paper = paper_of_stdout(&out, clock_wall_ms());
		if (explain_put(&c->explain, r, &paper))
			fputs(out.p, stdout);
		else
			code = nothing_such(c);
		buf_fini(&out);
	} else if (*orders_said(r, 0)) {
		say(orders_said(r, 0));
	} else {
		code = nothing_such(c);
	}
	loop_end(c->loop, code);
}

static void ask(struct command *c, struct pg_unit *u)
{
	if (text_is(c->what, "explain")) {
		explain_ask(&c->explain, u);
		return;
	}
	for (enum order o = ORDER_CANCEL; o < ORDERS; o++)
		if (text_is(c->what, order_words[o]))
			orders_ask(u, o, c->who, c->of, true);
}

static void on_up(void *arg)
{
	struct command *c = arg;
	if (c->asked)
		return;
	c->asked = true;
	struct pg_unit *u = pg_unit(c->pg);
	ask(c, u);
	pg_unit_run(u, ANSWER_MS, on_answer, c);
}

static void on_down(void *arg, const struct err *e)
{
	struct command *c = arg;
	if (c->asked)
		return; /* the unit says it */
	complain("PostgreSQL can't be used: %s; nothing was done", e->text);
	loop_end(c->loop, EXIT_AGAIN);
}

/* A number of a batch; the others are looked up by PostgreSQL. */
static bool words_ok(struct command *c)
{
	uint64_t n;
	bool batch = text_is(c->what, "cancel") || text_is(c->what, "resend");
	if (text_is(c->what, "explain") && !explain_of(&c->explain, c->of)) {
		complain("--explain is of the number of a batch, of a transaction's hash (0x and 8 digits of it or "
				 "more), or of an item as NAME:KEY, not of %s",
			c->of);
		return false;
	}
	if (batch && (!str_to_u64(str_of(c->of), &n) || n > INT64_MAX)) {
		complain(
			"--%s is of the number of a batch, not of %s; the page and --explain name it", c->what, c->of);
		return false;
	}
	return true;
}

/* Is PostgreSQL there, with our schema and this application's? */
static int look(const struct command *c, const char *conninfo)
{
	struct problems ps = {0};
	struct err e = {0};
	enum install_result got = install(c->m->config, conninfo, INSTALL_LOOK, &ps, &e);
	problems_fini(&ps);
	if (got == INSTALL_DONE)
		return 0;
	complain("%s; nothing was done", e.text);
	return got == INSTALL_AWAY ? EXIT_AGAIN : EXIT_FILE;
}

int command_main(void *arg, struct member *m)
{
	struct command c = {.m = m, .what = m->options.command, .of = m->options.command_of};
	struct pg_events ev = {.on_up = on_up, .on_down = on_down, .arg = &c};
	(void)arg;
	if (!words_ok(&c))
		return EXIT_WORDS;
	char *conninfo = pg_conninfo_from_env();
	int code = look(&c, conninfo);
	if (code == 0) {
		struct pg_options o = {.conninfo = conninfo, .application = "fairlead-submitter-act"};
		put_who(c.who, sizeof c.who);
		c.loop = loop_new();
		c.pg = pg_open(c.loop, &o, &ev);
		code = loop_run(c.loop);
		pg_close(c.pg);
		loop_free(c.loop);
	}
	free(conninfo);
	return code;
}
