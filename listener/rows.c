#include "listener/rows.h"

#include "common/base/mem.h"
#include "common/io/log.h"

void rows_init(struct rows *r, const struct filter *f)
{
	*r = (struct rows){.filter = f};
	r->inserts = arena_alloc(&r->mem, (f->n + 1) * sizeof *r->inserts);
	for (size_t i = 0; i < f->n; i++)
		r->inserts[i] = chain_event_sql(&r->mem, f->events[i].decl);
}

void rows_end(struct rows *r)
{
	arena_fini(&r->mem);
	*r = (struct rows){.filter = NULL};
}

/* ── a value as the text of its column ── */

static bool simple(const struct abi_type *t)
{
	return t->kind != ABI_ARRAY && t->kind != ABI_TUPLE;
}

/* {"1","2"}: every item quoted, so that no item can be read as NULL or as structure. */
static void array_literal(struct buf *out, const struct abi_type *item, const struct abi_value *v)
{
	struct buf one = {0};
	buf_char(out, '{');
	for (size_t i = 0; i < v->n; i++) {
		buf_clear(&one);
		abi_value_text(&one, item, &v->items[i]);
		buf_text(out, i ? ",\"" : "\"");
		for (size_t k = 0; k < one.n; k++) {
			if (one.p[k] == '"' || one.p[k] == '\\')
				buf_char(out, '\\');
			buf_char(out, one.p[k]);
		}
		buf_char(out, '"');
	}
	buf_char(out, '}');
	buf_fini(&one);
}

static void column_text(struct buf *out, const struct abi_param *p, const struct abi_value *v)
{
	if (abi_indexed_is_hash(p)) {
		buf_text(out, "0x");
		buf_hex(out, v->bytes.p, v->bytes.n);
	} else if (p->type.kind == ABI_ARRAY && simple(p->type.item)) {
		array_literal(out, p->type.item, v);
	} else {
		abi_value_text(out, &p->type, v);
	}
}

static bool columns_of(struct arena *mem, const struct event_decl *ev, const struct log *log,
	const struct str **columns, struct err *e)
{
	size_t n = ev->entry->nin;
	struct abi_value *v = arena_alloc(mem, (n + 1) * sizeof *v);
	struct str *text = arena_alloc(mem, (n + 1) * sizeof *text);
	if (!abi_decode_log(mem, ev->entry, log->topics, log->ntopics, log->data, v, e))
		return false;
	struct buf b = {0};
	for (size_t i = 0; i < n; i++) {
		buf_clear(&b);
		column_text(&b, &ev->entry->in[i], &v[i]);
		text[i] = (struct str){arena_textn(mem, b.p ? b.p : "", b.n), b.n};
	}
	buf_fini(&b);
	*columns = text;
	return true;
}

/* ── a run of logs: numbered in chain order, written table by table ── */

void rows_decode(struct rows_batch *b, struct arena *a, const struct rows *r, int64_t at,
	const struct log *logs, size_t n, uint64_t (*time_of)(void *arg, const struct log *log), void *arg)
{
	*b = (struct rows_batch){.last_seq = at,
		.rows = arena_alloc(a, (n + 1) * sizeof *b->rows),
		.kind = arena_alloc(a, (n + 1) * sizeof *b->kind),
		.bad = arena_alloc(a, (n + 1) * sizeof *b->bad)};
	for (size_t i = 0; i < n; i++) {
		const struct filter_event *of = filter_match(r->filter, &logs[i]);
		const struct str *columns;
		struct err e = {0};
		if (!of)
			continue;
		if (!columns_of(a, of->decl, &logs[i], &columns, &e)) {
			b->bad[b->nbad++] = (struct rows_bad){of->decl, &logs[i], arena_text(a, e.text)};
			continue;
		}
		b->kind[b->n] = of->index;
		b->rows[b->n++] = (struct event_row){
			.seq = ++b->last_seq, .log = &logs[i], .time = time_of(arg, &logs[i]), .columns = columns};
	}
}

static void write_table(const struct rows_batch *b, size_t skip, struct pg_unit *u, struct event_row *pick,
	const struct rows *r, size_t kind, int chain_id, int64_t open_from, bool swept)
{
	for (int open = 0; open < 2; open++) {
		size_t k = 0;
		for (size_t i = skip; i < b->n; i++)
			if (b->kind[i] == kind && ((int64_t)b->rows[i].log->block >= open_from) == (open == 1))
				pick[k++] = b->rows[i];
		if (k > 0)
			chain_add_events(u, &r->inserts[kind], r->filter->events[kind].decl, chain_id,
				(struct event_place){.open = open == 1, .swept = swept}, pick, k);
	}
}

static void write_bad(struct pg_unit *u, int chain_id, const struct rows_bad *bad)
{
	chain_add_undecoded(u, chain_id, bad->event, bad->log, bad->why);
	log_odd("log.undecoded", "A log carries this event's topic but not its data; kept in fairlead.undecoded",
		F_STR("contract", bad->event->contract->name), F_STR("event", bad->event->entry->as),
		F_UINT("block", bad->log->block), F_HEX("tx", bad->log->tx_hash, 32),
		F_UINT("log", bad->log->log_index), F_STR("reason", bad->why));
}

void rows_write(const struct rows_batch *b, size_t skip, struct pg_unit *u, struct arena *a,
	const struct rows *r, int chain_id, int64_t open_from, bool swept)
{
	struct event_row *pick = arena_alloc(a, (b->n + 1) * sizeof *pick);
	for (size_t kind = 0; kind < r->filter->n && b->n > skip; kind++)
		write_table(b, skip, u, pick, r, kind, chain_id, open_from, swept);
	for (size_t i = 0; i < b->nbad; i++)
		write_bad(u, chain_id, &b->bad[i]);
}
