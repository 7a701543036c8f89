#include "test/node/net.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* fairlead-node: a chain that grows from a seed, and endpoints of it that may disagree, as a script says.
 *
 * Read in this order: chain.h (blocks), shape.h (logs), world.h (what an endpoint is), query.h and ask.h (how
 * a call is answered), net.h (how the answer leaves), control.h (commands). README.md is the page for users.
 */

struct options {
	uint64_t seed, chain_id, endpoints;
	int port;
	const char *script, *settings;
};

static int usage(const char *wrong)
{
	fprintf(stderr,
		"%s\nfairlead-node [--seed N] [--chain-id N] [--endpoints N] [--port FIRST] [--chain JSON] [--script "
		"FILE|-]\n",
		wrong);
	return 64;
}

static bool take_options(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i += 2) {
		uint64_t n = 0;
		if (i + 1 == argc)
			return false;
		bool number = str_to_u64(str_of(argv[i + 1]), &n);
		if (text_is(argv[i], "--seed") && number)
			o->seed = n;
		else if (text_is(argv[i], "--chain-id") && number)
			o->chain_id = n;
		else if (text_is(argv[i], "--endpoints") && number && n >= 1 && n <= ENDPOINTS_MOST)
			o->endpoints = n;
		else if (text_is(argv[i], "--port") && number && n < 65000)
			o->port = (int)n;
		else if (text_is(argv[i], "--script"))
			o->script = argv[i + 1];
		else if (text_is(argv[i], "--chain"))
			o->settings = argv[i + 1];
		else
			return false;
	}
	return true;
}

static void on_term(void *arg)
{
	struct world *w = arg;
	for (size_t i = 0; i < w->nendpoints; i++)
		net_close(w->endpoints[i].listener);
	net_close(w->control);
	timer_free(&w->clock);
	loop_end(w->loop, 0);
}

static bool listen_all(struct world *w, const struct options *o)
{
	struct err e;
	w->control = mem_alloc(sizeof *w->control);
	w->control->world = w;
	bool ok = net_listen(w->control, o->port, &e);
	for (uint64_t i = 0; ok && i < o->endpoints; i++)
		ok = net_listen(world_add_endpoint(w)->listener, o->port ? o->port + 1 + (int)i : 0, &e);
	if (!ok)
		fprintf(stderr, "%s\n", e.text);
	return ok;
}

/* One line when all is ready: where everything listens. */
static void announce(const struct world *w)
{
	printf("{\"control\":\"http://127.0.0.1:%d\",\"endpoints\":[", w->control->port);
	for (size_t i = 0; i < w->nendpoints; i++) {
		int port = w->endpoints[i].listener->port;
		printf("%s{\"http\":\"http://127.0.0.1:%d\",\"ws\":\"ws://127.0.0.1:%d\"}", i ? "," : "", port, port);
	}
	printf("]}\n");
	fflush(stdout);
}

static bool run_commands(struct world *w, struct str text)
{
	struct buf out = {0};
	bool ok = control_run(w, text, &out) == 200;
	if (!ok)
		fprintf(stderr, "the script: %s\n", out.p);
	buf_fini(&out);
	return ok;
}

static bool run_script(struct world *w, const char *path)
{
	FILE *f = text_is(path, "-") ? stdin : fopen(path, "r");
	struct buf b = {0};
	size_t n = 1;
	while (f && n > 0) {
		n = fread(buf_room(&b, 65536), 1, 65536, f);
		b.n += n;
	}
	bool ok = f && run_commands(w, (struct str){b.p, b.n});
	if (!f)
		fprintf(stderr, "the script %s can't be read\n", path);
	else if (f != stdin)
		fclose(f);
	buf_fini(&b);
	return ok;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .chain_id = 31337, .endpoints = 1};
	if (!take_options(argc, argv, &o))
		return usage("an option is unknown or lacks its value");
	struct loop *l = loop_new();
	struct world *w = world_new(l, o.seed, o.chain_id);
	bool ok = true;
	if (o.settings) { /* what genesis needs: step, legacy, base_fee */
		struct buf b = {0};
		buf_printf(&b, "{\"chain\":%s}", o.settings);
		ok = run_commands(w, (struct str){b.p, b.n});
		buf_fini(&b);
	}
	chain_begin(&w->chain);
	ok = ok && listen_all(w, &o) && (!o.script || run_script(w, o.script));
	int code = 64;
	if (ok) {
		announce(w);
		loop_on_term(l, on_term, w);
		code = loop_run(l);
	}
	if (!ok)
		return code; /* nothing runs: the kernel takes the sockets */
	loop_free(l);
	world_free(w);
	return code;
}
