/* One run of a rule `every: … compare:` (S8).
 *
 * The rows are read in one snapshot and kept in PostgreSQL; they are taken in pages and each page is one
 * request to the node, at the hash of the newest final block. What differs is asked again at the cursor's own
 * block: only what both blocks say alike is a difference (a row that a block above the final one has changed
 * is none). Then either all are fixed, each only if its row still stands as it was read, or none, when more
 * than `most` differ. */
#include "reconciler/diff.h"
#include "reconciler/reconciler.h"

#include "common/evm/logs.h"
#include "common/io/fault.h"
#include "common/io/log.h"
#include "common/ledger/wishes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* INV-10: what is in memory is a page, and the differences that a fix may be asked for. */
enum { PAGE = 200, FIXES_AT_ONCE = 50, KEEP = 10000, NOT_YET_MS = 2000 };

struct compare_row {
	char *text; /* as rules_rows gave it, for rules_fix */
	cJSON *json;
	struct diff diff;
};
struct compare {
	struct reconciler *r;
	struct clock_rule *rule;
	const struct compare_decl *decl;
	struct chain_watch *chain;
	int64_t wish;          /* 0: it was due */
	struct arena mem;      /* of the run: differences that stay */
	struct arena page_mem; /* of a page */
	int64_t rows, behind, differ, unreadable, fixed, kept_back;
	int64_t final_number, done_number;
	uint8_t final_hash[32], done_hash[32];
	bool by_number; /* the node can't be asked at a hash */
	bool second;    /* asking again at the cursor's block */
	struct compare_row page[PAGE];
	size_t npage;
	struct compare_row *found; /* differences of the whole run, at most KEEP */
	size_t nfound, fix_turn;
};

static void next_page(struct compare *c);
static void ask(struct compare *c);
static void fix_some(struct compare *c);
static void finish(struct compare *c, const char *error);

static void drop_page(struct compare *c)
{
	for (size_t i = 0; i < c->npage; i++) {
		free(c->page[i].text);
		cJSON_Delete(c->page[i].json);
	}
	c->npage = 0;
	arena_reset(&c->page_mem);
}

void compare_drop(struct reconciler *r)
{
	struct compare *c = r->compare;
	if (!c)
		return;
	r->compare = NULL;
	drop_page(c);
	for (size_t i = 0; i < c->nfound; i++)
		free(c->found[i].text);
	free(c->found);
	arena_fini(&c->mem);
	arena_fini(&c->page_mem);
	free(c);
}

/* ── rows ── */

static void take_page(struct compare *c, const struct pg_reply *q)
{
	for (int i = 0; i < pg_rows(q, 0) && c->npage < PAGE; i++) {
		struct compare_row *w = &c->page[c->npage];
		struct str text = pg_get(q, 0, i, 1);
		c->behind = pg_get_int(q, 0, i, 0);
		w->text = mem_textn(text.p, text.n);
		w->json = cJSON_Parse(w->text);
		if (w->json)
			c->npage++;
		else
			free(w->text);
	}
}

static void on_page(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	if (!recon_back(r, q))
		return;
	struct compare *c = r->compare;
	take_page(c, q);
	r->doing = RECON_COMPARE;
	c->second = false;
	if (c->npage > 0)
		ask(c);
	else
		fix_some(c);
}

static void next_page(struct compare *c)
{
	drop_page(c);
	struct pg_unit *u = pg_unit(c->r->m->pg);
	rules_rows(u, c->rule->decl->name, c->behind, PAGE);
	pg_unit_run(u, 0, on_page, c->r);
}

/* ── the chain ── */

static bool asked_now(const struct compare *c, const struct compare_row *w)
{
	return !c->second || w->diff.verdict == DIFF_OTHER || w->diff.verdict == DIFF_NONE;
}

static void block_param(const struct compare *c, struct buf *out)
{
	if (c->by_number) {
		buf_printf(out, "\"0x%" PRIx64 "\"", (uint64_t)(c->second ? c->done_number : c->final_number));
		return;
	}
	buf_text(out, "{\"blockHash\":\"0x"); /* EIP-1898 */
	buf_hex(out, c->second ? c->done_hash : c->final_hash, 32);
	buf_text(out, "\"}");
}

/* Adds the calls of one row. A row whose columns can't be arguments is unreadable and asks nothing. */
static bool add_calls(
	struct compare *c, struct rpc_request *q, const struct compare_row *w, const char *block)
{
	struct buf data[8] = {{0}}, hex = {0};
	struct call_scope scope = diff_scope(w->json);
	bool ok = c->decl->ncolumns <= 8;
	for (size_t k = 0; ok && k < c->decl->ncolumns; k++) {
		struct err e;
		ok = call_encode(&c->page_mem, &c->decl->columns[k].call, &scope, &data[k], &e);
	}
	for (size_t k = 0; ok && k < c->decl->ncolumns; k++) {
		buf_clear(&hex);
		buf_hex(&hex, (const uint8_t *)data[k].p, data[k].n);
		char to[43];
		hex_to_0x(to, c->decl->columns[k].call.contract->addresses[0], 20);
		rpc_call(q, "eth_call", "[{\"to\":\"%s\",\"data\":\"0x%s\"},%s]", to, hex.p, block);
	}
	for (size_t k = 0; k < 8; k++)
		buf_fini(&data[k]);
	buf_fini(&hex);
	return ok;
}

static void keep_difference(struct compare *c, struct compare_row *w)
{
	c->differ++;
	log_odd("compare.difference", "A row differs from what the chain says",
		F_STR("rule", c->rule->decl->name), F_STR("row", w->text), F_STR("what", w->diff.told.p),
		F_INT("block", c->final_number));
	if (c->nfound == KEEP || (!c->decl->fix && !c->decl->missing))
		return;
	if (c->nfound % 64 == 0)
		c->found = mem_grow(c->found, c->nfound + 64, sizeof *c->found);
	c->found[c->nfound++] = (struct compare_row){.text = w->text,
		.diff = {.verdict = w->diff.verdict,
			.chain = {arena_textn(&c->mem, w->diff.chain.p, w->diff.chain.n), w->diff.chain.n}}};
	w->text = NULL;
}

static void judge(struct compare *c, struct compare_row *w, const struct bytes *answers)
{
	struct diff now;
	diff_row(&c->page_mem, c->decl, w->json, answers, &now);
	if (!c->second) {
		w->diff = now;
		c->unreadable += now.verdict == DIFF_UNREADABLE;
	} else if (now.verdict == w->diff.verdict && str_eq(now.chain, w->diff.chain)) {
		keep_difference(c, w);
	} /* else: the row follows a block that is not final yet */
}

/* A node that does not know EIP-1898 refuses every call of the request alike; then it is asked by number. */
static bool refuses_hashes(const struct rpc_reply *q)
{
	struct buf data = {0};
	bool all = true;
	for (int i = 0; all && i < q->calls; i++)
		all = !q->answers[i].ok && !rpc_is_revert(&q->answers[i], &data);
	buf_fini(&data);
	return all;
}

static void take_answers(struct compare *c, const struct rpc_reply *q)
{
	int at = 0;
	for (size_t i = 0; i < c->npage; i++) {
		struct compare_row *w = &c->page[i];
		struct bytes answers[8] = {{0}};
		if (!asked_now(c, w) || w->diff.verdict == DIFF_UNREADABLE)
			continue;
		for (size_t k = 0; k < c->decl->ncolumns && at < q->calls; k++, at++) {
			struct err e;
			if (q->answers[at].ok && !data_parse(&c->page_mem, q->answers[at].result, &answers[k], &e))
				answers[k].p = NULL;
		}
		judge(c, w, answers);
	}
}

/* A number names a block only on one branch: the header behind the calls must be the block that is stored. */
static bool same_branch(struct compare *c, const struct rpc_answer *a)
{
	struct block_header h;
	struct err e;
	bool found = false;
	return a->ok && header_parse(&c->page_mem, a->result, &h, &found, &e) && found &&
		   memcmp(h.hash, c->second ? c->done_hash : c->final_hash, 32) == 0;
}

static bool any_differs(const struct compare *c)
{
	for (size_t i = 0; i < c->npage; i++)
		if (c->page[i].diff.verdict == DIFF_OTHER || c->page[i].diff.verdict == DIFF_NONE)
			return true;
	return false;
}

static void on_answers(void *arg, const struct rpc_reply *q)
{
	struct reconciler *r = arg;
	if (!recon_back_rpc(r))
		return;
	struct compare *c = r->compare;
	r->doing = RECON_COMPARE;
	if (!q->ok) {
		finish(c, q->err.text);
		return;
	}
	if (!c->by_number && refuses_hashes(q)) {
		c->by_number = true;
		ask(c);
		return;
	}
	if (c->by_number && !same_branch(c, &q->answers[q->calls - 1])) {
		finish(c, "the node stands on another branch than what is stored; nothing was compared");
		return;
	}
	take_answers(c, q);
	if (!c->second && any_differs(c)) {
		c->second = true;
		ask(c);
	} else {
		next_page(c);
	}
}

static void ask(struct compare *c)
{
	struct rpc_request *q = rpc_request(recon_rpc(c->r, c->chain));
	struct buf block = {0};
	block_param(c, &block);
	for (size_t i = 0; i < c->npage; i++) {
		struct compare_row *w = &c->page[i];
		if (!asked_now(c, w))
			continue;
		if (!c->second)
			w->diff.verdict = DIFF_SAME;
		if (!add_calls(c, q, w, block.p)) {
			w->diff.verdict = DIFF_UNREADABLE;
			c->unreadable++;
		}
	}
	if (c->by_number)
		rpc_call(q, "eth_getBlockByNumber", "[%s,false]", block.p);
	buf_fini(&block);
	if (rpc_calls(q) == 0)
		rpc_call(q, "eth_blockNumber",
			"[]"); /* nothing could be asked: an answer all the same, so that the path is one */
	rpc_send(q, on_answers, c->r);
}

/* ── the cure ── */

static void on_fixed(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	if (!recon_back(r, q))
		return;
	struct compare *c = r->compare;
	r->doing = RECON_COMPARE;
	for (int i = 0; i < q->statements; i++)
		c->fixed += rules_fixed(q, i);
	fix_some(c);
}

static void fix_some(struct compare *c)
{
	bool may = diff_may_fix(c->differ, c->rows, c->decl->most_percent);
	if (!may && c->nfound > 0) {
		c->kept_back = c->differ;
		log_odd("compare.most",
			"More rows differ than `most` allows; nothing was fixed. Look at the rule and the node first",
			F_STR("rule", c->rule->decl->name), F_INT("differ", c->differ), F_INT("rows", c->rows),
			F_UINT("most_percent", c->decl->most_percent));
		finish(c, "more rows differ than most: allows; nothing was fixed");
		return;
	}
	struct pg_unit *u = NULL;
	for (int n = 0; c->fix_turn < c->nfound && n < FIXES_AT_ONCE; c->fix_turn++) {
		const struct compare_row *w = &c->found[c->fix_turn];
		bool none = w->diff.verdict == DIFF_NONE && c->decl->missing;
		if (!none && !c->decl->fix)
			continue;
		u = u ? u : pg_unit(c->r->m->pg);
		if (none)
			rules_missing(u, recon_lane(c->r), c->rule->decl->name, str_of(w->text));
		else
			rules_fix(u, recon_lane(c->r), c->rule->decl->name, str_of(w->text), w->diff.chain);
		n++;
	}
	if (u)
		pg_unit_run(u, 0, on_fixed, c->r);
	else
		finish(c, NULL);
}

static void on_noted(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	if (!recon_back(r, q))
		return;
	fault_hit(FAULT_clock_after_commit);
	struct compare *c = r->compare;
	c->rule->differences = c->differ;
	c->rule->wish = 0; /* the next look reads it anew */
	due_ran(&c->rule->due, loop_now_ms(r->m->loop));
	compare_drop(r);
	recon_want(r, RECON_LOOK);
}

static void finish(struct compare *c, const char *error)
{
	struct reconciler *r = c->r;
	metric_add(r->m_differences, c->differ);
	metric_add(r->m_fixed, c->fixed);
	if (error || c->differ > 0 || c->unreadable > 0)
		log_odd("compare", "A comparison with the chain found something", F_STR("rule", c->rule->decl->name),
			F_INT("rows", c->rows), F_INT("differ", c->differ), F_INT("fixed", c->fixed),
			F_INT("unreadable", c->unreadable), F_STR("error", error));
	else
		log_info("compare", "A comparison with the chain found no difference",
			F_STR("rule", c->rule->decl->name), F_INT("rows", c->rows), F_INT("block", c->final_number));
	if (fault_hit(FAULT_clock_before_commit)) {
		r->doing = RECON_NONE;
		recon_retry(r, "a fault was asked for");
		return;
	}
	struct pg_unit *u = pg_unit(r->m->pg);
	clock_ran(u, recon_lane(r), c->rule->decl->name, c->differ, error, c->rule->due.every_ms);
	if (c->wish)
		wishes_end(u, c->wish);
	pg_unit_run(u, 0, on_noted, r);
}

/* ── start ── */

static void on_read(void *arg, const struct pg_reply *q)
{
	struct reconciler *r = arg;
	if (!recon_back(r, q))
		return;
	struct compare *c = r->compare;
	r->doing = RECON_COMPARE;
	c->rows = rules_read_rows(q, 0);
	if (c->chain->halted) { /* P10: the node may stand on another branch, and nothing is destroyed */
		finish(c, "the chain is halted; nothing is compared until it goes on");
		return;
	}
	bool known = pg_rows(q, 1) == 1 && pg_get_bytes(q, 1, 0, 1, c->final_hash, 32) &&
				 pg_get_bytes(q, 1, 0, 3, c->done_hash, 32);
	if (!known) { /* nothing is final yet: not a run, and nothing to say */
		due_load(&c->rule->due, (int64_t)c->rule->due.every_ms - NOT_YET_MS, loop_now_ms(r->m->loop));
		compare_drop(r);
		r->doing = RECON_NONE;
		recon_drive(r);
		return;
	}
	c->final_number = pg_get_int(q, 1, 0, 0);
	c->done_number = pg_get_int(q, 1, 0, 2);
	next_page(c);
}

static struct chain_watch *chain_of(struct reconciler *r, const struct compare_decl *d)
{
	for (size_t i = 0; i < r->nchains; i++)
		if (r->chains[i].decl == d->columns[0].call.contract->chain)
			return &r->chains[i];
	must(false && "the chain of a call is declared");
	return NULL;
}

void compare_start(struct reconciler *r)
{
	uint64_t now = loop_now_ms(r->m->loop);
	size_t i = 0;
	while (i < r->nrules && !rule_now(&r->rules[i], true, now))
		i++;
	if (i == r->nrules) {
		r->doing = RECON_NONE;
		recon_drive(r);
		return;
	}
	struct compare *c = mem_alloc(sizeof *c);
	c->r = r;
	c->rule = &r->rules[i];
	c->wish = c->rule->wish;
	c->decl = c->rule->decl->compare;
	c->chain = chain_of(r, c->decl);
	r->compare = c;
	struct pg_unit *u = pg_unit(r->m->pg);
	rules_read(u, recon_lane(r), c->rule->decl->name);
	clock_blocks(u, c->chain->decl->name);
	if (c->wish)
		wishes_begin(u, c->wish);
	pg_unit_run(u, 0, on_read, r);
}
