#include "test/node/control.h"

/* Commands that look: asked raws forget heads effects pool evict state words. */

static bool do_asked(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	return control_known(o, "method holding via since last count", e) && record_asked(w, o, out, e);
}

static bool do_raws(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	return control_known(o, "from nonce", e) && record_raws(w, o, out, e);
}

static bool do_forget(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)o, (void)out, (void)e;
	record_forget(w);
	return true;
}

static bool do_heads(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)o, (void)e;
	buf_char(out, '{');
	for (size_t i = 0; i < w->chain.nbranches; i++) {
		put_key(out, w->chain.branches[i].name);
		control_put_head(out, &w->chain.branches[i]);
	}
	buf_char(out, '}');
	return true;
}

static bool do_effects(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	uint8_t to[20];
	const struct branch *b = control_branch(w, o, e);
	if (!b)
		return false;
	if (!json_fixed(json_get(o, "address"), to, 20))
		return err_set(e, ERR_MALFORMED, "address is 0x and 40 hex digits");
	exec_effects(w, branch_head(b), to, out);
	return true;
}

static bool do_pool(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)o, (void)e;
	buf_char(out, '[');
	for (size_t i = 0; i < w->pool.n; i++) {
		const struct txn *t = w->pool.list[i].txn;
		buf_text(out, i ? ",{" : "{");
		put_field_data(out, "hash", t->hash, 32);
		put_field_data(out, "from", t->from, 20);
		put_field_number(out, "nonce", t->tx.nonce);
		put_field_u256(out, "fee", t->tx.fee);
		buf_char(out, '}');
	}
	buf_char(out, ']');
	return true;
}

/* true: all; {"hash"} or {"from", "nonce"}: what fits. Answers how many went. */
static bool do_evict(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	uint8_t hash[32], from[20];
	bool has_hash = json_fixed(json_get(o, "hash"), hash, 32);
	bool has_from = json_fixed(json_get(o, "from"), from, 20), has_nonce = json_get(o, "nonce") != NULL;
	size_t kept = 0, all = w->pool.n;
	if (!control_known(o, "hash from nonce", e))
		return false;
	for (size_t i = 0; i < all; i++) {
		const struct txn *t = w->pool.list[i].txn;
		bool fits = (!has_hash || memcmp(t->hash, hash, 32) == 0) &&
					(!has_from || memcmp(t->from, from, 20) == 0) &&
					(!has_nonce || t->tx.nonce == json_get_u64(o, "nonce", 0));
		if (!fits)
			w->pool.list[kept++] = w->pool.list[i];
	}
	w->pool.n = kept;
	buf_printf(out, "%zu", all - kept);
	return true;
}

static bool do_state(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)o, (void)e;
	buf_char(out, '{');
	put_field_number(out, "seed", w->chain.seed);
	put_field_number(out, "chain_id", w->chain.id);
	put_field_number(out, "asked", w->nasked);
	put_field_number(out, "raws", w->nheard);
	put_field_number(out, "pool", w->pool.n);
	put_field_text(out, "rules", w->pool.rules->name);
	put_key(out, "endpoints");
	buf_char(out, '[');
	for (size_t i = 0; i < w->nendpoints; i++) {
		const struct endpoint *ep = &w->endpoints[i];
		size_t http = 0, ws = 0, subs = 0;
		for (const struct conn *c = ep->listener->conns; c; c = c->next) {
			http += !c->ws && !c->closing;
			ws += c->ws && !c->closing;
			for (const struct sub *s = c->subs; s && !c->closing; s = s->next)
				subs++;
		}
		buf_text(out, i ? ",{" : "{");
		put_field_number(out, "port", (uint64_t)ep->listener->port);
		put_field_number(out, "http", http);
		put_field_number(out, "ws", ws);
		put_field_number(out, "subscriptions", subs);
		put_field_number(out, "upgrades", ep->upgrades);
		put_field_number(out, "head", ep->told->number);
		buf_char(out, '}');
	}
	buf_text(out, "]}");
	return true;
}

static bool do_words(struct world *w, const cJSON *o, struct buf *out, struct err *e)
{
	(void)w, (void)o, (void)e;
	words_list(out);
	return true;
}

const struct command memory_commands[] = {{"asked", do_asked}, {"raws", do_raws}, {"forget", do_forget},
	{"heads", do_heads}, {"effects", do_effects}, {"pool", do_pool}, {"evict", do_evict}, {"state", do_state},
	{"words", do_words}, {NULL, NULL}};
