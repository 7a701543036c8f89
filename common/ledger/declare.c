/* What the application declares, as rows and tables: upserted by name; what is no longer declared is retired,
 * never dropped. */
#include "common/evm/address.h"
#include "common/ledger/install_in.h"

#include <inttypes.h>

static const char *flag(bool v)
{
	return v ? "t" : "f";
}

/* UPDATE … SET retired of rows of `table` whose `column` is none of names. */
static bool retire(struct setup *s, const char *table, const char *column, const char *const *names, size_t n)
{
	const char *sql = arena_printf(&s->mem,
		"UPDATE fairlead.%s SET retired = clock_timestamp() WHERE retired IS NULL AND %s <> ALL ($1::text[])",
		table, column);
	return setup_run(
		s, "retiring what is no longer declared", sql, 1, (const char *const[]){setup_array(s, names, n)});
}

static const char **names_of(struct setup *s, size_t n)
{
	return arena_alloc(&s->mem, (n + 1) * sizeof(const char *));
}

/* ── chains and contracts ── */

static bool declare_chain(struct setup *s, const struct chain_decl *d)
{
	const char *id = d->has_id ? arena_printf(&s->mem, "%" PRIu64, d->id) : NULL;
	PGresult *r = setup_query(
		s, "declaring a chain", "SELECT fairlead.chain_id($1)", 1, (const char *const[]){d->name});
	if (!r)
		return false;
	PQclear(r);
	r = setup_query(s, "declaring a chain",
		"UPDATE fairlead.chain SET healthy = $2, retired = NULL, network = coalesce(network, $3) WHERE name "
		"= $1"
		" RETURNING network, network <> $3",
		3, (const char *const[]){d->name, setup_number(s, (int64_t)d->healthy), id});
	if (!r)
		return false;
	bool other = PQgetvalue(r, 0, 1)[0] == 't';
	if (other) {
		problem_add(s->ps, d->at,
			"chain %s has id %s here, and it was %s when this database was filled; a database holds one "
			"network a chain name, so give "
			"this one another name or another database",
			d->name, id, PQgetvalue(r, 0, 0));
		s->result = INSTALL_PROBLEMS;
	}
	PQclear(r);
	return !other;
}

static bool declare_chains(struct setup *s)
{
	const char **names = names_of(s, s->c->nchains);
	for (size_t i = 0; i < s->c->nchains; i++) {
		names[i] = s->c->chains[i].name;
		if (!declare_chain(s, &s->c->chains[i]))
			return false;
	}
	return retire(s, "chain", "name", names, s->c->nchains);
}

static bool declare_contracts(struct setup *s)
{
	const char **names = names_of(s, s->c->ncontracts);
	for (size_t i = 0; i < s->c->ncontracts; i++) {
		const struct contract_decl *d = &s->c->contracts[i];
		const char **addresses = names_of(s, d->naddresses);
		for (size_t k = 0; k < d->naddresses; k++) {
			char text[ADDRESS_TEXT];
			address_to_eip55(text, d->addresses[k]);
			addresses[k] = arena_text(&s->mem, text);
		}
		names[i] = d->name;
		if (!setup_run(s, "declaring a contract",
				"INSERT INTO fairlead.contract (name, chain, schema, addresses)"
				" SELECT $1, id, $3, $4 FROM fairlead.chain WHERE name = $2"
				" ON CONFLICT (name) DO UPDATE SET chain = EXCLUDED.chain, schema = EXCLUDED.schema,"
				" addresses = EXCLUDED.addresses, retired = NULL",
				4,
				(const char *const[]){
					d->name, d->chain->name, d->schema, setup_array(s, addresses, d->naddresses)}))
			return false;
	}
	return retire(s, "contract", "name", names, s->c->ncontracts);
}

/* ── events ── */

static const char *title_of(struct setup *s, const struct event_decl *d)
{
	return arena_printf(&s->mem, "%s.%s", d->contract->name, d->entry->as);
}

/* FL006: the declaration can't be what the table already is, or can't be a table at all. That is the file's
 * mistake. */
static bool event_refused(struct setup *s, const struct event_decl *d, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE),
			   *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);
	const char *detail = PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL);
	if (!state || strcmp(state, "FL006") != 0)
		return setup_refused(s, "declaring an event", r);
	problem_add(s->ps, d->at, "%s%s%s%s%s", PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY),
		detail ? ": " : "", detail ? detail : "", hint ? "; " : "", hint ? hint : "");
	s->result = INSTALL_PROBLEMS;
	return false;
}

static bool declare_event(struct setup *s, const struct event_decl *d)
{
	const char **columns = names_of(s, d->entry->nin);
	for (size_t i = 0; i < d->entry->nin; i++) {
		struct buf type = {0};
		abi_pg_type(&type, &d->entry->in[i]);
		columns[i] = arena_printf(&s->mem, "%s %s", d->columns[i], type.p);
		buf_fini(&type);
	}
	PGresult *r = setup_try(s, "declaring an event",
		"SELECT fairlead.declare((SELECT id FROM fairlead.chain WHERE name = $1), $2, $3, $4, $5::bytea, "
		"$6::text[])",
		6,
		(const char *const[]){d->contract->chain->name, d->contract->schema, d->table, title_of(s, d),
			d->entry->anonymous ? NULL : setup_hex(s, d->entry->hash, 32),
			setup_array(s, columns, d->entry->nin)});
	if (!r)
		return false;
	bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
	if (!ok)
		event_refused(s, d, r);
	PQclear(r);
	return ok;
}

static bool declare_events(struct setup *s)
{
	const char **titles = names_of(s, s->c->nevents);
	for (size_t i = 0; i < s->c->nevents; i++) {
		titles[i] = title_of(s, &s->c->events[i]);
		if (!declare_event(s, &s->c->events[i]))
			return false;
	}
	return retire(s, "decl", "title", titles, s->c->nevents);
}

/* ── batches, files, clocks ── */

static bool declare_batches(struct setup *s)
{
	const char **names = names_of(s, s->c->nbatches);
	for (size_t i = 0; i < s->c->nbatches; i++) {
		const struct batch_decl *d = &s->c->batches[i];
		names[i] = d->name;
		const char *const values[] = {d->name, d->signer->name, d->signer->chain->name,
			setup_number(s, (int64_t)d->max), setup_number(s, (int64_t)d->wait_ms),
			setup_number(s, (int64_t)d->pause_ms), setup_number(s, d->tries),
			setup_number(s, (int64_t)d->retry_first_ms), setup_number(s, (int64_t)d->retry_max_ms),
			flag(d->retry_grow), flag(d->signer->order == ORDER_STRICT)};
		if (!setup_run(s, "declaring a batch",
				"INSERT INTO fairlead.batch_decl AS b (name, pool, chain, max, wait_ms, pause_ms, tries, "
				"retry_first_ms,"
				" retry_max_ms, retry_grow, strict)"
				" SELECT $1, $2, id, $4, $5, $6, $7, $8, $9, $10, $11 FROM fairlead.chain WHERE name = $3"
				" ON CONFLICT (name) DO UPDATE SET (pool, chain, max, wait_ms, pause_ms, tries, "
				"retry_first_ms, retry_max_ms,"
				" retry_grow, strict, fits_until, retired) = (EXCLUDED.pool, EXCLUDED.chain, EXCLUDED.max, "
				"EXCLUDED.wait_ms,"
				" EXCLUDED.pause_ms, EXCLUDED.tries, EXCLUDED.retry_first_ms, EXCLUDED.retry_max_ms, "
				"EXCLUDED.retry_grow,"
				" EXCLUDED.strict, NULL, NULL)",
				11, values))
			return false;
	}
	return retire(s, "batch_decl", "name", names, s->c->nbatches);
}

static bool declare_files(struct setup *s)
{
	const char **names = names_of(s, s->c->nfiles);
	for (size_t i = 0; i < s->c->nfiles; i++) {
		names[i] = s->c->files[i].name;
		if (!setup_run(s, "declaring a file", "SELECT fairlead.declare_file($1)", 1,
				(const char *const[]){names[i]}))
			return false;
	}
	return retire(s, "file", "name", names, s->c->nfiles);
}

static bool declare_clocks(struct setup *s)
{
	const char **names = names_of(s, s->c->nrules);
	size_t n = 0;
	for (size_t i = 0; i < s->c->nrules; i++)
		if (s->c->rules[i].every_ms && !s->c->rules[i].off)
			names[n++] = s->c->rules[i].name;
	return setup_run(s, "declaring the clocks",
			   "INSERT INTO fairlead.clock (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO UPDATE SET "
			   "retired = NULL",
			   1, (const char *const[]){setup_array(s, names, n)}) &&
		   retire(s, "clock", "name", names, n);
}

/* What some rule names: what is told to nobody is not written. CHAIN.final is read from the log itself. */
static bool declare_wanted(struct setup *s)
{
	size_t most = 0, n = 0;
	for (size_t i = 0; i < s->c->nrules; i++)
		most += s->c->rules[i].ntriggers;
	const char **kinds = names_of(s, most), **subjects = names_of(s, most), **chains = names_of(s, most);
	for (size_t i = 0; i < s->c->nrules; i++)
		for (size_t k = 0; k < s->c->rules[i].ntriggers && !s->c->rules[i].off; k++) {
			const struct trigger_decl *t = &s->c->rules[i].triggers[k];
			if (!t->batch && text_is(t->kind, "final"))
				continue;
			kinds[n] = t->kind;
			subjects[n] = t->batch ? t->batch->name : t->chain->name;
			chains[n++] = t->chain->name;
		}
	return setup_run(s, "declaring what is wanted", "SELECT fairlead.want($1, $2, $3)", 3,
		(const char *const[]){
			setup_array(s, kinds, n), setup_array(s, subjects, n), setup_array(s, chains, n)});
}

bool declare_all(struct setup *s)
{
	return declare_chains(s) && declare_contracts(s) && declare_events(s) && declare_batches(s) &&
		   declare_files(s) && declare_clocks(s) && declare_wanted(s);
}
