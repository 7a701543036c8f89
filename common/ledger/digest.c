#include "common/ledger/digest.h"

#include "common/ledger/install.h"
#include "common/ledger/migrations.h"

#include <sodium.h>

_Static_assert(DIGEST_SIZE == crypto_generichash_BYTES, "BLAKE2b-256");

/* Every value goes in with its length, so that no two lists of values read alike. */
static void add(crypto_generichash_state *h, const void *p, size_t n)
{
	uint64_t len = p ? n : UINT64_MAX;
	crypto_generichash_update(h, (const unsigned char *)&len, sizeof len);
	if (p && n)
		crypto_generichash_update(h, p, n);
}

static void add_text(crypto_generichash_state *h, const char *s)
{
	add(h, s, s ? strlen(s) : 0);
}

static void add_number(crypto_generichash_state *h, uint64_t v)
{
	add(h, &v, sizeof v);
}

static void add_sql(crypto_generichash_state *h, const struct sqltext *s)
{
	add_number(h, s ? s->nparts : UINT64_MAX);
	for (size_t i = 0; s && i < s->nparts; i++) {
		add_number(h, s->parts[i].kind);
		add(h, s->parts[i].text.p, s->parts[i].text.n);
	}
}

static void add_template(crypto_generichash_state *h, const struct template *t)
{
	add_number(h, t ? t->n : UINT64_MAX);
	for (size_t i = 0; t && i < t->n; i++) {
		add_number(h, t->parts[i].is_name);
		add(h, t->parts[i].text.p, t->parts[i].text.n);
	}
}

static void add_events(crypto_generichash_state *h, const struct config *c)
{
	add_number(h, c->nevents);
	for (size_t i = 0; i < c->nevents; i++) {
		const struct event_decl *ev = &c->events[i];
		add_text(h, ev->contract->name);
		add_text(h, ev->contract->schema);
		add_text(h, ev->contract->chain->name);
		add_text(h, ev->table);
		add_text(h, ev->entry->as);
		add(h, ev->entry->hash, 32);
		add_number(h, ev->entry->anonymous);
		for (size_t k = 0; k < ev->entry->nin; k++) {
			struct buf type = {0};
			abi_pg_type(&type, &ev->entry->in[k]);
			add_text(h, ev->entry->in[k].name);
			add_text(h, ev->columns[k]);
			add(h, type.p, type.n);
			buf_fini(&type);
		}
	}
}

static void add_contracts(crypto_generichash_state *h, const struct config *c)
{
	add_number(h, c->ncontracts);
	for (size_t i = 0; i < c->ncontracts; i++) {
		const struct contract_decl *k = &c->contracts[i];
		add_text(h, k->name);
		add_text(h, k->chain->name);
		add(h, k->addresses, k->naddresses * 20);
		add_text(h, k->factory ? k->factory->contract->name : NULL);
		add_text(h, k->factory ? k->factory->entry->as : NULL);
		add_number(h, k->factory_field);
	}
	add_number(h, c->nchains);
	for (size_t i = 0; i < c->nchains; i++) {
		add_text(h, c->chains[i].name);
		add_number(h, c->chains[i].has_id ? c->chains[i].id : UINT64_MAX);
		add_number(h, c->chains[i].healthy);
	}
}

static void add_batches(crypto_generichash_state *h, const struct config *c)
{
	add_number(h, c->nbatches);
	for (size_t i = 0; i < c->nbatches; i++) {
		const struct batch_decl *b = &c->batches[i];
		add_text(h, b->name);
		add_text(h, b->key);
		add_text(h, b->signer->name);
		add_text(h, b->signer->chain->name);
		const uint64_t numbers[] = {b->max, b->gas, b->within_ms, b->wait_ms, b->pause_ms, b->missing,
			b->tries, b->retry_first_ms, b->retry_max_ms, b->retry_grow, b->signer->order, b->nnames};
		add(h, numbers, sizeof numbers);
		add_sql(h, b->let);
		for (size_t k = 0; k < b->nnames; k++)
			add_text(h, b->names[k]);
	}
}

static void add_rule(crypto_generichash_state *h, const struct rule_decl *r)
{
	add_text(h, r->name);
	const uint64_t numbers[] = {(uint64_t)r->index, r->off, r->at_final, r->late_apply, r->every_ms,
		r->nevents, r->nwhere, r->nsteps, r->compare ? r->compare->ncolumns : UINT64_MAX};
	add(h, numbers, sizeof numbers);
	for (size_t i = 0; i < r->nevents; i++) {
		add_text(h, r->events[i]->contract->schema);
		add_text(h, r->events[i]->table);
	}
	add_number(h, r->ntriggers);
	for (size_t i = 0; i < r->ntriggers; i++) {
		add_text(h, r->triggers[i].kind);
		add_text(h, r->triggers[i].chain->name);
		add_text(h, r->triggers[i].batch ? r->triggers[i].batch->name : NULL);
	}
	for (size_t i = 0; i < r->nwhere; i++) {
		add_text(h, r->where[i].field);
		add_number(h, r->where[i].nvalues);
		for (size_t k = 0; k < r->where[i].nvalues; k++)
			add_text(h, r->where[i].values[k]);
	}
	add_sql(h, r->each);
	for (size_t i = 0; i < r->nsteps; i++) {
		add_number(h, r->steps[i].kind);
		add_number(h, r->steps[i].missing);
		add_sql(h, r->steps[i].sql);
		add_text(h, r->steps[i].batch ? r->steps[i].batch->name : NULL);
		add_template(h, r->steps[i].log);
		add_template(h, r->steps[i].topic);
		add_template(h, r->steps[i].type);
	}
	if (!r->compare)
		return;
	add_sql(h, r->compare->rows);
	add_sql(h, r->compare->fix);
	add_sql(h, r->compare->missing);
	for (size_t i = 0; i < r->compare->ncolumns; i++) {
		const struct call *call = &r->compare->columns[i].call;
		add_text(h, r->compare->columns[i].column);
		add_text(h, call->fn ? call->fn->signature : NULL);
	}
}

static void add_fields(crypto_generichash_state *h, const struct field_decl *f, size_t n)
{
	add_number(h, n);
	for (size_t i = 0; i < n; i++) {
		add_text(h, f[i].name);
		add_number(h, f[i].type);
		add_number(h, f[i].items ? f[i].items->type : UINT64_MAX);
	}
}

static void add_calls(crypto_generichash_state *h, const struct call_decl *calls, size_t n)
{
	add_number(h, n);
	for (size_t i = 0; i < n; i++) {
		add_text(h, calls[i].name);
		add_text(h, calls[i].call->fn ? calls[i].call->fn->signature : NULL);
	}
}

/* What its SQL is and what its names are. */
static void add_route(crypto_generichash_state *h, const struct route_decl *r)
{
	add_text(h, r->key);
	add_fields(h, r->params, r->nparams);
	add_fields(h, r->body, r->nbody);
	add_calls(h, r->calls, r->ncalls);
	add_sql(h, r->one);
	add_sql(h, r->all);
	add_sql(h, r->otherwise);
	add_number(h, r->nwith);
	for (size_t i = 0; i < r->nwith; i++)
		add_sql(h, r->with[i].sql);
	add_number(h, r->nsteps);
	for (size_t i = 0; i < r->nsteps; i++) {
		const struct request_step *s = &r->steps[i];
		add_number(h, s->verb);
		add_sql(h, s->sql);
		add_sql(h, s->otherwise);
		add_sql(h, s->lost);
		add_calls(h, s->calls, s->ncalls);
		add_text(h, s->batch ? s->batch->name : NULL);
		add_text(h, s->rule ? s->rule->name : NULL);
		add_text(h, s->as);
	}
}

void digest_application(const struct config *c, uint8_t out[DIGEST_SIZE])
{
	crypto_generichash_state h;
	crypto_generichash_init(&h, NULL, 0, DIGEST_SIZE);
	add_text(&h, migrations_made_of);
	add_number(&h, (uint64_t)schema_version);
	add_text(&h, c->name);
	add_text(&h, c->profile);
	add_contracts(&h, c);
	add_events(&h, c);
	add_number(&h, c->nfiles);
	for (size_t i = 0; i < c->nfiles; i++)
		add_text(&h, c->files[i].name);
	add_batches(&h, c);
	add_number(&h, c->nsql);
	for (size_t i = 0; i < c->nsql; i++)
		add(&h, c->sql[i].text.p, c->sql[i].text.n);
	add_number(&h, c->nrules);
	for (size_t i = 0; i < c->nrules; i++)
		add_rule(&h, &c->rules[i]);
	add_number(&h, c->nroutes);
	for (size_t i = 0; i < c->nroutes; i++)
		add_route(&h, &c->routes[i]);
	crypto_generichash_final(&h, out, DIGEST_SIZE);
}

void digest_text(struct str text, uint8_t out[DIGEST_SIZE])
{
	crypto_generichash(out, DIGEST_SIZE, (const unsigned char *)text.p, text.n, NULL, 0);
}
