#include "common/app/decl.h"

struct request {
	struct loading *l;
	struct scope *s;
	bool gets;
	int *sends;
};

void decl_reads(struct loading *l, const struct value *sql, const struct scope *s)
{
	if (!sql->sql)
		return;
	scope_check_sql(s, sql->sql, l->ps);
	if (!sql->sql->reads_only)
		problem_add(l->ps, sql->at,
			"%s only reads: it begins with SELECT, VALUES or WITH; what writes stands in do: of a POST",
			sql->path);
}

static void sql(const struct request *q, const struct value *v)
{
	if (v->sql && q->gets)
		decl_reads(q->l, v, q->s);
	else
		scope_check_sql(q->s, v->sql, q->l->ps);
}

/* else: of a request: a sql whose row is the answer. */
static void otherwise(const struct request *q, const struct value *v)
{
	if (v->set && !v->sql)
		problem_add(q->l->ps, v->at,
			"%s: in a request else is a sql whose row is the answer; park and skip are of rules", v->path);
	sql(q, v);
}

static void field(const struct request *q, const struct value *v)
{
	if (v->form == VALUE_LIST)
		value_each(item, v)
		{
			field(q, item);
		}
	else if (v->set)
		scope_check(
			q->s, v->text, v->scalar.places ? scalar_pos(&v->scalar, 0, v->text.n) : v->at, "", q->l->ps);
}

/* as: NAME makes the name; a record has members. */
static void as(const struct request *q, const struct value *v, bool record)
{
	if (!v->set)
		return;
	if (!read_is_name(v->text.p))
		problem_add(q->l->ps, v->at, "%s is no name: letters, digits and _, a letter first", v->text.p);
	scope_make(q->s, v->text.p, v->at, q->l->ps);
	if (record)
		scope_add(q->s, arena_printf(q->l->a, "%s.*", v->text.p), SCOPE_HIDDEN);
}

void decl_calls(struct loading *l, const struct value *calls, struct scope *s)
{
	value_each(v, calls)
	{
		if (v->call && v->set)
			decl_call(l, v->call, s, v->path, false, true);
		if (!read_is_name(v->name))
			problem_add(l->ps, v->name_at, "%s is no name: letters, digits and _, a letter first", v->name);
		scope_make(s, v->name, v->name_at, l->ps);
		scope_add(s, arena_printf(l->a, "%s.*", v->name), SCOPE_HIDDEN);
	}
}

static void call_of(const struct request *q, const struct value *v)
{
	if (v->call && v->set)
		decl_call(q->l, v->call, q->s, v->path, false, true);
}

static void pick(const struct request *q, const struct value *v, const char *kind, const char *map)
{
	if (v->set)
		decl_pick(q->l, v, kind, value_get(q->l->root, map));
}

static void send(const struct request *q, const struct value *step)
{
	const struct value *skip = value_get(step, "skip"), *allow = value_get(step, "allow");
	if (++*q->sends == 2)
		problem_add(q->l->ps, step->at, "a second send; a route sends one transaction");
	call_of(q, step->items);
	call_of(q, value_get(step, "value"));
	if (skip->check && skip->set)
		decl_check(q->l, skip->check, q->s, skip->path, true);
	pick(q, value_get(step, "signer"), "signer", "signers");
	pick(q, value_get(step, "pay"), "signer", "signers");
	for (size_t i = 0; allow->form == VALUE_LIST && i < allow->n; i++)
		pick(q, &allow->items[i], "contract", "contracts");
	otherwise(q, value_get(step, "else"));
	as(q, value_get(step, "as"), true);
}

static void http(const struct request *q, const struct value *step)
{
	const struct value *headers = value_get(step, "headers");
	scope_check_template(q->s, step->items->template, q->l->ps);
	sql(q, value_get(step, "json"));
	value_each(h, headers)
	{
		scope_check_template(q->s, h->template, q->l->ps);
	}
	as(q, value_get(step, "as"), false);
}

static void verify(const struct request *q, const struct value *step)
{
	const struct value *message = value_get(step, "message"), *type = value_get(step, "type"),
					   *domain = value_get(step, "domain");
	field(q, step->items);
	field(q, value_get(step, "by"));
	field(q, message);
	if (message->set == type->set)
		problem_add(q->l->ps, step->at, "verify takes message (EIP-191), or type and domain (EIP-712)");
	else if (type->set && (domain->form != VALUE_MAP || !domain->written))
		problem_add(q->l->ps, type->at, "verify: a type needs its domain: { name, version, contract }");
	if (domain->form == VALUE_MAP && domain->written)
		pick(q, value_get(domain, "contract"), "contract", "contracts");
	if (value_get(step, "as")->set == value_get(step, "else")->set)
		problem_add(q->l->ps, step->at, "verify says what comes of it: as, or else");
	otherwise(q, value_get(step, "else"));
	as(q, value_get(step, "as"), false);
}

/* A named rule, for run and replay. */
static void rule(const struct request *q, const struct value *v)
{
	const struct value *rules = value_get(q->l->root, "rules");
	const char **names = arena_alloc(q->l->a, (rules->n + 1) * sizeof *names);
	size_t n = 0;
	for (size_t i = 0; v->set && rules->form == VALUE_LIST && i < rules->n; i++) {
		const struct value *name =
			rules->items[i].form == VALUE_MAP ? value_get(&rules->items[i], "name") : NULL;
		if (name && name->set)
			names[n++] = name->text.p;
		if (name && name->set && str_eq(name->text, v->text))
			return;
	}
	const char *near = v->set ? nearest_word(v->text.p, names) : NULL;
	if (v->set)
		problem_add(q->l->ps, v->at, "no rule is named %s%s%s%s", v->text.p, near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "; give the rule a name:");
	problem_near(q->l->ps, near);
}

static void add_to_batch(const struct request *q, const struct value *v)
{
	int i = v->set ? decl_pick(q->l, v, "batch", value_get(q->l->root, "batches")) : -1;
	if (i < 0)
		return;
	struct adder *d = arena_alloc(q->l->a, sizeof *d);
	*d = (struct adder){&q->l->batches[i], arena_copy(q->l->a, q->s, sizeof *q->s), 1, q->l->adders};
	q->l->adders = d;
}

static void crypt(const struct request *q, const struct value *step)
{
	field(q, step->items);
	as(q, value_get(step, "as"), strcmp(step->items->key->word, "seal") == 0);
}

static void tell(const struct request *q, const struct value *step)
{
	scope_check_template(q->s, step->items->template, q->l->ps);
	scope_check_template(q->s, value_get(step, "type")->template, q->l->ps);
	sql(q, value_get(step, "data"));
}

static void let(const struct request *q, const struct value *step)
{
	sql(q, step->items);
	otherwise(q, value_get(step, "else"));
	scope_make_columns(q->s, step->items->sql, q->l->ps);
}

static void calls(const struct request *q, const struct value *step)
{
	decl_calls(q->l, step->items, q->s);
	otherwise(q, value_get(step, "else"));
	otherwise(q, value_get(step, "lost"));
}

static void rank(const struct request *q, const struct value *step)
{
	field(q, value_get(step, "member"));
	field(q, value_get(step, "add"));
}

static void plain_sql(const struct request *q, const struct value *step)
{
	sql(q, step->items);
}

static void line(const struct request *q, const struct value *step)
{
	scope_check_template(q->s, step->items->template, q->l->ps);
}

static void batch(const struct request *q, const struct value *step)
{
	add_to_batch(q, step->items);
}

static void run(const struct request *q, const struct value *step)
{
	rule(q, step->items);
	if (strcmp(step->items->key->word, "run") == 0)
		field(q, value_get(step, "only"));
}

static void now(const struct request *q, const struct value *step)
{
	bool flush = strcmp(step->items->key->word, "flush") == 0;
	pick(q, step->items, flush ? "batch" : "chain", flush ? "batches" : "chains");
}

static void compare(const struct request *q, const struct value *step)
{
	problem_add(q->l->ps, step->at, "%s is of rules with every:", step->items->path);
}

static void parallel(const struct request *q, const struct value *step)
{
	decl_request_steps(q->l, step->items, q->s, q->gets, q->sends);
}

void decl_request_steps(struct loading *l, const struct value *steps, struct scope *s, bool gets, int *sends)
{
	static const struct {
		const char *verb;
		void (*check)(const struct request *q, const struct value *step);
	} verbs[] = {{"sql", plain_sql}, {"refuse", plain_sql}, {"reply", plain_sql}, {"let", let}, {"log", line},
		{"batch", batch}, {"call", calls}, {"send", send}, {"http", http}, {"seal", crypt}, {"open", crypt},
		{"pin", crypt}, {"verify", verify}, {"publish", tell}, {"append", tell}, {"rank", rank}, {"run", run},
		{"replay", run}, {"flush", now}, {"catchup", now}, {"compare", compare}, {"parallel", parallel}};
	const struct request q = {l, s, gets, sends};
	if (steps->form != VALUE_LIST)
		return;
	value_each(step, steps)
	{
		for (size_t i = 0; step->form == VALUE_MAP && step->n && i < sizeof verbs / sizeof *verbs; i++)
			if (strcmp(verbs[i].verb, step->items->key->word) == 0)
				verbs[i].check(&q, step);
	}
}
