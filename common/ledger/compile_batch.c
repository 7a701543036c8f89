/* The functions of one batch: cut and unpark. Queries are executed as text with a literal LIMIT: as a
 * parameter it is planned as a tenth of the table, and all that waits would be joined and sorted for each cut
 * (model B3). The rows are locked: items of other chains' lanes, and the submitters, write the same table. */
#include "common/ledger/compile_in.h"

#include <ctype.h>

struct cut {
	struct compiler *k;
	const struct batch_decl *b;
	const char *lane;
	struct prepared let; /* text "" without a let */
	const char *json;    /* the let's row as jsonb of texts, from alias _fl_l */
	const char *keys;    /* text[] of its columns */
	const char *none; /* SQL of the reason (common/base/sentence.h) when there is no row, over _fl_r's key */
	const char *many;
};

static bool names_file(struct str sql, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i + 6 + n <= sql.n; i++) {
		const char *p = sql.p + i;
		bool ends = i + 6 + n == sql.n || !(isalnum((unsigned char)p[6 + n]) || p[6 + n] == '_');
		if (ends && memcmp(p, "files.", 6) == 0 && memcmp(p + 6, name, n) == 0)
			return true;
	}
	return false;
}

/* Where the let reads FROM files.<name>: the file it means, so that the reason can name it. */
static const struct file_decl *file_of(const struct config *c, const struct sqltext *s)
{
	for (size_t i = 0; i < c->nfiles; i++)
		if (names_file(s->source, c->files[i].name))
			return &c->files[i];
	return NULL;
}

static void cut_reasons(struct cut *t)
{
	struct compiler *k = t->k;
	const struct file_decl *f = file_of(k->c, t->b->let);
	const char *slash = f ? strrchr(f->path, '/') : NULL, *file = f ? (slash ? slash + 1 : f->path) : NULL;
	const char *of =
		f ? arena_printf(&k->mem, "'file', %s, 'column', %s", quote(k, file), quote(k, t->let.cols[0].name))
		  : arena_printf(&k->mem, "'batch', %s", quote(k, t->b->name));
	t->none = arena_printf(&k->mem, "fairlead.reason('no_row%s', %s, 'key', key)", f ? "" : "_let", of);
	t->many = arena_printf(&k->mem, "fairlead.reason('many_rows%s', %s, 'key', key)", f ? "" : "_let", of);
}

static void cut_columns(struct cut *t)
{
	struct compiler *k = t->k;
	struct buf json = {0}, keys = {0};
	buf_text(&json, "jsonb_build_object(");
	buf_text(&keys, "ARRAY[");
	for (size_t i = 0; i < t->let.ncols; i++) {
		const struct column *c = &t->let.cols[i];
		const char *value = arena_printf(&k->mem, "_fl_l.%s", quote_name(k, c->name));
		buf_printf(&json, "%s%s, %s", i ? ", " : "", quote(k, c->name), cast_text(k, value, c->type));
		buf_printf(&keys, "%s%s", i ? ", " : "", quote(k, c->name));
	}
	buf_char(&json, ')');
	buf_text(&keys, "]::text[]");
	t->json = arena_textn(&k->mem, json.p, json.n);
	t->keys = arena_textn(&k->mem, keys.p, keys.n);
	buf_fini(&json);
	buf_fini(&keys);
}

/* The names of the items as the rules made them: their text stands in args, and goes back to its type. */
static void add_arg(struct compiler *k, const char *name, Oid type, const char *args, struct scope *sc)
{
	const char *text = arena_printf(&k->mem, "(%s->>%s)", args, quote(k, name));
	scope_name_add(k, sc,
		(struct name){.name = name,
			.type = type,
			.hex = type == type_oid(k, "text"),
			.expr = cast_back(k, text, type)});
}

static void kept_names(struct compiler *k, size_t index, const char *args, struct scope *sc)
{
	const struct batch_decl *b = &k->c->batches[index];
	for (size_t i = 0; i < b->nnames; i++) /* 0: no rule feeds it (yet) */
		add_arg(k, b->names[i], k->batches[index].types[i] ? k->batches[index].types[i] : type_oid(k, "text"),
			args, sc);
}

static void cut_scope(struct cut *t, size_t index, struct scope *sc)
{
	sc->owner = arena_printf(&t->k->mem, "an item of batches.%s", t->b->name);
	sc->noun = "name";
	kept_names(t->k, index, "_fl_w.args", sc);
}

void batch_item_names(struct compiler *k, size_t index, const char *args, struct scope *s)
{
	struct scope of_let = {0};
	struct prepared let;
	const struct sqltext *text = k->c->batches[index].let;
	kept_names(k, index, args, s);
	kept_names(k, index, "_fl_w.args", &of_let);
	if (!text || !sql_prepare(k, text, &of_let, &let)) /* what is wrong with it is said there */
		return;
	for (size_t i = 0; i < let.ncols; i++)
		if (!scope_find(s, str_of(let.cols[i].name)))
			add_arg(k, let.cols[i].name, let.cols[i].type, args, s);
}

static bool cut_prepare(struct cut *t, size_t index)
{
	struct scope sc = {0};
	size_t before = t->k->ps->n;
	if (!t->b->let)
		return true;
	cut_scope(t, index, &sc);
	if (!sql_prepare(t->k, t->b->let, &sc, &t->let) ||
		!sql_is_subquery(t->k, &t->let, t->b->let, "the let of a batch"))
		return false;
	scope_columns(t->k, &sc, &t->let, "", t->b->let->at);
	if (t->k->ps->n != before)
		return false;
	cut_columns(t);
	cut_reasons(t);
	return true;
}

/* n rows, at most 2, and the first of them, for each row of _fl_w. */
static const char *lateral(const struct cut *t)
{
	return arena_printf(&t->k->mem,
		"CROSS JOIN LATERAL (SELECT count(*) AS n, (array_agg(%s))[1] AS j FROM (SELECT * FROM (%s) _fl_q "
		"LIMIT 2) _fl_l) _fl_x",
		t->json, t->let.text);
}

static const char *waiting(const struct cut *t)
{
	return arena_printf(&t->k->mem,
		"SELECT id, key, turn, ordinal, args FROM fairlead.item WHERE batch_of = %s AND state = 'waiting' "
		"AND (not_before IS NULL OR "
		"not_before <= clock_timestamp()) ORDER BY turn, ordinal, id LIMIT ",
		quote(t->k, t->b->name));
}

/* EXECUTE ASSEMBLES: <quoted text before the limit> || limit || <quoted text behind it> */
static void select_items(struct cut *t, struct buf *o)
{
	struct compiler *k = t->k;
	const char *head = arena_printf(&k->mem, "WITH _fl_w AS MATERIALIZED (%s", waiting(t));
	const char *tail =
		t->b->let ? arena_printf(&k->mem,
						" FOR UPDATE), _fl_r AS MATERIALIZED (SELECT _fl_w.id, _fl_w.key, _fl_w.turn, "
						"_fl_w.ordinal, "
						"_fl_x.n, _fl_x.j FROM _fl_w %s)\n"
						"SELECT array_agg(id ORDER BY turn, ordinal, id) FILTER (WHERE n = 1), array_agg(j "
						"ORDER BY turn, "
						"ordinal, id) FILTER (WHERE n = 1), array_agg(id ORDER BY id) FILTER (WHERE n <> 1), "
						"array_agg(CASE n "
						"WHEN 0 THEN %s ELSE %s END ORDER BY id) FILTER (WHERE n <> 1) FROM _fl_r",
						lateral(t), t->none, t->many)
				  : " FOR UPDATE) SELECT array_agg(id ORDER BY turn, ordinal, id), NULL::jsonb[], "
					"NULL::bigint[], NULL::text[] "
					"FROM _fl_w";
	buf_printf(
		o, "EXECUTE %s || _fl.want || %s INTO got, lets, miss, why;\n", quote(k, head), quote(k, tail));
}

/* What is parked here has not been tried with any row of the let: its columns leave the item, so that any row
 * is news to it. */
static void park_items(struct cut *t, struct buf *o)
{
	bool skip = t->b->missing == MISSING_SKIP;
	buf_printf(o,
		"UPDATE fairlead.item i SET state = %s, reason = u.why, args = i.args - %s FROM unnest(_fl.miss, "
		"_fl.why) u(id, why) "
		"WHERE i.id = u.id;\n"
		"_fl.v_parked := _fl.v_parked + cardinality(_fl.miss);\n",
		skip ? "CASE WHEN u.why LIKE 'many%' THEN 'parked' ELSE 'void' END" : "'parked'", t->keys);
}

/* The let raised for one of many items: each is tried alone, and who raises is parked with what PostgreSQL
 * said. */
static void find_culprits(struct cut *t, struct buf *o)
{
	struct compiler *k = t->k;
	const char *one = arena_printf(
		&k->mem, "SELECT _fl_x.j::text FROM fairlead.item _fl_w %s WHERE _fl_w.id = $1", lateral(t));
	buf_printf(o,
		"EXCEPTION WHEN " FL_POISON " THEN\n"
		"_fl.bad := 0; GET STACKED DIAGNOSTICS m = MESSAGE_TEXT;\n"
		"FOR one IN EXECUTE %s || _fl.want LOOP\n"
		"BEGIN EXECUTE %s INTO m USING _fl.one.id;\n"
		"EXCEPTION WHEN " FL_POISON " THEN\n"
		"UPDATE fairlead.item i SET state = 'parked', reason = fairlead.reason('let_raises', 'batch', %s, "
		"'text', SQLERRM), args = i.args - %s WHERE i.id = _fl.one.id;\n"
		"_fl.bad := _fl.bad + 1;\n"
		"END; END LOOP;\n"
		"IF _fl.bad = 0 THEN RAISE EXCEPTION 'the let of batches.%s raises, and for no item alone: %%', "
		"_fl.m; END IF;\n"
		"_fl.v_parked := _fl.v_parked + _fl.bad; _fl.miss := '{}'; _fl.again := true;\n"
		"END;\n",
		quote(k, waiting(t)), quote(k, one), quote(k, t->b->name), t->keys, t->b->name);
}

/* The more urgent go first where several declarations share a signer; within one, the order of the items
 * stands. */
static int rank_of(const struct batch_decl *b)
{
	if (b->within_ms == 0)
		return 3; /* cheap */
	return b->within_ms <= 30000 ? 0 : b->within_ms <= 120000 ? 1 : 2;
}

static void make_batches(struct cut *t, int chain_id, struct buf *o)
{
	struct compiler *k = t->k;
	buf_printf(o,
		"_fl.have := coalesce(cardinality(_fl.got), 0);\n"
		"IF NOT p_all THEN _fl.have := _fl.have - _fl.have %% _fl.room; END IF;\n"
		"IF _fl.have > 0 THEN\n"
		"WITH _fl_b AS (INSERT INTO fairlead.batch (name, pool, chain, rank, items) SELECT %s, %s, %d, %d, "
		"least(_fl.room, _fl.have - (g - 1) * _fl.room) "
		"FROM generate_series(1, (_fl.have + _fl.room - 1) / _fl.room) g ORDER BY g RETURNING id) SELECT "
		"array_agg(id ORDER BY id) INTO _fl.made "
		"FROM _fl_b;\n"
		"UPDATE fairlead.item i SET state = 'batched', batch = _fl.made[(u.o - 1) / _fl.room + 1], reason = "
		"NULL%s FROM unnest(_fl.got%s) "
		"WITH ORDINALITY u(id, %so) WHERE i.id = u.id AND u.o <= _fl.have;\n"
		"END IF;\n",
		quote(k, t->b->name), quote(k, t->b->signer->name), chain_id, rank_of(t->b),
		t->b->let ? ", args = i.args || u.l" : "", t->b->let ? ", _fl.lets" : "", t->b->let ? "l, " : "");
}

/* Counted is a window that shows whether a batch is full, not all that waits: it is asked at each cut. The
 * first of the queue says how long the batch has collected. */
static void peek_function(struct cut *t)
{
	struct compiler *k = t->k;
	unsigned long long window = t->b->max > 500 ? 2 * t->b->max + 1 : 1001;
	const char *body = arena_printf(&k->mem,
		"\n#variable_conflict use_column\n<<_fl>>\nDECLARE t timestamptz := clock_timestamp();\nBEGIN\n"
		"SELECT count(*) FILTER (WHERE due <= _fl.t),\n"
		" coalesce(ceil(extract(epoch FROM _fl.t - min(due) FILTER (WHERE due <= _fl.t)) * 1000), 0),\n"
		" coalesce(ceil(extract(epoch FROM min(due) FILTER (WHERE due > _fl.t) - _fl.t) * 1000), -1)\n"
		" INTO waiting, oldest_ms, next_ms\n"
		"FROM (SELECT greatest(at, not_before) AS due FROM fairlead.item WHERE batch_of = %s AND state = "
		"'waiting'\n"
		" ORDER BY turn, ordinal, id LIMIT %llu) q;\nEND ",
		quote(k, t->b->name), window);
	script_function(k, arena_printf(&k->mem, "peek_%s", t->b->name),
		"OUT waiting bigint, OUT oldest_ms bigint, OUT next_ms bigint", "", body);
}

static void cut_function(struct cut *t, int chain_id)
{
	struct compiler *k = t->k;
	struct buf o = {0};
	buf_printf(&o,
		"\n#variable_conflict use_column\n<<_fl>>\nDECLARE room int; want bigint; got bigint[]; lets "
		"jsonb[]; miss "
		"bigint[]; why text[]; have bigint; "
		"made bigint[] := '{}'; v_parked int := 0; bad int; again bool; one record; m text;\nBEGIN\n"
		"PERFORM fairlead.hold(%s, p_epoch);\n_fl.room := fairlead.batch_room(%s, p_max); _fl.want := "
		"_fl.room::bigint * p_limit;\n",
		t->lane, quote(k, t->b->name));
	if (t->b->let) {
		buf_text(&o, "FOR pass IN 1..8 LOOP\n_fl.again := false;\nBEGIN\n"); /* what misses is parked and
																				others take its place */
		select_items(t, &o);
		find_culprits(t, &o);
		buf_text(&o, "IF cardinality(_fl.miss) > 0 THEN\n");
		park_items(t, &o);
		buf_text(&o, "ELSE EXIT WHEN NOT _fl.again;\nEND IF;\nEND LOOP;\n");
	} else {
		select_items(t, &o);
	}
	make_batches(t, chain_id, &o);
	buf_printf(&o,
		"batches := _fl.made; items := _fl.have; parked := _fl.v_parked;\n"
		"SELECT p.waiting, p.oldest_ms, p.next_ms INTO waiting, oldest_ms, next_ms FROM "
		"fairlead_app.%s() p;\nEND ",
		quote_name(k, arena_printf(&k->mem, "peek_%s", t->b->name)));
	script_function(k, arena_printf(&k->mem, "cut_%s", t->b->name),
		"p_epoch bigint, p_max int, p_limit int, p_all bool, OUT batches bigint[], OUT items int, OUT parked "
		"int, OUT waiting bigint, OUT "
		"oldest_ms bigint, OUT next_ms bigint",
		"", o.p);
	buf_fini(&o);
}

/* Released is only what the let now gives a row that was not tried yet: an item that a transaction parked
 * with its own error stays, until its row changes; what a person cancelled stays until a person retries it.
 */
static void unpark_function(struct cut *t)
{
	struct compiler *k = t->k;
	struct buf o = {0};
	const char *page = arena_printf(&k->mem,
		"SELECT id, args FROM fairlead.item WHERE batch_of = %s AND state = 'parked' AND cause IS NOT NULL "
		"AND coalesce(reason, '') NOT LIKE 'cancelled %%' AND id > $1 ORDER BY id LIMIT ",
		quote(k, t->b->name));
	const char *test = "_fl_x.n = 1 AND NOT _fl_w.args @> _fl_x.j";
	buf_printf(&o,
		"\n#variable_conflict use_column\n<<_fl>>\nDECLARE ids bigint[]; yes bool; one record; n int := "
		"0;\nBEGIN\n"
		"PERFORM fairlead.hold(%s, p_epoch); behind := NULL;\n",
		t->lane);
	if (t->b->let) {
		const char *head = arena_printf(&k->mem, "WITH _fl_w AS MATERIALIZED (%s", page);
		const char *tail = arena_printf(&k->mem,
			") SELECT max(_fl_w.id), coalesce(array_agg(_fl_w.id) FILTER (WHERE %s), '{}') FROM _fl_w %s",
			test, lateral(t));
		const char *single = arena_printf(
			&k->mem, "SELECT %s FROM fairlead.item _fl_w %s WHERE _fl_w.id = $1", test, lateral(t));
		buf_printf(&o,
			"BEGIN EXECUTE %s || p_max || %s INTO behind, ids USING p_behind;\n"
			"EXCEPTION WHEN " FL_POISON " THEN\n_fl.ids := '{}';\n"
			"FOR one IN EXECUTE %s || p_max USING p_behind LOOP\n"
			"behind := _fl.one.id;\n"
			"BEGIN EXECUTE %s INTO yes USING _fl.one.id; IF _fl.yes THEN _fl.ids := _fl.ids || _fl.one.id; "
			"END IF;\n"
			"EXCEPTION WHEN " FL_POISON " THEN NULL;\nEND; END LOOP; END;\n"
			"UPDATE fairlead.item i SET state = 'waiting', reason = NULL, not_before = NULL WHERE i.id = ANY "
			"(_fl.ids) AND i.state = 'parked';\n"
			"GET DIAGNOSTICS n = ROW_COUNT;\n",
			quote(k, head), quote(k, tail), quote(k, page), quote(k, single));
	}
	buf_text(&o, "released := _fl.n;\nEND ");
	script_function(k, arena_printf(&k->mem, "unpark_%s", t->b->name),
		"p_epoch bigint, p_behind bigint, p_max int, OUT released int, OUT behind bigint", "", o.p);
	buf_fini(&o);
}

void batch_functions(struct compiler *k, size_t index, int chain_id)
{
	struct cut t = {.k = k, .b = &k->c->batches[index]};
	t.lane = quote(k, arena_printf(&k->mem, "apply:%s", t.b->signer->chain->name));
	if (!cut_prepare(&t, index))
		return;
	peek_function(&t);
	cut_function(&t, chain_id);
	unpark_function(&t);
}
