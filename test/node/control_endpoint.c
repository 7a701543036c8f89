#include "test/node/control.h"

#include <stdlib.h>

/* Commands about endpoints: endpoint set mood moods calm limit lie truth cut down up push. */

static char *json_kept(struct world *w, const cJSON *v)
{
	if (!v)
		return NULL;
	char *text = cJSON_PrintUnformatted(v), *kept = arena_text(&w->arena, text);
	cJSON_free(text);
	return kept;
}

/* {"Retry-After": "1"} as header lines */
static char *headers_kept(struct world *w, const cJSON *o)
{
	struct buf b = {0};
	const cJSON *v;
	cJSON_ArrayForEach(v, o) if (cJSON_IsString(v)) buf_printf(&b, "%s: %s\r\n", v->string, v->valuestring);
	char *kept = b.n ? arena_textn(&w->arena, b.p, b.n) : NULL;
	buf_fini(&b);
	return kept;
}

static const char **list_kept(struct world *w, const cJSON *o, size_t *n)
{
	const cJSON *v;
	*n = 0;
	if (!o)
		return NULL;
	const char **list = arena_alloc(&w->arena, ((size_t)cJSON_GetArraySize(o) + 1) * sizeof *list);
	if (cJSON_IsString(o))
		list[(*n)++] = arena_text(&w->arena, o->valuestring);
	cJSON_ArrayForEach(v, o) if (cJSON_IsString(v)) list[(*n)++] = arena_text(&w->arena, v->valuestring);
	return list;
}

/* ── set ───────────────────────────────────────────────────────────────────────────────────────────────── */

static bool read_say(const cJSON *o, const char *name, enum say *out, struct err *e)
{
	const char *text = json_text(o, name);
	if (!text)
		return true;
	*out = text_is(text, "error")   ? SAY_ERROR
		   : text_is(text, "null")  ? SAY_NULL
		   : text_is(text, "clamp") ? SAY_CLAMP
									: SAY_EMPTY;
	return *out != SAY_EMPTY || text_is(text, "empty") ||
		   err_set(e, ERR_MALFORMED, "%s: clamp, empty, error or null", name);
}

/* false, 0: none; true: all; n: that many */
static uint64_t read_times(const cJSON *o, const char *name, uint64_t otherwise)
{
	const cJSON *v = json_get(o, name);
	return cJSON_IsTrue(v) ? UINT64_MAX : cJSON_IsFalse(v) ? 0 : json_u64(v, otherwise);
}

static uint64_t read_tag(const cJSON *o, const char *name, uint64_t otherwise)
{
	const cJSON *v = json_get(o, name);
	return cJSON_IsFalse(v) ? UINT64_MAX : json_u64(v, otherwise);
}

static bool set_view(struct world *w, struct endpoint *ep, const cJSON *o, struct err *e)
{
	const cJSON *lag = json_get(o, "lag"), *v;
	if (json_text(o, "branch") && !(ep->branch = control_branch(w, o, e))) {
		ep->branch = &w->chain.branches[0];
		return false;
	}
	if (lag)
		ep->nlags = 0;
	for (v = cJSON_IsArray(lag) ? lag->child : lag; v && ep->nlags < LAGS_MOST;
		 v = cJSON_IsArray(lag) ? v->next : NULL)
		ep->lags[ep->nlags++] = json_u64(v, 0);
	ep->nlags += ep->nlags == 0;
	ep->pinned = read_tag(o, "head", ep->pinned);
	ep->safe = read_tag(o, "safe", ep->safe);
	ep->final = read_tag(o, "finalized", ep->final);
	ep->low_tags = json_get_bool(o, "low_tags", ep->low_tags);
	ep->logs_behind = json_get_u64(o, "logs_behind", ep->logs_behind);
	return read_say(o, "logs_missing", &ep->logs_missing, e) && read_say(o, "beyond", &ep->beyond, e) &&
		   read_say(o, "future", &ep->future, e) && read_say(o, "unknown_hash", &ep->unknown_hash, e);
}

static bool set_form(struct world *w, struct endpoint *ep, const cJSON *o, struct err *e)
{
	const char *framing = json_text(o, "framing"), *order = json_text(o, "order");
	const cJSON *missing = json_get(o, "missing");
	if (json_get(o, "chain_id")) {
		ep->has_id = !cJSON_IsFalse(json_get(o, "chain_id"));
		ep->chain_id = json_get_u64(o, "chain_id", 0);
	}
	if (json_get(o, "genesis"))
		ep->has_genesis = json_fixed(json_get(o, "genesis"), ep->genesis, 32);
	if (json_text(o, "client"))
		ep->client = arena_text(&w->arena, json_text(o, "client"));
	if (framing)
		ep->framing = text_is(framing, "chunked")  ? FRAMING_CHUNKED
					  : text_is(framing, "length") ? FRAMING_LENGTH
												   : FRAMING_AUTO;
	if (order)
		ep->order = text_is(order, "shuffled")     ? ORDER_SHUFFLED
					: text_is(order, "logs-heads") ? ORDER_LOGS_HEADS
												   : ORDER_HEADS_LOGS;
	if (missing)
		ep->missing = list_kept(w, missing, &ep->nmissing);
	ep->time_in_logs = json_get_bool(o, "time_in_logs", ep->time_in_logs);
	ep->removed = json_get_bool(o, "removed", ep->removed);
	ep->pending_calls = json_get_bool(o, "pending_calls", ep->pending_calls);
	ep->no_pending = json_get_bool(o, "no_pending", ep->no_pending);
	ep->ignores_block = json_get_bool(o, "ignores_block", ep->ignores_block);
	ep->refuse = read_times(o, "refuse", ep->refuse);
	ep->silent = json_get_bool(o, "silent", ep->silent);
	ep->no_pushes = !json_get_bool(o, "pushes", !ep->no_pushes);
	ep->lose = json_get_double(o, "lose", ep->lose);
	ep->repeat = json_get_double(o, "repeat", ep->repeat);
	(void)e;
	return true;
}

static bool do_set(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	(void)out;
	if (!control_known(o,
			"lag head safe finalized low_tags logs_behind logs_missing beyond future unknown_hash chain_id "
			"genesis client framing order missing time_in_logs removed refuse silent pushes lose repeat "
			"pending_calls no_pending ignores_block",
			e) ||
		!control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++)
		if (!set_view(w, on.list[i], o, e) || !set_form(w, on.list[i], o, e))
			return false;
	world_moved(w);
	return true;
}

/* ── moods ─────────────────────────────────────────────────────────────────────────────────────────────── */

static bool read_harm(struct world *w, const cJSON *o, struct mood *m, struct err *e)
{
	const cJSON *cut = json_get(o, "cut"), *error = json_get(o, "error"), *latency = json_get(o, "latency");
	m->delay_ms = json_u64(latency, 0);
	m->jitter_ms = json_get_u64(o, "jitter", 0);
	m->hang = json_get_bool(o, "hang", false);
	m->swallow = json_get_bool(o, "swallow", false);
	m->truncate = json_get_bool(o, "truncate", false);
	if (cut) {
		bool middle = cJSON_IsNumber(cut) || text_is(cut->valuestring, "middle");
		m->cut = middle ? CUT_MIDDLE : CUT_BEFORE;
		m->cut_bytes = cJSON_IsNumber(cut) ? json_u64(cut, 0) : 0;
	}
	m->status = (int)json_get_u64(o, "status", 0);
	m->body = arena_text(&w->arena, json_text(o, "body"));
	if (m->status && !m->body && !error && !json_get(o, "result"))
		m->body = "";
	m->type = arena_text(&w->arena, json_text(o, "type"));
	m->headers = headers_kept(w, json_get(o, "headers"));
	m->result = json_kept(w, cJSON_GetObjectItemCaseSensitive(o, "result"));
	const cJSON *plus = json_get(o, "plus");
	m->plus = cJSON_IsNumber(plus) ? (int64_t)plus->valuedouble : 0;
	m->id_text = json_kept(w, json_get(o, "id_is"));
	if (!error)
		return true;
	m->fails = true;
	const cJSON *code = json_get(error, "code");
	m->code = cJSON_IsNumber(code) ? (int64_t)code->valuedouble : -32000;
	m->message = arena_text(&w->arena, json_text(error, "message") ? json_text(error, "message") : "refused");
	m->data = json_kept(w, json_get(error, "data"));
	return cJSON_IsObject(error) || err_set(e, ERR_MALFORMED, "error: {code, message, data}");
}

/* A wording by name as the whole mood: {"as": "alchemy", "kind": "rate"} */
static bool read_words_mood(struct world *w, const cJSON *o, struct mood *m, struct err *e)
{
	const char *as = json_text(o, "as"), *kind = json_text(o, "kind");
	int k = 0;
	while (as && k < WORDS_KINDS && !text_is(words_kind_name((enum words_kind)k), kind))
		k++;
	if (!as)
		return true;
	if (k == WORDS_KINDS || !words_known(as))
		return err_set(e, ERR_MALFORMED, "as, kind: there is no such wording; {\"words\": true} lists them");
	const struct words *x = words_get(as, (enum words_kind)k);
	struct words_numbers n = {.limit = json_get_u64(o, "limit", 1)};
	struct buf b = {0};
	words_fill(&b, x->message ? x->message : "", &n);
	m->message = arena_text(&w->arena, b.p ? b.p : "");
	buf_clear(&b);
	words_fill(&b, x->data ? x->data : "", &n);
	m->data = b.n ? arena_text(&w->arena, b.p) : NULL;
	buf_fini(&b);
	m->fails = x->body == NULL;
	m->code = x->code;
	m->status = x->status;
	m->headers = x->headers;
	m->body = x->body;
	return true;
}

static bool do_mood(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	const char *via = json_text(o, "via");
	(void)out;
	if (!control_known(o,
			"id method holding via skip times chance seed behind latency jitter hang swallow cut truncate "
			"status "
			"body "
			"type headers result plus id_is error as kind limit",
			e) ||
		!control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++) {
		struct mood *m = arena_alloc(&w->arena, sizeof *m);
		m->id = arena_text(&w->arena, json_text(o, "id"));
		m->methods = list_kept(w, json_get(o, "method"), &m->nmethods);
		m->holding = arena_text(&w->arena, json_text(o, "holding"));
		m->via = text_is(via, "ws") ? VIA_WS : text_is(via, "http") ? VIA_HTTP : VIA_BOTH;
		m->skip = json_get_u64(o, "skip", 0);
		m->left = json_get_u64(o, "times", UINT64_MAX);
		m->chance = json_get_double(o, "chance", 1);
		m->rng = json_get_u64(o, "seed", w->chain.seed ^ ++w->serial);
		m->behind = json_get_bool(o, "behind", false);
		if (!read_words_mood(w, o, m, e) || (!json_text(o, "as") && !read_harm(w, o, m, e)))
			return false;
		m->next = on.list[i]->moods; /* the newest first */
		on.list[i]->moods = m;
	}
	return true;
}

static bool do_calm(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	const char *id = cJSON_IsString(o) ? o->valuestring : json_text(o, "id");
	(void)out;
	if (!control_known(o, "id", e) || !control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++)
		for (struct mood **p = &on.list[i]->moods; *p;)
			if (!id || text_is((*p)->id, id))
				*p = (*p)->next;
			else
				p = &(*p)->next;
	return true;
}

/* How often each mood took a call: that it did is what a test must prove before it blames or praises anybody.
 */
static bool do_moods(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	if (!control_known(o, "", e) || !control_on(w, o, &on, e))
		return false;
	buf_char(out, '[');
	for (size_t i = 0; i < on.n; i++)
		for (const struct mood *m = on.list[i]->moods; m; m = m->next) {
			buf_text(out, out->p[out->n - 1] == '[' ? "{" : ",{");
			put_field_number(out, "on", on.list[i]->number);
			put_field_text(out, "id", m->id);
			put_field_number(out, "touched", m->touched);
			buf_char(out, '}');
		}
	buf_char(out, ']');
	return true;
}

/* ── limits ────────────────────────────────────────────────────────────────────────────────────────────── */

static void own_words(struct world *w, const cJSON *o, struct words *x)
{
	const cJSON *code = json_get(o, "code");
	*x = (struct words){.who = "script", .kind = x->kind};
	x->status = (int)json_get_u64(o, "status", 0);
	x->code = cJSON_IsNumber(code) ? (int)code->valuedouble : -32000;
	x->message = arena_text(&w->arena, json_text(o, "message"));
	x->data = json_kept(w, json_get(o, "data"));
	x->headers = headers_kept(w, json_get(o, "headers"));
	x->body = arena_text(&w->arena, json_text(o, "body"));
}

static bool do_limit(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	const char *as = json_text(o, "as");
	const cJSON *own = json_get(o, "words");
	(void)out;
	if (!control_known(o,
			"range results bytes timeout rps batch history history_empty state addresses topics as words",
			e) ||
		!control_on(w, o, &on, e))
		return false;
	if (as && !words_known(as))
		return err_set(e, ERR_MALFORMED, "nobody is called %s; {\"words\": true} lists them", as);
	for (size_t i = 0; i < on.n; i++) {
		struct limits *l = &on.list[i]->limits;
		l->range = json_get_u64(o, "range", l->range);
		l->results = json_get_u64(o, "results", l->results);
		l->bytes = json_get_u64(o, "bytes", l->bytes);
		l->timeout = json_get_u64(o, "timeout", l->timeout);
		l->rps = json_get_u64(o, "rps", l->rps);
		l->batch = json_get_u64(o, "batch", l->batch);
		l->history = json_get_u64(o, "history", l->history);
		l->history_empty = json_get_bool(o, "history_empty", l->history_empty);
		l->state = json_get_u64(o, "state", l->state);
		l->addresses = json_get_u64(o, "addresses", l->addresses);
		l->topics = json_get_u64(o, "topics", l->topics);
		for (int k = 0; k < WORDS_KINDS; k++) {
			if (as)
				l->words[k] = *words_get(as, (enum words_kind)k);
			if (json_get(own, words_kind_name((enum words_kind)k)))
				own_words(w, json_get(own, words_kind_name((enum words_kind)k)), &l->words[k]);
		}
	}
	return true;
}

/* ── lies ──────────────────────────────────────────────────────────────────────────────────────────────── */

static bool read_lie(struct world *w, const cJSON *o, struct lie *l, struct err *e)
{
	static const char *const kinds[] = {"omit", "repeat", "forge", "shuffle", "reverse", "empty"};
	const cJSON *kind = json_get(o, "kind"), *v, *in = json_get(o, "in");
	size_t k = 0;
	while (k < 6 && !(cJSON_IsString(kind) && text_is(kinds[k], kind->valuestring)))
		k++;
	if (k == 6)
		return err_set(e, ERR_MALFORMED, "kind: omit, repeat, forge, shuffle, reverse or empty");
	l->kind = (enum lie_kind)k;
	for (v = cJSON_IsArray(in) ? in->child : in; v; v = cJSON_IsArray(in) ? v->next : NULL) {
		unsigned bit = !cJSON_IsString(v)                    ? 0
					   : text_is(v->valuestring, "logs")     ? IN_LOGS
					   : text_is(v->valuestring, "receipts") ? IN_RECEIPTS
					   : text_is(v->valuestring, "pushes")   ? IN_PUSHES
					   : text_is(v->valuestring, "headers")  ? IN_HEADERS
															 : 0;
		if (!bit)
			return err_set(e, ERR_MALFORMED, "in: logs, receipts, pushes, headers");
		l->in |= bit;
	}
	l->in = l->in ? l->in : IN_LOGS;
	l->id = arena_text(&w->arena, json_text(o, "id"));
	l->left = json_get_u64(o, "times", UINT64_MAX);
	l->every = json_get_u64(o, "every", UINT64_MAX);
	l->at = json_get_u64(o, "log", UINT64_MAX);
	l->from = json_get_u64(o, "from", 0);
	l->to = json_get_u64(o, "to", UINT64_MAX);
	l->chance = json_get_double(o, "chance", 1);
	l->field = arena_text(&w->arena, json_text(o, "field"));
	l->value = json_kept(w, json_get(o, "value"));
	return l->kind != LIE_FORGE || l->field || err_set(e, ERR_MALFORMED, "forge: which field?");
}

static bool do_lie(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	(void)out;
	if (!control_known(o, "kind in id times every log from to chance field value", e) ||
		!control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++) {
		struct lie *l = arena_alloc(&w->arena, sizeof *l);
		if (!read_lie(w, o, l, e))
			return false;
		struct lie **end = &on.list[i]->lies;
		while (*end)
			end = &(*end)->next;
		*end = l;
	}
	return true;
}

static bool do_truth(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	const char *id = cJSON_IsString(o) ? o->valuestring : json_text(o, "id");
	(void)out;
	if (!control_known(o, "id", e) || !control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++)
		for (struct lie **p = &on.list[i]->lies; *p;)
			if (!id || text_is((*p)->id, id))
				*p = (*p)->next;
			else
				p = &(*p)->next;
	return true;
}

/* ── lines ─────────────────────────────────────────────────────────────────────────────────────────────── */

static bool do_cut(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	(void)out;
	if (!control_known(o, "ws", e) || !control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++)
		net_cut(on.list[i]->listener, json_get_bool(o, "ws", false));
	return true;
}

static bool do_down(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	(void)out;
	if (!control_known(o, "", e) || !control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++)
		net_close(on.list[i]->listener);
	return true;
}

static bool do_up(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	(void)out;
	if (!control_known(o, "", e) || !control_on(w, o, &on, e))
		return false;
	for (size_t i = 0; i < on.n; i++) {
		struct net_listener *l = on.list[i]->listener;
		if (!l->open && !net_open_again(l, e))
			return false;
	}
	return true;
}

static void push_text(struct conn *c, const cJSON *message)
{
	struct buf b = {0};
	char *text = cJSON_PrintUnformatted(message);
	buf_text(&b, cJSON_IsString(message) ? message->valuestring : text);
	cJSON_free(text);
	net_push(c, &b);
}

/* To those who subscribed to that kind, each under its own id. */
static void push_to_subs(struct conn *c, const cJSON *message, bool heads)
{
	cJSON *mine = cJSON_Duplicate(message, true);
	for (const struct sub *s = c->subs; s; s = s->next) {
		char id[20];
		snprintf(id, sizeof id, "0x%llx", (unsigned long long)s->id);
		cJSON_ReplaceItemInObject(
			cJSON_GetObjectItem(mine, "params"), "subscription", cJSON_CreateString(id));
		if (s->heads == heads)
			push_text(c, mine);
	}
	cJSON_Delete(mine);
}

/* {"push": {"message": …}}: as it stands, to every WebSocket; with params.subscription "logs" or "newHeads":
 * to those subscriptions. */
static bool do_push(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	struct chosen on;
	const cJSON *message = json_get(o, "message");
	(void)out;
	if (!control_known(o, "message", e) || !control_on(w, o, &on, e))
		return false;
	if (!message)
		return err_set(e, ERR_REJECTED, "push wants a message");
	const char *kind = cJSON_GetStringValue(json_get(json_get(message, "params"), "subscription"));
	for (size_t i = 0; i < on.n; i++)
		for (struct conn *c = on.list[i]->listener->conns; c; c = c->next) {
			if (!c->ws || c->closing)
				continue;
			if (kind && (text_is(kind, "logs") || text_is(kind, "newHeads")))
				push_to_subs(c, message, text_is(kind, "newHeads"));
			else
				push_text(c, message);
		}
	return true;
}

static bool do_endpoint(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)o;
	struct endpoint *ep = world_add_endpoint(w);
	if (!ep)
		return err_set(e, ERR_REJECTED, "there are %d endpoints, the most there may be", ENDPOINTS_MOST);
	if (!net_listen(ep->listener, 0, e))
		return false;
	ep->told = branch_head(ep->branch);
	buf_printf(out, "{\"on\":%zu,\"http\":\"http://127.0.0.1:%d\",\"ws\":\"ws://127.0.0.1:%d\"}", ep->number,
		ep->listener->port, ep->listener->port);
	return true;
}

const struct command endpoint_commands[] = {{"set", do_set}, {"mood", do_mood}, {"moods", do_moods},
	{"calm", do_calm}, {"limit", do_limit}, {"lie", do_lie}, {"truth", do_truth}, {"cut", do_cut},
	{"down", do_down}, {"up", do_up}, {"push", do_push}, {"endpoint", do_endpoint}, {NULL, NULL}};
