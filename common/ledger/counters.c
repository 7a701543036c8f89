#include "common/ledger/counters.h"

#include <stdio.h>

/* chain="main",kind="x" → {"chain":"main","kind":"x"}: the quoted values are JSON strings as they stand. */
static void labels_json(struct buf *out, const char *labels)
{
	bool in_value = false;
	buf_clear(out);
	buf_char(out, '{');
	for (const char *p = labels; p && *p; p++) {
		bool key_begins =
			!in_value && *p != '"' && *p != ',' && *p != '=' && (p == labels || p[-1] == ',' || p[-1] == ' ');
		if (*p == '"' && (p == labels || p[-1] != '\\'))
			in_value = !in_value;
		if (!in_value && *p == ' ')
			continue;
		if (key_begins)
			buf_char(out, '"');
		if (!in_value && *p == '=')
			buf_text(out, "\":");
		else
			buf_char(out, *p);
	}
	buf_char(out, '}');
}

void counters_add(struct pg_unit *u, const char *program, const struct counter_gain *g, size_t n)
{
	static const struct pg_sql sql = {"counters_add",
		"INSERT INTO fairlead.counter AS c (program, name, labels, value)"
		" SELECT $1, n, l::jsonb, v::float8 FROM unnest($2::text[], $3::text[], $4::text[]) AS x(n, l, v) "
		"ORDER BY n, l"
		" ON CONFLICT (program, name, labels) DO UPDATE SET value = c.value + EXCLUDED.value, at = "
		"clock_timestamp()"};
	struct buf text = {0};
	pg_stmt(u, &sql);
	pg_put_text(u, program);
	PG_ARRAY(u, i, n, pg_item_text(u, str_of(g[i].name)));
	pg_array_open(u);
	for (size_t i = 0; i < n; i++) {
		labels_json(&text, g[i].labels);
		pg_item_text(u, (struct str){text.p, text.n});
	}
	pg_array_close(u);
	pg_array_open(u);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&text);
		buf_printf(&text, "%.17g", g[i].gain);
		pg_item_text(u, (struct str){text.p, text.n});
	}
	pg_array_close(u);
	buf_fini(&text);
}
