#include "common/app/options.h"
#include "common/app/problem.h"

#include <ctype.h>

static const struct option_decl common[] = {
	{"--check", NULL, OPTION_LOOK, "names every mistake in FILE; exit 0 or 78"},
	{"--print", NULL, OPTION_LOOK, "FILE as understood, secrets as ***"},
	{"--health", "ADDR", OPTION_RUN, "host:port or a unix socket's path; may be repeated"},
	{"--version", NULL, OPTION_RUN, "what was built"},
	{"--help", NULL, OPTION_RUN, "this page"},
	{"--faults", NULL, OPTION_RUN, NULL},
	{0},
};

static const struct option_decl *find(const struct option_decl *list, const char *arg, size_t n)
{
	for (; list && list->flag; list++)
		if (strlen(list->flag) == n && memcmp(list->flag, arg, n) == 0)
			return list;
	return NULL;
}

static const char *nearest_flag(const struct program_decl *p, const char *arg)
{
	const char *flags[64] = {0};
	size_t n = 0;
	for (const struct option_decl *o = common; o->flag && n < 63; o++)
		if (o->text)
			flags[n++] = o->flag;
	for (const struct option_decl *o = p->extra; o && o->flag && n < 63; o++)
		if (o->text)
			flags[n++] = o->flag;
	return nearest_word(arg, flags);
}

/* An optional value is a name: what has a "." or a "/" in it is FILE. */
static bool is_name(const char *s)
{
	if (!s || !isalpha((unsigned char)*s))
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return *s == 0;
}

/* PostgreSQL's bigint holds a block. */
static bool block(struct str s, uint64_t *out)
{
	return str_to_u64(s, out) && *out <= INT64_MAX;
}

static bool set_from(struct options *o, const char *value, struct err *e)
{
	o->has_from = true;
	o->from_start = strcmp(value, "start") == 0;
	if (o->from_start || block(str_of(value), &o->from))
		return true;
	return err_set(e, ERR_REJECTED, "--from is the number of a block, or start, not %s", value);
}

static bool set_replay(struct options *o, const char *value, struct err *e)
{
	const char *dots = strstr(value, "..");
	o->has_replay = true;
	if (!dots || !block((struct str){value, (size_t)(dots - value)}, &o->replay_from) ||
		!block(str_of(dots + 2), &o->replay_to))
		return err_set(e, ERR_REJECTED, "--replay is two numbers of blocks, as 100..200, not %s", value);
	if (o->replay_from > o->replay_to)
		return err_set(e, ERR_REJECTED, "--replay %s ends before it begins", value);
	return true;
}

/* One thing a call: two of them at once would leave it open which came first. */
static bool set_command(struct options *o, const char *flag, const char *value, struct err *e)
{
	if (o->command)
		return err_set(e, ERR_REJECTED, "one thing at a time: --%s or %s", o->command, flag);
	o->command = flag + 2;
	o->command_of = value;
	return true;
}

static bool is_command(const char *flag)
{
	static const char *const all[] = {
		"--verify", "--cancel", "--resend", "--freeze", "--thaw", "--drop", "--retry", "--explain"};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(flag, all[i]) == 0)
			return true;
	return false;
}

static bool set(struct options *o, const char *flag, const char *value, struct err *e)
{
	struct {
		const char *flag;
		bool *on;
		const char **value;
	} fields[] = {{"--check", &o->check, NULL}, {"--print", &o->print, NULL}, {"--help", &o->help, NULL},
		{"--version", &o->version, NULL}, {"--faults", &o->faults, NULL}, {"--once", &o->once, &o->once_name},
		{"--price-replay", NULL, &o->price_replay}, {"--top", &o->top, NULL},
		{"--serve-only", &o->serve_only, NULL}};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].flag, flag) == 0) {
			if (fields[i].on)
				*fields[i].on = true;
			if (fields[i].value && value)
				*fields[i].value = value;
			return true;
		}
	if (is_command(flag))
		return set_command(o, flag, value, e);
	if (strcmp(flag, "--from") == 0)
		return set_from(o, value, e);
	if (strcmp(flag, "--replay") == 0)
		return set_replay(o, value, e);
	size_t n = 0;
	while (n < OPTIONS_HEALTH_MAX && o->health[n])
		n++;
	if (n == OPTIONS_HEALTH_MAX)
		return err_set(e, ERR_REJECTED, "--health is given more than %d times", OPTIONS_HEALTH_MAX);
	o->health[n] = value;
	return true;
}

static bool unknown(const struct program_decl *p, const char *arg, struct err *e)
{
	const char *near = nearest_flag(p, arg);
	return err_set(
		e, ERR_REJECTED, "no option is named %s%s%s", arg, near ? "; did you mean " : "", near ? near : "");
}

/* The option at argv[*i]; moves *i over its value. */
static bool option(
	struct options *o, const struct program_decl *p, int argc, char **argv, int *i, struct err *e)
{
	const char *arg = argv[*i], *equals = strchr(arg, '='), *value = equals ? equals + 1 : NULL;
	size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
	const struct option_decl *d = strcmp(arg, "-h") == 0 ? find(common, "--help", 6) : find(common, arg, n);
	if (!d)
		d = find(p->extra, arg, n);
	if (!d)
		return unknown(p, arg, e);
	const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
	if (!d->value && value)
		return err_set(e, ERR_REJECTED, "%s takes no value", d->flag);
	if (d->value && !value && (d->value[0] != '[' || is_name(next))) {
		value = next && next[0] != '-' ? next : NULL;
		*i += value != NULL;
	}
	if (d->value && d->value[0] != '[' && (!value || !*value))
		return err_set(e, ERR_REJECTED, "%s needs %s", d->flag, d->value);
	return set(o, d->flag, value, e);
}

bool options_parse(struct options *o, const struct program_decl *p, int argc, char **argv, struct err *e)
{
	*o = (struct options){0};
	bool only_files = false;
	for (int i = 1; i < argc; i++) {
		if (!only_files && strcmp(argv[i], "--") == 0) {
			only_files = true;
		} else if (!only_files && argv[i][0] == '-' && argv[i][1]) {
			if (!option(o, p, argc, argv, &i, e))
				return false;
		} else if (o->file) {
			return err_set(e, ERR_REJECTED, "one FILE, not two: %s and %s", o->file, argv[i]);
		} else {
			o->file = argv[i];
		}
	}
	if (!o->file)
		o->file = "fairlead.yaml";
	return true;
}

static void help_group(const struct program_decl *p, enum option_group group, const char *name, FILE *out)
{
	const struct option_decl *lists[] = {common, p->extra};
	const char *title = name;
	for (size_t i = 0; i < 2; i++)
		for (const struct option_decl *d = lists[i]; d && d->flag; d++) {
			char flag[64];
			if (d->group != group || !d->text)
				continue;
			snprintf(flag, sizeof flag, "%s%s%s", d->flag, d->value ? " " : "", d->value ? d->value : "");
			fprintf(out, " %-6s %-25s %s\n", title, flag, d->text);
			title = "";
		}
}

void options_help(const struct program_decl *p, FILE *out)
{
	char usage[64];
	snprintf(usage, sizeof usage, "%s [FILE]", p->name);
	fprintf(out, " %s   %s\n", p->name, p->what);
	fprintf(out, "   %-29s  runs in front; FILE is fairlead.yaml if not given\n", usage);
	help_group(p, OPTION_LOOK, "look", out);
	help_group(p, OPTION_ACT, "act", out);
	if (p->notes)
		fputs(p->notes, out);
	help_group(p, OPTION_RUN, "run", out);
	fputs(
		" exit   0 drained   64 usage   75 try again   78 configuration   134 a bug of ours, please tell us\n"
		" from the environment: DATABASE_URL or PG*, REDIS_URL, and every ${VAR} of FILE. See also "
		"README.md\n",
		out);
}
