/*~ The way of a file through common/app, and where to read on:
 *
 *   yaml.c      characters → a tree of maps, lists and scalars, each with its place       (GRAMMAR §2)
 *   expand.c    ${VAR} in scalars, found and kept apart from the text                     (§3)
 *   keys.c      the table of all words; read.c and read_scalar.c walk the tree by it and give
 *               typed values, which print.c can show again                                (§4 to §8)
 *   decl_*.c    typed values → the declarations of config.h: names, ABI, scopes, files
 *   sqltext.c, call_*.c, template.c   the three languages inside a value                  (§8, §9, §1)
 *
 * No step ends at the first mistake: each reports into struct problems and goes on with what it could read.
 */
#include "common/app/config.h"
#include "common/app/decl.h"

#include <sodium.h>
#include <stdlib.h>

static void profile_values(struct loading *l, const struct node *profile)
{
	struct vars *v = l->r->vars;
	struct profile_var **at = &v->set, *list = NULL;
	struct profile_var **last = &list;
	for (const struct node *n = profile->first; n; n = n->next) {
		if (n->kind != NODE_SCALAR)
			continue; /* reported when the table is walked */
		struct profile_var *p = arena_alloc(l->a, sizeof *p);
		struct scalar s = yaml_scalar(l->a, l->r->y, n);
		*p = (struct profile_var){.name = n->key, .set = true};
		if (!node_is_null(n))
			expand(v, &s, USE_PLAIN); /* in the environment only: expansion happens once */
		p->value = node_is_null(n) ? (struct str){"", 0} : scalar_value(l->a, &s);
		for (size_t i = 0; i < s.nvars; i++)
			p->set &= s.vars[i].set;
		if (s.nvars == 1 && s.vars[0].from == 0 && s.vars[0].to == s.text.n && s.vars[0].name.n)
			p->from = arena_textn(l->a, s.vars[0].name.p, s.vars[0].name.n);
		*last = p;
		last = &p->next;
	}
	*at = list;
}

/* The chosen profile, before anything else: its variables may stand anywhere. */
static void choose_profile(struct loading *l, const struct node *root)
{
	const struct node *chosen = node_member(root, "profile"), *profiles = node_member(root, "profiles");
	if (node_is_null(chosen) || chosen->kind != NODE_SCALAR)
		return;
	struct scalar s = yaml_scalar(l->a, l->r->y, chosen);
	expand(l->r->vars, &s, USE_PLAIN);
	struct str name = scalar_value(l->a, &s);
	if (!name.n)
		return;
	size_t n = 0;
	const char **names = arena_alloc(l->a, ((profiles ? profiles->n : 0) + 1) * sizeof *names);
	for (const struct node *p = profiles && profiles->kind == NODE_MAP ? profiles->first : NULL; p;
		 p = p->next)
		names[n++] = p->key;
	const struct node *profile = node_member(profiles, name.p);
	if (profile && profile->kind == NODE_MAP) {
		l->r->vars->profile = l->c->profile = name.p;
		profile_values(l, profile);
		return;
	}
	const char *near = nearest_word(name.p, names);
	problem_add(l->ps, chosen->at, "no profile is named %s%s%s%s", name.p, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "");
	problem_near(l->ps, near);
}

static void declare(struct loading *l)
{
	const struct value *name = value_get(l->root, "name"), *fleet = value_get(l->root, "fleet");
	const struct value *alarm = value_get(fleet, "alarm"), *keep = value_get(fleet, "keep");
	l->c->name = name->set ? name->text.p : "";
	if (name->set &&
		(strspn(name->text.p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-0123456789") !=
				name->text.n ||
			name->text.n > 40))
		problem_add(l->ps, name->at, "%s is no name: letters, digits, - and _, 40 at most", name->text.p);
	struct str level = value_get(fleet, "log")->text;
	l->c->fleet = (struct fleet_decl){
		.log = str_is(level, "warn")    ? "odd"
			   : str_is(level, "error") ? "bug"
			   : level.n                ? level.p
										: "info",
		.pool = value_get(fleet, "pool")->number,
		.check_ms = value_get(fleet, "check")->number,
		.drain_ms = value_get(fleet, "drain")->number,
		.alarm_failures = value_get(alarm, "failures")->number,
		.alarm_delay_ms = value_get(alarm, "delay")->number,
		.keep_done_ms = value_get(keep, "done")->number,
		.keep_failed_ms = value_get(keep, "failed")->number,
	};
	if (value_get(fleet, "pool")->set && l->c->fleet.pool == 0)
		problem_add(l->ps, value_get(fleet, "pool")->at, "fleet.pool is 1 at least");
	decl_chains(l);
	decl_contracts(l);
	decl_signers(l);
	decl_files(l);
	decl_serve(l);
	decl_batches(l);
	decl_allowed(l);
	decl_rules(l);
	decl_routes(l);
	decl_ws(l);
	decl_batch_names(l);
}

/* The copy of the file that source lines are printed from: digits as long as a private key are struck out
 * whatever stands before them, so that no mistake near one can print it. */
static char *shown_copy(struct arena *a, struct str text)
{
	char *copy = arena_textn(a, text.p, text.n);
	for (size_t i = 0, run = 0; i <= text.n; i++) {
		if (i < text.n && hex_digit(copy[i]) >= 0) {
			run++;
			continue;
		}
		if (run == 64)
			memset(copy + i - run, '*', run);
		run = 0;
	}
	return copy;
}

static void load(struct loading *l, struct buf *text)
{
	struct yaml *y = arena_alloc(l->a, sizeof *y);
	struct str whole = {arena_textn(l->a, text->p ? text->p : "", text->n), text->n};
	if (whole.n >= 3 && memcmp(whole.p, "\xEF\xBB\xBF", 3) == 0)
		whole = (struct str){whole.p + 3, whole.n - 3};
	l->r->shown = shown_copy(&l->ps->mem, whole);
	problem_file(l->ps, l->c->file, (struct str){l->r->shown, whole.n});
	l->r->y = y;
	if (!yaml_read(l->a, l->c->file, whole, y, l->ps))
		return;
	if (!y->root) {
		problem_add(l->ps, (struct pos){l->c->file, 1, 1, 1}, "the file says nothing; it begins with name:");
		return;
	}
	struct value *root = arena_alloc(l->a, sizeof *root);
	choose_profile(l, y->root);
	value_read(l->r, y->root, root);
	l->root = root;
	l->c->values = root;
	if (root->form == VALUE_MAP)
		declare(l);
	expand_check_secrets(l->r->vars);
}

struct config *config_load(const char *file, const struct config_source *src, struct problems *ps)
{
	struct config *c = mem_alloc(sizeof *c);
	struct vars vars = {.a = &c->mem, .ps = ps, .arg = src->arg, .env = src->env, .keyless = src->keyless};
	struct reading r = {.a = &c->mem, .ps = ps, .vars = &vars};
	struct loading l = {.c = c, .r = &r, .a = &c->mem, .ps = ps, .src = src};
	struct buf text = {0};
	struct err e = {0};
	c->file = arena_text(&c->mem, file);
	if (src->read(src->arg, file, &text, &e))
		load(&l, &text);
	else
		problem_add(ps, (struct pos){file, 1, 1, 1},
			"this file can't be read: %s; it is FILE of the command line, or fairlead.yaml where none is "
			"named",
			e.text);
	if (text.p)
		sodium_memzero(text.p, text.n);
	buf_fini(&text);
	c->secrets = r.secrets;
	c->used = vars.used;
	if (ps->n == 0)
		return c;
	config_free(c);
	return NULL;
}

void config_wipe_keys(struct config *c)
{
	for (struct secret_text *s = c->secrets; s; s = s->next)
		if (s->signs)
			sodium_memzero(s->text, strlen(s->text));
}

void config_wipe_secrets(struct config *c)
{
	for (struct secret_text *s = c->secrets; s; s = s->next)
		sodium_memzero(s->text, strlen(s->text));
	c->secrets = NULL;
}

const struct batch_decl *config_batch(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nbatches; i++)
		if (text_is(c->batches[i].name, name))
			return &c->batches[i];
	return NULL;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	config_wipe_secrets(c);
	arena_fini(&c->mem);
	free(c);
}
