#include "reconciler/page/signers.h"

#include "common/base/sentence.h"
#include "reconciler/page/put.h"

#include <inttypes.h>
#include <strings.h>

static void put_fact(struct buf *b, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void put_fact(struct buf *b, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put_vsaid(b, "name", name, fmt, ap);
	va_end(ap);
}

static const struct seen_signer *beat_of(const struct seen *s, const char *name)
{
	for (size_t i = 0; i < s->nbeats; i++)
		for (size_t k = 0; k < s->beats[i].nsigners; k++)
			if (text_is(s->beats[i].signers[k].name, name))
				return &s->beats[i].signers[k];
	return NULL;
}

/* A signer that a person stopped, or NULL. */
static const struct fig_frozen *stop_of(const struct seen *s, const char *name)
{
	for (size_t i = 0; i < s->figures.nfrozen; i++)
		if (text_is(s->figures.frozen[i].signer, name))
			return &s->figures.frozen[i];
	return NULL;
}

static void put_facts(struct buf *b, const struct seen *s, const struct signer_decl *d,
	const struct seen_signer *has, const struct fig_signer *lane)
{
	const struct figures *f = &s->figures;
	struct u256 wei;
	char eth[U256_DEC_MAX + 8];
	const struct fig_frozen *stop = stop_of(s, d->name);
	put_open(b, "facts", '[');
	if (stop) {
		struct buf who = {0};
		rich_escape(&who, str_of(stop->who));
		put_fact(b, "frozen", "*{@%" PRId64 "}* ago, by %s: it signs nothing new", stop->since, who.p);
		buf_fini(&who);
	}
	if (has && u256_from_dec(&wei, str_of(has->balance))) {
		say_eth(eth, sizeof eth, wei);
		put_fact(b, "balance",
			"*%s\xC2\xA0"
			"ETH*",
			eth);
	}
	if (lane) {
		put_fact(b, "in flight", "*%" PRId64 "* of a window of %" PRIu64, lane->unmined, d->window);
		put_fact(b, "next nonce", "%" PRId64, lane->next);
	}
	if (f->slow_loaded && s->config->nsigners == 1 && u256_from_dec(&wei, str_of(f->spent_wei))) {
		say_eth(eth, sizeof eth, wei);
		put_fact(b, "spent",
			"%s\xC2\xA0"
			"ETH in a day",
			eth);
		if (f->spent_items > 0) {
			say_eth(eth, sizeof eth, u256_div64(wei, (uint64_t)f->spent_items, NULL));
			put_fact(b, "each",
				"%s\xC2\xA0"
				"ETH",
				eth);
		}
	}
	for (size_t i = 0; i < s->config->nbatches; i++)
		if (s->config->batches[i].signer == d)
			put_fact(b, "calls", "`%s.%s`", s->config->batches[i].send.contract->name,
				s->config->batches[i].send.fn->name);
	put_close(b, ']');
}

static void put_points(struct buf *b, const char *name, const struct seen *s, const char *address, int kind)
{
	const struct figures *f = &s->figures;
	put_open(b, name, '[');
	for (size_t i = 0; i < f->npoints; i++) {
		const struct fig_point *p = &f->points[i];
		struct u256 wei, before;
		char gwei[U256_DEC_MAX + 4], old[U256_DEC_MAX + 4];
		if (p->kind != kind || !u256_from_dec(&wei, str_of(p->wei)) ||
			(address && strcasecmp(address + 2, p->signer) != 0))
			continue;
		say_gwei(gwei, sizeof gwei, wei);
		put_open(b, NULL, '[');
		put_int(b, NULL, p->at);
		if (kind == 1) {
			say_gwei(old, sizeof old, u256_from_dec(&before, str_of(p->before)) ? before : wei);
			put_text(b, NULL, old);
		}
		put_text(b, NULL, gwei);
		put_close(b, ']');
	}
	put_close(b, ']');
}

static void put_base(struct buf *b, const struct seen *s)
{
	put_open(b, "base", '[');
	for (size_t i = 0; i < s->nfees; i++) {
		if (s->now - s->fees[i].at > 3700000)
			continue;
		put_open(b, NULL, '[');
		put_int(b, NULL, s->fees[i].at);
		put_text(b, NULL, s->fees[i].gwei);
		put_close(b, ']');
	}
	put_close(b, ']');
}

void signers_put(struct buf *b, const struct seen *s)
{
	const struct config *c = s->config;
	put_open(b, "signers", '[');
	for (size_t i = 0; i < c->nsigners; i++) {
		const struct signer_decl *d = &c->signers[i];
		const struct seen_signer *has = beat_of(s, d->name);
		const struct fig_signer *lane = NULL;
		char cap[U256_DEC_MAX + 4];
		for (size_t k = 0; k < s->figures.nsigners; k++)
			if (has ? strcasecmp(has->address, s->figures.signers[k].address) == 0 : c->nsigners == 1)
				lane = &s->figures.signers[k];
		const char *address = has ? has->address : lane ? lane->address : NULL;
		say_gwei(cap, sizeof cap, d->max);
		put_open(b, NULL, '{');
		put_text(b, "name", d->name);
		put_text(b, "address", address ? address : "");
		put_text(b, "tone", stop_of(s, d->name) ? "stop" : has || s->redis_away ? "well" : "wait");
		put_facts(b, s, d, has, lane);
		put_open(b, "acts", '[');
		put_text(b, NULL, stop_of(s, d->name) ? "thaw" : "freeze");
		put_close(b, ']');
		put_text(b, "cap", d->has_max ? cap : NULL);
		put_base(b, s);
		put_points(b, "paid", s, address, 0);
		put_points(b, "raised", s, address, 1);
		put_points(b, "open", s, address, 2);
		put_close(b, '}');
	}
	put_close(b, ']');
}
