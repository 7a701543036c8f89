#include "common/fleet/member.h"

#include "common/fleet/beat.h"
#include "common/fleet/totals.h"

#include "common/base/backoff.h"
#include "common/base/mem.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/io/metrics.h"
#include "common/ledger/install.h"
#include "common/ledger/lane.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 64,
	EXIT_TRANSIENT = 75,
	EXIT_CONFIG = 78,
	PING_MS = 2000,    /* how often an idle connection is asked whether PostgreSQL is there */
	SILENT_MS = 2500,  /* longer without an answer than this is "not ready" (INV-11, P21: within 5 s) */
	BUSY_RETRY_MS = 50 /* another program is installing */
};

enum phase {
	PHASE_WAITING, /* PostgreSQL has not been reached, or what we need is not installed in it yet */
	PHASE_RUNNING, /* on_start has run */
	PHASE_DRAINING,
	PHASE_ENDED,
};

struct member_run {
	const struct member_program *p;
	enum phase phase;
	struct timer *install_timer, *ping_timer, *drain_timer;
	struct backoff install_backoff;
	char waiting_for[600]; /* a sentence for /readyz while waiting */
	uint64_t started_ms, pg_asked_ms, pg_heard_ms;
	bool pg_said_down, ping_in_flight, pg_silent;
	struct totals *totals;
	struct beats *beats;
	int exit_code;
};

/* ── PostgreSQL: there or not ── */

static void on_ping(void *arg, const struct pg_reply *r)
{
	struct member *m = arg;
	m->run->ping_in_flight = false;
	if (r->outcome != PG_OK)
		return;
	m->run->pg_heard_ms = loop_now_ms(m->loop);
	if (m->run->pg_silent)
		beats_pg(m->run->beats, true, NULL);
	m->run->pg_silent = false;
}

static void ping(void *arg)
{
	static const struct pg_sql sql = {"member_ping", "SELECT 1"};
	struct member *m = arg;
	if (m->draining)
		return;
	timer_start(m->loop, &m->run->ping_timer, PING_MS, ping, m);
	if (m->run->ping_in_flight && pg_is_up(m->pg) && !m->run->pg_silent) {
		m->run->pg_silent = true;
		beats_pg(m->run->beats, false, "it is connected and does not answer");
	}
	if (m->run->ping_in_flight || !pg_is_up(m->pg))
		return;
	struct pg_unit *u = pg_unit(m->pg);
	pg_stmt(u, &sql);
	m->run->ping_in_flight = true;
	m->run->pg_asked_ms = loop_now_ms(m->loop);
	pg_unit_run(u, 0, on_ping, m);
}

/* A bell: "catchup:main". What it tells of stands in PostgreSQL. */
static void on_notify(void *arg, const char *channel, const char *payload)
{
	struct member *m = arg;
	const struct member_run *r = m->run;
	const char *colon = strchr(payload, ':');
	char kind[16];
	(void)channel;
	if (!colon || (size_t)(colon - payload) >= sizeof kind || r->phase != PHASE_RUNNING)
		return;
	memcpy(kind, payload, (size_t)(colon - payload));
	kind[colon - payload] = 0;
	r->p->on_wish(r->p->arg, kind, colon + 1);
}

static void start_program(struct member *m);
static void try_install(void *arg);

/* A connection of its own is for who has something to install: mostly there is nothing. */
static void on_looked(void *arg, const struct pg_reply *r)
{
	struct member *m = arg;
	if (m->run->phase != PHASE_WAITING || r->outcome == PG_UNSENT || r->outcome == PG_UNKNOWN)
		return; /* we end, or on_pg_up runs again */
	if (install_stands(r, m->config))
		start_program(m);
	else
		try_install(m);
}

static void look_first(struct member *m)
{
	struct pg_unit *u = pg_unit(m->pg);
	install_look(u, m->config);
	pg_unit_run(u, 0, on_looked, m);
}

static void on_pg_up(void *arg)
{
	struct member *m = arg;
	struct member_run *r = m->run;
	r->pg_heard_ms = loop_now_ms(m->loop);
	r->pg_silent = false;
	beats_pg(r->beats, true, NULL);
	if (r->pg_said_down)
		log_info("pg.up", "PostgreSQL answers again");
	r->pg_said_down = false;
	if (r->phase == PHASE_WAITING) {
		look_first(m);
		return;
	}
	if (r->p->on_pg)
		r->p->on_pg(r->p->arg, true);
	if (r->p->on_wish && r->phase == PHASE_RUNNING)
		r->p->on_wish(r->p->arg, "", "");
}

static void on_pg_down(void *arg, const struct err *e)
{
	struct member *m = arg;
	struct member_run *r = m->run;
	beats_pg(r->beats, false, e->text);
	if (!r->pg_said_down) {
		char who[200];
		pg_for_people(who, sizeof who, m->conninfo);
		if (r->phase == PHASE_WAITING)
			log_odd("pg.down",
				"PostgreSQL can't be used; trying again. Is it where DATABASE_URL, DB_HOST … say, and are "
				"name "
				"and password right?",
				F_STR("server", who), F_STR("reason", e->text));
		else
			log_odd("pg.down", "PostgreSQL does not answer; waiting for it, nothing is lost",
				F_STR("server", who), F_STR("reason", e->text));
	}
	r->pg_said_down = true;
	if (r->phase == PHASE_WAITING) {
		snprintf(r->waiting_for, sizeof r->waiting_for, "PostgreSQL can't be used: %s", e->text);
		beats_phase(r->beats, "waiting", r->waiting_for);
	} else if (r->phase != PHASE_ENDED && r->p->on_pg)
		r->p->on_pg(r->p->arg, false);
}

static void on_install_problems(struct member *m, struct problems *ps)
{
	problems_print(ps, stderr, isatty(STDERR_FILENO), "");
	member_end(m, EXIT_CONFIG);
}

static void try_install(void *arg)
{
	struct member *m = arg;
	struct member_run *r = m->run;
	if (r->phase != PHASE_WAITING)
		return;
	struct problems ps = {0};
	struct err e = {0};
	enum install_result got =
		install(m->config, m->conninfo, m->options.serve_only ? INSTALL_LOOK : INSTALL_FOR_REAL, &ps, &e);
	loop_was_blocked(m->loop); /* a lease that is taken now must not be thought to be old */
	switch (got) {
	case INSTALL_DONE: start_program(m); break;
	case INSTALL_BUSY: timer_start(m->loop, &r->install_timer, BUSY_RETRY_MS, try_install, m); break;
	case INSTALL_AWAY:
		snprintf(r->waiting_for, sizeof r->waiting_for, "%s", e.text);
		log_odd("install.wait", "The database can't be prepared yet; trying again", F_STR("reason", e.text));
		timer_start(m->loop, &r->install_timer, backoff_fail(&r->install_backoff), try_install, m);
		break;
	case INSTALL_REFUSED:
		log_odd("install.refused", "The database can't be used by this program", F_STR("reason", e.text));
		member_end(m, EXIT_CONFIG);
		break;
	case INSTALL_PROBLEMS: on_install_problems(m, &ps); break;
	}
	problems_fini(&ps);
}

/* ── start, drain, end ── */

static void start_program(struct member *m)
{
	struct member_run *r = m->run;
	r->phase = PHASE_RUNNING;
	r->waiting_for[0] = 0;
	beats_phase(r->beats, "running", NULL);
	log_info("start", "Started", F_STR("version", FAIRLEAD_VERSION), F_STR("file", m->config->file),
		F_UINT("start_ms", loop_now_ms(m->loop) - r->started_ms), F_INT("pid", getpid()));
	if (!m->options.serve_only) /* the gateway's role writes no table of the engine */
		r->totals = totals_open(m->loop, m->pg, r->p->short_name);
	r->p->on_start(r->p->arg, m);
	if (r->p->on_wish)
		r->p->on_wish(r->p->arg, "", "");
}

static void drain_is_late(void *arg)
{
	struct member *m = arg;
	log_odd("drain.late",
		"Draining took longer than fleet.drain; ending now, what is left goes on at the next start",
		F_UINT("drain_ms", m->config->fleet.drain_ms));
	member_end(m, EXIT_TRANSIENT);
}

static void on_term(void *arg)
{
	struct member *m = arg;
	struct member_run *r = m->run;
	log_info("drain", "Asked to end; finishing what is in flight");
	m->draining = true;
	if (r->phase != PHASE_RUNNING) {
		member_end(m, 0);
		return;
	}
	r->phase = PHASE_DRAINING;
	beats_phase(r->beats, "draining", NULL);
	timer_start(m->loop, &r->drain_timer, m->config->fleet.drain_ms, drain_is_late, m);
	r->p->on_drain(r->p->arg);
}

static void end_drained(void *arg)
{
	struct member *m = arg;
	if (m->run->phase != PHASE_DRAINING)
		return;
	log_info("end", "Drained; nothing was lost");
	member_end(m, 0);
}

void member_drained(struct member *m)
{
	if (m->run->phase == PHASE_DRAINING && !m->run->totals)
		loop_later(m->loop, end_drained, m);
	else if (m->run->phase == PHASE_DRAINING)
		totals_finish(m->run->totals, end_drained, m);
}

static void end_turn(void *arg)
{
	struct member *m = arg;
	loop_end(m->loop, m->run->exit_code);
}

void member_end(struct member *m, int exit_code)
{
	struct member_run *r = m->run;
	if (r->phase == PHASE_ENDED)
		return;
	r->phase = PHASE_ENDED;
	r->exit_code = exit_code;
	timer_free(&r->install_timer);
	timer_free(&r->ping_timer);
	timer_free(&r->drain_timer);
	beats_close(r->beats);
	r->beats = NULL;
	loop_later(m->loop, end_turn, m);
}

/* ── what the health socket says ── */

static void reasons(void *arg, struct buf *out)
{
	struct member *m = arg;
	struct member_run *r = m->run;
	uint64_t now = loop_now_ms(m->loop);
	if (r->phase == PHASE_WAITING)
		buf_printf(out, "%s\n", r->waiting_for[0] ? r->waiting_for : "PostgreSQL has not been reached yet");
	else if (!pg_is_up(m->pg))
		buf_printf(out, "PostgreSQL has not answered for %" PRIu64 " s\n", (now - r->pg_heard_ms) / 1000);
	else if (r->ping_in_flight && now - r->pg_asked_ms > SILENT_MS)
		buf_printf(out, "PostgreSQL has not answered for %" PRIu64 " s\n", (now - r->pg_asked_ms) / 1000);
	if (!bus_is_up(m->bus))
		buf_text(out, "Redis does not answer; bells are late, nothing is lost\n");
	if (m->draining)
		buf_text(out, "draining\n");
	if (r->phase == PHASE_ENDED)
		buf_text(out, "it ends; its log says why\n");
	if (r->phase == PHASE_RUNNING && r->p->reasons)
		r->p->reasons(r->p->arg, out);
}

static void status(void *arg, struct buf *out)
{
	struct member *m = arg;
	struct member_run *r = m->run;
	static const char *const phases[] = {"waiting", "running", "draining", "ended"};
	buf_printf(out, "\"phase\":\"%s\",\"uptime_ms\":%" PRIu64 ",", phases[r->phase],
		loop_now_ms(m->loop) - r->started_ms);
	buf_text(out, "\"application\":");
	buf_json(out, str_of(m->config->name));
	buf_printf(out, ",\"postgresql\":%s,\"redis\":%s,\"log_lines_lost\":%" PRIu64 ",",
		pg_is_up(m->pg) ? "true" : "false", bus_is_up(m->bus) ? "true" : "false", log_lost());
	if (r->phase >= PHASE_RUNNING && r->p->status)
		r->p->status(r->p->arg, out);
}

/* ── the health socket's addresses: --health, else FAIRLEAD_HEALTH, else a unix socket in the runtime
 * directory ── */

static void listen_default(struct member *m)
{
	const char *dir = getenv("RUNTIME_DIRECTORY");
	if (!dir || !*dir)
		dir = getenv("XDG_RUNTIME_DIR");
	if (!dir || !*dir)
		dir = "/tmp";
	char address[256];
	struct err e = {0};
	snprintf(
		address, sizeof address, "unix:%s/fairlead-%s-%s.sock", dir, m->config->name, m->run->p->short_name);
	if (health_listen(m->health, address, &e)) {
		log_info("health", "Health socket", F_STR("at", address));
		return;
	}
	snprintf(address, sizeof address, "unix:%s/fairlead-%s-%s.%d.sock", dir, m->config->name,
		m->run->p->short_name, (int)getpid());
	if (health_listen(m->health, address, &e))
		log_info("health", "Health socket", F_STR("at", address));
	else
		log_odd("health", "No health socket could be opened", F_STR("at", address), F_STR("reason", e.text));
}

/* from: what named the address, for people */
static bool listen_one(struct member *m, const char *from, const char *address)
{
	struct err e = {0};
	if (!health_listen(m->health, address, &e)) {
		fprintf(stderr, "fairlead-%s: %s: %s\n", m->run->p->short_name, from, e.text);
		return false;
	}
	if (text_starts(address, "unix:"))
		log_info("health", "Health socket", F_STR("at", address));
	else
		log_info("health", "Health socket", F_STR("at", address), F_INT("port", health_port(m->health)));
	return true;
}

static bool listen_health(struct member *m)
{
	bool ok = true;
	const char *env = getenv("FAIRLEAD_HEALTH");
	if (m->options.health[0]) {
		for (int i = 0; i < 4 && m->options.health[i]; i++)
			ok = listen_one(m, "--health", m->options.health[i]) && ok;
	} else if (env && *env) {
		char *copy = mem_text(env), *rest = copy;
		for (char *one; (one = strtok_r(rest, ", ", &rest));)
			ok = listen_one(m, "FAIRLEAD_HEALTH", one) && ok;
		free(copy);
	} else {
		listen_default(m);
	}
	return ok;
}

/* ── main ── */

static void open_sockets(struct member *m)
{
	struct member_run *r = m->run;
	char application[64];
	snprintf(application, sizeof application, "fairlead-%s", r->p->short_name);
	struct health_options h = {.program = r->p->short_name,
		.ready_alias = m->config->serve.ready,
		.live_alias = m->config->serve.live,
		.reasons = reasons,
		.status = status,
		.arg = m};
	m->health = health_open(m->loop, &h);
	struct pg_events ev = {
		.on_up = on_pg_up, .on_down = on_pg_down, .on_notify = r->p->on_wish ? on_notify : NULL, .arg = m};
	struct pg_options o = {.conninfo = m->conninfo,
		.application = application,
		.listen = {r->p->on_wish ? "fairlead_wish" : NULL},
		.generic_plans = r->p->generic_plans,
		.idle_in_transaction_ms = LANE_TTL_HALF_MS};
	m->pg = pg_open(m->loop, &o, &ev);
	m->bus = bus_open(m->loop, m->redis_url, m->config->name);
	r->beats = beats_open(m, r->p);
}

static bool open_program(struct member *m, const struct member_program *p)
{
	struct problems ps = {0};
	bool ok = !p->on_open || p->on_open(p->arg, m, &ps);
	if (ps.n)
		problems_print(&ps, stderr, isatty(STDERR_FILENO), "");
	problems_fini(&ps);
	return ok;
}

static int run(struct member *m, const struct member_program *p)
{
	struct member_run *r = m->run;
	m->loop = loop_new();
	r->started_ms = loop_now_ms(m->loop);
	backoff_init(&r->install_backoff, 200, 5000, (uint64_t)getpid());
	char host[40] = "";
	gethostname(host, sizeof host - 1);
	snprintf(m->holder, sizeof m->holder, "%s:%d", host, (int)getpid());
	m->conninfo = pg_conninfo_from_env();
	m->redis_url = redis_url_from_env();
	loop_on_term(m->loop, on_term, m);
	open_sockets(m);
	int code = EXIT_CONFIG;
	if (listen_health(m) && open_program(m, p)) {
		ping(m);
		code = loop_run(m->loop);
	}
	if (p->on_end)
		p->on_end(p->arg);
	beats_close(r->beats);
	r->beats = NULL;
	totals_close(r->totals);
	health_close(m->health);
	if (code != EXIT_TRANSIENT) { /* drain_is_late: what is still open belongs to work that was cut short */
		bus_close(m->bus);
		pg_close(m->pg);
		loop_free(m->loop);
	}
	free(m->conninfo);
	free(m->redis_url);
	return code;
}

static const char unreachable[] = "PostgreSQL was not reachable, so SQL was read but not prepared.";

/* The file is wrong in itself. With --check: what that says about its SQL. */
static int refuse(const struct options *o, struct problems *ps)
{
	const char *tail = "";
	if (o->check) {
		char *conninfo = pg_conninfo_from_env();
		tail = install_reachable(conninfo) ? "Its SQL is prepared when these are mended." : unreachable;
		free(conninfo);
	}
	problems_print(ps, stderr, isatty(STDERR_FILENO), tail);
	return EXIT_CONFIG;
}

/* --check: the file alone, and its SQL when a database is there. */
static int check(const struct config *c, struct problems *ps)
{
	struct err e = {0};
	char *conninfo = pg_conninfo_from_env();
	char tail[700] = "Its SQL was prepared on PostgreSQL.";
	enum install_result got = install(c, conninfo, INSTALL_CHECK, ps, &e);
	if (got == INSTALL_BUSY || (got == INSTALL_AWAY && install_reachable(conninfo)))
		snprintf(tail, sizeof tail, "SQL was read but not prepared: %s.",
			got == INSTALL_BUSY ? "another program is installing" : e.text);
	else if (got == INSTALL_AWAY)
		snprintf(tail, sizeof tail, "%s", unreachable);
	free(conninfo);
	if (got == INSTALL_REFUSED) {
		fprintf(stderr, "%s: %s\n", c->file, e.text);
		return EXIT_CONFIG;
	}
	if (ps->n > 0) {
		problems_print(ps, stderr, isatty(STDERR_FILENO), "");
		return EXIT_CONFIG;
	}
	printf("%s: no mistake found. %s\n", c->file, tail);
	return 0;
}

static int usage(const struct member_program *p, const struct err *e)
{
	fprintf(stderr, "%s: %s; %s --help tells more\n", p->decl.name, e->text, p->decl.name);
	return EXIT_USAGE;
}

/* What says where the servers are is part of the configuration: what can't be read is never waited for. */
static bool environment_ok(const struct member_program *p)
{
	struct err e = {0};
	bool ok = pg_env_ok(&e);
	if (!ok)
		fprintf(stderr, "%s: %s\n", p->decl.name, e.text);
	if (redis_env_ok(&e))
		return ok;
	fprintf(stderr, "%s: %s\n", p->decl.name, e.text);
	return false;
}

static int with_config(struct member *m, const struct member_program *p, struct problems *ps)
{
	if (m->options.print) {
		config_print(m->config, stdout);
		return 0;
	}
	if (!environment_ok(p))
		return EXIT_CONFIG;
	if (m->options.check)
		return check(m->config, ps);
	if (!p->needs_key)
		config_wipe_environment(m->config, !p->serves);
	if (!p->needs_key && p->serves)
		config_wipe_keys(m->config); /* tokens and keys of auth: are asked for by the front door */
	else if (!p->needs_key)
		config_wipe_secrets(m->config);
	log_init(p->short_name, m->config->fleet.log);
	fault_init(p->short_name);
	if (m->options.top && p->top)
		return p->top(p->arg, m);
	if (m->options.command && p->command)
		return p->command(p->arg, m);
	return run(m, p);
}

int member_main(const struct member_program *p, int argc, char **argv)
{
	struct member_run r = {.p = p};
	struct member m = {.run = &r};
	struct err e = {0};
	if (!options_parse(&m.options, &p->decl, argc, argv, &e))
		return usage(p, &e);
	if (m.options.help) {
		options_help(&p->decl, stdout);
		return 0;
	}
	if (m.options.version) {
		printf("%s %s\n", p->decl.name, FAIRLEAD_VERSION);
		return 0;
	}
	if (m.options.faults) {
		fault_list(stdout, p->short_name);
		return 0;
	}
	struct problems ps = {0};
	struct config_source from = config_from_process;
	from.keyless = (!p->needs_key || m.options.command) && !m.options.check &&
				   !m.options.print; /* keys belong to who signs alone */
	m.config = config_load(m.options.file, &from, &ps);
	int code = EXIT_CONFIG;
	if (m.config)
		code = with_config(&m, p, &ps);
	else
		code = refuse(&m.options, &ps);
	if (m.config)
		config_free(m.config);
	problems_fini(&ps);
	return code;
}
