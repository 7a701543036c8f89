#include "listener/refusal.h"

#include "listener/refusal_text.h"

enum {
	AROUND = 6, /* words before a number that say what it counts */
	BLOCKS_MOST = 10000000,
	WAIT_MOST_MS = 600000,
};

const char *refusal_name(enum refusal r)
{
	static const char *const names[REFUSAL_KINDS] = {
		[REFUSAL_NONE] = "none",
		[REFUSAL_RANGE] = "range cap",
		[REFUSAL_DENSITY] = "density cap",
		[REFUSAL_TIMEOUT] = "timeout",
		[REFUSAL_RATE] = "rate limit",
		[REFUSAL_HEAD] = "head race",
		[REFUSAL_PRUNED] = "pruned history",
		[REFUSAL_INCONSISTENT] = "inconsistent answer",
		[REFUSAL_BATCH] = "batch cap",
		[REFUSAL_FILTER] = "filter cap",
		[REFUSAL_METHOD] = "no such method",
		[REFUSAL_OTHER] = "other",
	};
	return names[r];
}

/* ── numbers ── */

/* The "to" in front of a size: "up to 5", "limited to 5". */
static bool of_a_size(const struct text *x, size_t to)
{
	return to > 0 && WORD(&x->t[to - 1], "up", "set", "limited", "restricted", "equal");
}

/* Not "block 19000000", "from 5", "head 7": such a number is a place. */
static bool names_a_place(const struct text *x, size_t i)
{
	const struct token *before = i > 0 ? &x->t[i - 1] : NULL;
	if (!before || before->number)
		return false;
	if (WORD(before, "block", "blocks", "from", "at", "number", "height", "head", "latest", "since", "code",
			"id", "got"))
		return true;
	return WORD(before, "to") && !of_a_size(x, i - 1);
}

static bool of_results(const struct text *x, size_t i)
{
	return i + 1 < x->n && WORD(&x->t[i + 1], "results", "result", "logs", "log", "events");
}

static bool counts_something_else(const struct text *x, size_t i)
{
	const struct token *t = &x->t[i], *after = i + 1 < x->n ? &x->t[i + 1] : NULL;
	for (size_t k = 0; k < x->n; k++)
		if (x->t[k].number && x->t[k].value == t->value && of_results(x, k))
			return true; /* the data says once more what the message says */
	return t->word[0] ||
		   (after && WORD(after, "entries", "requests", "request", "calls", "items", "addresses", "topics",
						 "ms", "s", "sec", "secs", "second", "seconds", "minutes", "mb", "kb", "bytes", "gb",
						 "mib", "megabytes", "cu", "cups", "credits", "month", "days"));
}

/* How much the words around say that this number is the most blocks of a request: 3 are enough. */
static int cap_score(const struct text *x, size_t i)
{
	int size = 0, more = 0, range = 0, next = 0;
	const struct token *t = x->t;
	for (size_t k = i; k > 0 && i - k < AROUND; k--) {
		const struct token *w = &t[k - 1];
		if (WORD(w, "max", "maximum", "limit", "limits", "limited", "most", "allowed", "allow", "cap",
				"restricted"))
			size = 3;
		if (WORD(w, "than", "over", "exceed", "exceeds", "exceeded", "exceeding", "up", "within"))
			more = 2;
		if (WORD(w, "range", "ranges", "distance", "span", "smaller", "greater", "larger", "blocks"))
			range = 1;
	}
	if (i + 1 < x->n && WORD(&t[i + 1], "block", "blocks"))
		next = 3;
	else if (i + 1 < x->n && WORD(&t[i + 1], "range", "max", "maximum"))
		next = 2;
	return size || more ? size + more + range + next : 0;
}

static void find_most_blocks(struct refused *r, const struct text *x, const struct refusal_view *v)
{
	uint64_t span = v->has_asked && v->to >= v->from ? (uint64_t)(v->to - v->from) + 1 : 0;
	int best = 2;
	if (!SAYS(x, "block", "range", "get logs", "getlogs"))
		return;
	for (size_t i = 0; i < x->n; i++) {
		const struct token *t = &x->t[i];
		if (!t->number || t->hex || t->odd || t->value < 1 || t->value >= span || t->value > BLOCKS_MOST ||
			names_a_place(x, i) || counts_something_else(x, i))
			continue;
		int score = cap_score(x, i);
		if (score > best || (score == best && score > 2 && (int64_t)t->value < r->most_blocks)) {
			best = score;
			r->has_most = true;
			r->most_blocks = (int64_t)t->value;
		}
	}
}

static void find_most_results(struct refused *r, const struct text *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct token *t = &x->t[i];
		if (!t->number || t->hex || t->odd || t->word[0] || t->value < 1 || t->value > BLOCKS_MOST)
			continue;
		bool of_logs = of_results(x, i);
		bool limit = i > 0 && WORD(&x->t[i - 1], "limit", "results", "logs");
		limit |= i > 1 && WORD(&x->t[i - 1], "of", "is") && WORD(&x->t[i - 2], "limit", "maximum", "cap");
		if (of_logs || (limit && r->most_results == 0))
			r->most_results = (int64_t)t->value;
		if (of_logs)
			return;
	}
}

static bool inside(struct refused *r, uint64_t from, uint64_t to, const struct refusal_view *v)
{
	bool ok = from <= to && to <= INT64_MAX && from >= (uint64_t)v->from && to <= (uint64_t)v->to &&
			  to - from < (uint64_t)(v->to - v->from);
	if (ok) {
		r->has_range = true;
		r->from = (int64_t)from;
		r->to = (int64_t)to;
	}
	return ok;
}

/* "[a, b]", "a-b", "a to b", {"from": a, …, "to": b}: two heights in the order of the chain, within what was
 * asked. */
static void find_range(struct refused *r, const struct text *x, const struct refusal_view *v)
{
	const struct token *from = NULL;
	if (!v->has_asked || v->from < 0 || v->to <= v->from)
		return;
	for (size_t i = 0; i + 1 < x->n; i++) {
		const struct token *a = &x->t[i], *b = &x->t[i + 1];
		bool sizes = i + 2 < x->n && WORD(&x->t[i + 2], "block", "blocks"); /* "0 - 50 blocks" */
		if (a->number && b->number && !a->odd && !b->odd && a->hex == b->hex && !sizes &&
			inside(r, a->value, b->value, v))
			return;
		if (a->number && !a->odd && i + 2 < x->n && WORD(b, "to", "and") && x->t[i + 2].number &&
			!x->t[i + 2].odd && inside(r, a->value, x->t[i + 2].value, v))
			return;
		size_t at = WORD(b, "block") ? i + 2 : i + 1;
		if (at >= x->n || !x->t[at].number || x->t[at].odd)
			continue;
		if (WORD(a, "from"))
			from = &x->t[at];
		if (WORD(a, "to") && !of_a_size(x, i) && from && inside(r, from->value, x->t[at].value, v))
			return;
	}
}

/* "backoff seconds 30", "try again in 500ms", "retry after 2 s" */
static void find_wait(struct refused *r, const struct text *x)
{
	for (size_t i = 1; i < x->n && r->retry_after_ms == 0; i++) {
		const struct token *t = &x->t[i], *a = &x->t[i - 1];
		const char *unit = t->word[0] ? t->word : i + 1 < x->n && !x->t[i + 1].number ? x->t[i + 1].word : "";
		uint64_t ms = 0;
		if (!t->number || t->hex || t->value == 0 || t->value > WAIT_MOST_MS)
			continue;
		if (i > 1 && WORD(a, "seconds") && WORD(&x->t[i - 2], "backoff", "after"))
			ms = t->value * 1000;
		else if (!WORD(a, "in", "after", "for"))
			continue;
		else if (strcmp(unit, "ms") == 0 || text_starts(unit, "milli"))
			ms = t->value;
		else if (strcmp(unit, "s") == 0 || text_starts(unit, "sec"))
			ms = t->value * 1000;
		else if (strcmp(unit, "m") == 0 || text_starts(unit, "min"))
			ms = t->value * 60000;
		r->retry_after_ms = ms < WAIT_MOST_MS ? ms : WAIT_MOST_MS;
	}
}

/* The first block that it says to have: only one behind the block that was asked for can be meant. */
static void find_oldest(struct refused *r, const struct text *x, const struct refusal_view *v)
{
	for (size_t i = 0; i < x->n && v->from >= 0; i++) {
		const struct token *t = &x->t[i];
		bool named = false;
		for (size_t k = i; k > 0 && i - k < 4; k--)
			named |= WORD(&x->t[k - 1], "earliest", "oldest", "lowest", "first", "before", "below", "until",
				"prior", "minimum");
		if (t->number && !t->odd && named && t->value > (uint64_t)v->from &&
			t->value <= (uint64_t)v->from + 1000000000) {
			r->oldest = (int64_t)t->value;
			return;
		}
	}
}

static void find_most_calls(struct refused *r, const struct text *x, int64_t asked)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct token *t = &x->t[i];
		if (t->number && !t->hex && !t->odd && t->value >= 1 && (int64_t)t->value > r->most_calls &&
			t->value < (uint64_t)asked)
			r->most_calls = (int64_t)t->value;
	}
}

/* ── classes ── */

static bool says_rate(const struct text *x)
{
	return SAYS(x, "rate limit", "ratelimit", "rate exceeded", "request rate", "too many requests",
		"request limit", "requests limit", "requests per", "request count", "compute units", "throughput",
		"throttl", "quota", "slow down", "credits", "per second", "usage limit", "daily limit",
		"monthly limit", "capacity limit", "allowed rps", "concurrent requests", "too many connections",
		"requests reached", "number of requests", "over rate", "payment required");
}

static bool says_batch(const struct text *x, int calls)
{
	return calls > 1 && SAYS(x, "batch") &&
		   SAYS(x, "too large", "too big", "too many", "limit", "exceed", "size", "not support",
			   "not allowed", "max", "disabled", "unsupported");
}

static bool says_filter(const struct text *x)
{
	return SAYS(x, "max addresses", "max topics", "maximum addresses", "too many addresses",
		"too many topics", "addresses or topics", "number of addresses", "number of topics", "# addresses",
		"# topics", "maximum topics", "address limit", "addresses limit", "topics limit",
		"maximum of # parameters");
}

static bool says_dense(const struct text *x)
{
	return SAYS(x, "response size", "returned more than", "too many results", "too many logs",
		"too many events", "logs matched", "number of logs", "max results", "maximum results", "response too",
		"response is too", "response body too", "response exceeds", "result too large", "results limit",
		"result size", "length limit exceeded", "more than # results", "more than # logs", "query result",
		"results exceed", "logs exceed", "too much data", "limit of # logs", "limit of # results", "max logs",
		"message too", "oversized");
}

static bool says_timeout(const struct text *x)
{
	return SAYS(x, "timeout", "timed out", "time out", "deadline exceeded", "took too long", "query duration",
		"time limit", "execution aborted", "context canceled", "request took", "too long");
}

static bool says_pruned(const struct text *x)
{
	return SAYS(x, "missing trie node", "pruned", "pruning", "archive", "archival", "historical state",
		"history unavailable", "history is unavailable", "history not available", "historical data",
		"old data not available", "state not available", "state is not available", "state unavailable",
		"proof window", "earliest available", "lowest available", "oldest available", "neither stored",
		"state already discarded", "below the earliest", "history expired", "state histories",
		"no longer available", "block is too old", "block too old");
}

static bool says_head(const struct text *x)
{
	return SAYS(x, "header not found", "header for hash not found", "unknown block", "unknown header",
		"block not found", "block # not found", "cannot be found", "could not find block",
		"could not be found", "beyond head", "beyond the head", "beyond current head", "beyond latest",
		"extends beyond", "after last accepted", "unfinalized data", "not yet", "available yet",
		"future block", "in the future", "than latest", "than the latest", "than current", "than head",
		"than the head", "than the current", "ahead of", "current head", "exceeds the latest",
		"exceeds latest", "exceeds head", "out of range", "resource not found", "invalid block range",
		"no such block", "block does not exist", "head block", "unknown hash");
}

static bool says_range(const struct text *x)
{
	return SAYS(x, "block range", "blocks range", "too many blocks", "blocks distance", "block distance",
			   "range too", "range is too", "range limit", "max range", "maximum range", "exceeds range",
			   "exceed range", "block span", "blocks per", "range exceed", "range must", "smaller range",
			   "range of blocks", "block limit", "range larger", "range greater", "range not supported") ||
		   (SAYS(x, "range", "ranges") &&
			   SAYS(x, "limit", "exceed", "too large", "too wide", "too big", "max"));
}

static bool says_no_method(const struct text *x)
{
	return SAYS(x, "method") &&
		   SAYS(x, "does not exist", "is not available", "method not found", "not supported", "unsupported",
			   "is disabled", "not allowed", "not whitelisted", "not implemented", "not enabled");
}

/* Nothing but "limit exceeded": a rate or a size. It is a size when there was a size, and the status is no
 * 429. */
static enum refusal by_status(const struct refusal_view *v, const struct text *x, int64_t span)
{
	switch (v->http_status) {
	case 402:
	case 429: return REFUSAL_RATE;
	case 408:
	case 504:
	case 524: return REFUSAL_TIMEOUT;
	case 413:
		return span > 1 && v->calls <= 8 ? REFUSAL_DENSITY : v->calls > 1 ? REFUSAL_BATCH : REFUSAL_DENSITY;
	case 414:
	case 431: return REFUSAL_FILTER;
	case 503:
		if (v->retry_after_ms > 0)
			return REFUSAL_RATE;
		break;
	default: break;
	}
	if (v->code == -32005 || SAYS(x, "limit exceeded", "exceeds limit", "limit reached"))
		return span > 1 ? REFUSAL_DENSITY : REFUSAL_RATE;
	return REFUSAL_OTHER;
}

static enum refusal classify(const struct refused *r, const struct refusal_view *v, const struct text *x)
{
	int64_t span = v->has_asked ? v->to - v->from + 1 : 0;
	bool sized = r->has_most || r->has_range; /* it speaks of a size that would do */
	if (v->have_answer && v->code == -32601)
		return REFUSAL_METHOD;
	if (v->too_big)
		return span <= 1 && v->calls > 1 ? REFUSAL_BATCH : REFUSAL_DENSITY;
	if (v->timed_out)
		return REFUSAL_TIMEOUT;
	if (says_batch(x, v->calls))
		return REFUSAL_BATCH;
	if (!sized && says_rate(x) && !(span > 1 && says_dense(x)))
		return REFUSAL_RATE;
	if (says_dense(x))
		return span <= 1 && v->calls > 1 ? REFUSAL_BATCH : REFUSAL_DENSITY;
	if (says_filter(x))
		return REFUSAL_FILTER;
	if (r->has_most)
		return REFUSAL_RANGE;
	if (says_timeout(x))
		return REFUSAL_TIMEOUT;
	if (v->code == 4444 || says_pruned(x))
		return REFUSAL_PRUNED;
	if (says_no_method(x))
		return REFUSAL_METHOD;
	if (v->code == -32001 || says_head(x))
		return REFUSAL_HEAD;
	if (says_range(x) && span != 1)
		return r->has_range ? REFUSAL_DENSITY : REFUSAL_RANGE;
	return by_status(v, x, span);
}

void refusal_class(struct refused *out, const struct refusal_view *v)
{
	struct text x;
	*out = (struct refused){.oldest = -1, .retry_after_ms = v->retry_after_ms};
	text_init(&x);
	text_read(&x, v->message);
	text_read(&x, v->data);
	text_read(&x, v->body);
	find_range(out, &x, v);
	find_most_blocks(out, &x, v);
	out->class = classify(out, v, &x);
	switch (out->class) {
	case REFUSAL_DENSITY: find_most_results(out, &x); break;
	case REFUSAL_RATE: find_wait(out, &x); break;
	case REFUSAL_PRUNED: find_oldest(out, &x, v); break;
	case REFUSAL_BATCH: find_most_calls(out, &x, v->calls); break;
	case REFUSAL_FILTER: find_most_calls(out, &x, BLOCKS_MOST); break;
	default: break;
	}
	if (out->class != REFUSAL_RANGE && out->class != REFUSAL_DENSITY)
		out->has_range = out->has_most = false;
}
