#include "common/app/decl.h"
#include "common/app/field.h"
#include "common/evm/typed.h"

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
static const struct sqltext *otherwise(const struct request *q, const struct value *step, const char *word)
{
	const struct value *v = value_get(step, word);
	if (v->set && !v->sql)
		problem_add(q->l->ps, v->at,
			"%s: in a request else is a sql whose row is the answer; park and skip are of rules", v->path);
	sql(q, v);
	return v->sql;
}

/* The last name of a field: of a list every one is looked up. */
static const char *field(const struct request *q, const struct value *v)
{
	const char *name = NULL;
	if (v->form == VALUE_LIST) {
		value_each(item, v)
		{
			name = field(q, item);
		}
		return name;
	}
	if (!v->set)
		return NULL;
	struct pos at = v->scalar.places ? scalar_pos(&v->scalar, 0, v->text.n) : v->at;
	scope_check(q->s, v->text, at, "", q->l->ps);
	return v->text.p;
}

static const char *one_field(const struct request *q, const struct value *v)
{
	if (v->form == VALUE_LIST && v->n > 1)
		problem_add(q->l->ps, v->at, "%s is one name", v->path);
	return field(q, v);
}

/* as: NAME makes the name; a record has members. */
static const char *as(const struct request *q, const struct value *v, bool record)
{
	if (!v->set)
		return NULL;
	if (!read_is_name(v->text.p))
		problem_add(q->l->ps, v->at, "%s is no name: letters, digits and _, a letter first", v->text.p);
	scope_make(q->s, v->text.p, v->at, q->l->ps);
	if (record)
		scope_add(q->s, arena_printf(q->l->a, "%s.*", v->text.p), SCOPE_HIDDEN);
	return v->text.p;
}

/* Only the submitter has keys, and with them addresses. */
static void no_address(struct loading *l, const struct value *v, const struct call *c)
{
	if (c->kind == CALL_ADDRESS)
		problem_add(l->ps, c->at,
			"%s: who serves routes has no key, and does not know the address of %s; write the address "
			"itself, "
			"0x…",
			v->path, c->signer->name);
	for (size_t i = 0; i < c->nargs; i++)
		no_address(l, v, &c->args[i]);
}

const struct call_decl *decl_calls(struct loading *l, const struct value *calls, struct scope *s, size_t *n)
{
	struct call_decl *out = arena_alloc(l->a, (calls->n + 1) * sizeof *out);
	*n = 0;
	value_each(v, calls)
	{
		if (v->call && v->set) {
			decl_call(l, v->call, s, v->path, false);
			no_address(l, v, v->call);
			out[(*n)++] = (struct call_decl){v->name, v->call, v->name_at};
		}
		if (!read_is_name(v->name))
			problem_add(l->ps, v->name_at, "%s is no name: letters, digits and _, a letter first", v->name);
		scope_make(s, v->name, v->name_at, l->ps);
		scope_add(s, arena_printf(l->a, "%s.*", v->name), SCOPE_HIDDEN);
	}
	return out;
}

static int pick(const struct request *q, const struct value *v, const char *kind, const char *map)
{
	return v->set ? decl_pick(q->l, v, kind, value_get(q->l->root, map)) : -1;
}

/* Names and the call itself are looked up with the batch that was made for it (decl_batch.c). */
static void send(struct request *q, const struct value *step, struct request_step *out)
{
	if (++q->sends == 2)
		problem_add(q->l->ps, step->at, "a second send; a route sends one transaction");
	if (q->sends == 1 && q->batch) {
		struct adder *d = arena_alloc(q->l->a, sizeof *d);
		*d = (struct adder){q->batch, arena_copy(q->l->a, q->s, sizeof *q->s), 1, q->l->adders};
		q->l->adders = d;
	}
	out->batch = q->batch;
	out->wait_ms = value_get(step, "wait")->number;
	out->otherwise = otherwise(q, step, "else");
	out->as = as(q, value_get(step, "as"), false);
	for (const struct request_name *m = sent_members; out->as && m->name; m++)
		scope_add(q->s, arena_printf(q->l->a, "%s.%s", out->as, m->name), SCOPE_HIDDEN);
}

/* Of a domain: one contract on a chain whose number is known. */
static void verify_contract(
	const struct request *q, const struct value *domain, const struct contract_decl *c)
{
	if (!c)
		problem_add(
			q->l->ps, domain->at, "%s: whose signatures these are: contract: and its name", domain->path);
	else if (c->naddresses != 1)
		problem_add(q->l->ps, domain->at, "%s: %s has %s; a domain has one", domain->path, c->name,
			c->naddresses ? "several addresses" : "addresses that are found later");
	else if (!c->chain->has_id)
		problem_add(q->l->ps, domain->at,
			"%s: a domain says the chain's number; give chains.%s its id:", domain->path, c->chain->name);
}

static void verify_domain(struct request *q, const struct value *domain, struct request_step *out)
{
	if (domain->form != VALUE_MAP || !domain->written)
		return;
	int i = pick(q, value_get(domain, "contract"), "contract", "contracts");
	out->domain = (struct verify_domain){decl_text(value_get(domain, "name")),
		decl_text(value_get(domain, "version")), i < 0 ? NULL : &q->l->contracts[i]};
	if (i >= 0 || !value_get(domain, "contract")->set)
		verify_contract(q, domain, out->domain.contract);
}

/* Each member of what is signed is a name here. */
static void verify_type(struct request *q, const struct value *type)
{
	const char *const *names;
	size_t n;
	struct err e = {0};
	if (!type->set)
		return;
	if (!typed_members(q->l->a, type->text.p, &names, &n, &e)) {
		problem_add(q->l->ps, type->at, "%s: %s", type->path, e.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		scope_check(q->s, str_of(names[i]), type->at, "", q->l->ps);
}

static void verify(struct request *q, const struct value *step, struct request_step *out)
{
	const struct value *message = value_get(step, "message"), *type = value_get(step, "type"),
					   *domain = value_get(step, "domain");
	out->signature = one_field(q, step->items);
	out->by = one_field(q, value_get(step, "by"));
	out->message = one_field(q, message);
	out->type = decl_text(type);
	out->optional = value_get(step, "optional")->flag;
	if (message->set == type->set)
		problem_add(q->l->ps, step->at, "verify takes message (EIP-191), or type and domain (EIP-712)");
	else if (type->set && (domain->form != VALUE_MAP || !domain->written))
		problem_add(q->l->ps, type->at, "verify: a type needs its domain: { name, version, contract }");
	verify_domain(q, domain, out);
	if (value_get(step, "as")->set == value_get(step, "else")->set)
		problem_add(q->l->ps, step->at, "verify says what comes of it: as, or else");
	verify_type(q, type);
	out->otherwise = otherwise(q, step, "else");
	out->as = as(q, value_get(step, "as"), false);
}

/* A named rule, for run and replay. */
static const struct rule_decl *rule(const struct request *q, const struct value *v)
{
	const struct config *c = q->l->c;
	const char **names = arena_alloc(q->l->a, (c->nrules + 1) * sizeof *names);
	size_t n = 0;
	if (!v->set)
		return NULL;
	for (size_t i = 0; i < c->nrules; i++) {
		const struct value *given = &value_get(q->l->root, "rules")->items[i];
		if (given->form != VALUE_MAP || !value_get(given, "name")->set)
			continue;
		names[n++] = value_get(given, "name")->text.p;
		if (strcmp(names[n - 1], v->text.p) == 0)
			return &q->l->rules[i];
	}
	const char *near = nearest_word(v->text.p, names);
	problem_add(q->l->ps, v->at, "no rule is named %s%s%s%s", v->text.p, near ? "; did you mean " : "",
		near ? near : "", near ? "?" : "; give the rule a name:");
	problem_near(q->l->ps, near);
	return NULL;
}

static void batch(struct request *q, const struct value *step, struct request_step *out)
{
	int i = pick(q, step->items, "batch", "batches");
	if (i < 0)
		return;
	struct adder *d = arena_alloc(q->l->a, sizeof *d);
	*d = (struct adder){&q->l->batches[i], arena_copy(q->l->a, q->s, sizeof *q->s), 1, q->l->adders};
	q->l->adders = d;
	out->batch = d->batch;
}

static void publish(struct request *q, const struct value *step, struct request_step *out)
{
	out->text = step->items->template;
	out->kind = value_get(step, "type")->template;
	out->sql = value_get(step, "data")->sql;
	scope_check_template(q->s, out->text, q->l->ps);
	scope_check_template(q->s, out->kind, q->l->ps);
	sql(q, value_get(step, "data"));
}

static void let(struct request *q, const struct value *step, struct request_step *out)
{
	out->sql = step->items->sql;
	sql(q, step->items);
	out->otherwise = otherwise(q, step, "else");
	scope_make_columns(q->s, out->sql, q->l->ps);
}

static void calls(struct request *q, const struct value *step, struct request_step *out)
{
	out->calls = decl_calls(q->l, step->items, q->s, &out->ncalls);
	out->otherwise = otherwise(q, step, "else");
	out->lost = otherwise(q, step, "lost");
}

static void plain_sql(struct request *q, const struct value *step, struct request_step *out)
{
	out->sql = step->items->sql;
	sql(q, step->items);
}

static void line(struct request *q, const struct value *step, struct request_step *out)
{
	out->text = step->items->template;
	scope_check_template(q->s, out->text, q->l->ps);
}

static void from(const struct value *step, struct request_step *out)
{
	const struct value *v = value_get(step, "from");
	out->from_start = v->set && v->number == UINT64_MAX;
	out->has_from = v->set && !out->from_start;
	out->from = out->has_from ? v->number : 0;
}

static void run(struct request *q, const struct value *step, struct request_step *out)
{
	out->rule = rule(q, step->items);
	if (out->rule && !out->rule->compare)
		problem_add(q->l->ps, step->items->at, "run takes a rule with every: and compare:, as %s is none",
			step->items->text.p);
	out->only = one_field(q, value_get(step, "only"));
	out->wait_ms = value_get(step, "wait")->number;
}

static void replay(struct request *q, const struct value *step, struct request_step *out)
{
	out->rule = rule(q, step->items);
	if (out->rule && out->rule->nevents == 0)
		problem_add(
			q->l->ps, step->items->at, "replay takes a rule on events, as %s is none", step->items->text.p);
	for (size_t i = 1; out->rule && i < out->rule->nevents; i++)
		if (out->rule->events[i]->contract->chain != out->rule->events[0]->contract->chain) {
			problem_add(q->l->ps, step->items->at,
				"replay of %s, whose events are of two chains, is not in this version", step->items->text.p);
			break;
		}
	from(step, out);
}

static void flush(struct request *q, const struct value *step, struct request_step *out)
{
	int i = pick(q, step->items, "batch", "batches");
	out->batch = i < 0 ? NULL : &q->l->batches[i];
}

static void catchup(struct request *q, const struct value *step, struct request_step *out)
{
	int i = pick(q, step->items, "chain", "chains");
	out->chain = i < 0 ? NULL : &q->l->chains[i];
	from(step, out);
}

static const struct {
	const char *word;
	enum request_verb verb;
	void (*read)(struct request *q, const struct value *step, struct request_step *out);
} verbs[] = {{"sql", REQ_SQL, plain_sql}, {"refuse", REQ_REFUSE, plain_sql}, {"reply", REQ_REPLY, plain_sql},
	{"let", REQ_LET, let}, {"log", REQ_LOG, line}, {"batch", REQ_BATCH, batch}, {"call", REQ_CALL, calls},
	{"send", REQ_SEND, send}, {"verify", REQ_VERIFY, verify}, {"publish", REQ_PUBLISH, publish},
	{"run", REQ_RUN, run}, {"replay", REQ_REPLAY, replay}, {"flush", REQ_FLUSH, flush},
	{"catchup", REQ_CATCHUP, catchup}};

/* A GET is asked again by whoever likes: it keeps nothing, so it has no job either. */
static void only_reads(
	const struct request *q, const struct value *step, enum request_verb verb, bool replied)
{
	static const bool writes[] = {[REQ_BATCH] = true,
		[REQ_SEND] = true,
		[REQ_PUBLISH] = true,
		[REQ_CATCHUP] = true,
		[REQ_FLUSH] = true,
		[REQ_REPLAY] = true,
		[REQ_RUN] = true};
	const char *word = step->items->key->word;
	if (replied)
		problem_add(q->l->ps, step->at,
			"%s: what follows reply is a durable job, and a GET only reads; make the route a POST, or put "
			"this "
			"step before reply",
			step->items->path);
	else if ((size_t)verb < sizeof writes && writes[verb])
		problem_add(q->l->ps, step->at, "%s: %s writes, and a GET only reads; make the route a POST",
			step->items->path, word);
}

/* A verb that this version does not do was reported where it was read: what it makes is not known. */
static bool one_step(struct request *q, const struct value *step, struct request_step *out)
{
	const char *word = step->items->key->word;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].word, word) == 0) {
			*out = (struct request_step){.verb = verbs[i].verb, .at = step->at};
			verbs[i].read(q, step, out);
			return true;
		}
	if (strcmp(word, "compare") == 0)
		problem_add(q->l->ps, step->at, "%s is of rules with every:", step->items->path);
	q->s->open = true;
	return false;
}

const struct request_step *decl_request_steps(struct request *q, const struct value *steps, size_t *n)
{
	struct request_step *out = arena_alloc(q->l->a, (steps->n + 1) * sizeof *out);
	bool replied = false;
	*n = 0;
	for (size_t i = 0; steps->form == VALUE_LIST && i < steps->n; i++) {
		const struct value *step = &steps->items[i];
		if (step->form != VALUE_MAP || !step->n || !one_step(q, step, &out[*n]))
			continue;
		enum request_verb verb = out[(*n)++].verb;
		if (q->gets)
			only_reads(q, step, verb, replied);
		replied |= verb == REQ_REPLY;
	}
	return out;
}
