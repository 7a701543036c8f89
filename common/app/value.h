/* value: the file as the table of keys understands it: a tree of typed values, defaults filled in.
 *
 * Between the nodes of YAML and the declarations of config.h. What a single value can be wrong about is
 * reported here (words, kinds, units, ${VAR}, the grammar of SQL, calls and templates); what needs its
 * neighbours (names, ABI) in decl.h. */
#ifndef FAIRLEAD_APP_VALUE_H
#define FAIRLEAD_APP_VALUE_H

#include "common/app/config.h"
#include "common/app/expand.h"
#include "common/app/keys.h"
#include "common/app/unit.h"
#include "common/app/yaml.h"

enum value_form { VALUE_ONE, VALUE_LIST, VALUE_MAP, VALUE_JSON };
struct value {
	const struct keyword *key;
	const struct node *node; /* NULL: a default, or absent */
	const char *path;        /* "chains.main.poll" */
	const char *name;        /* its word, or its name under a "*" */
	struct pos at, name_at;
	enum value_form form;
	bool set;     /* there is a value: written and not empty, or a default */
	bool written; /* in the file; set may still be false (empty, or wrong) */
	/* ONE */
	struct scalar scalar;
	struct str text; /* expanded; text.p is a C string. Of a secret too: print never shows it */
	uint64_t number; /* NUMBER, DURATION in ms, PERCENT; DEPTH: UINT64_MAX for a word */
	struct u256 amount;
	struct ratio ratio;
	struct rate rate;
	bool flag;
	const struct sqltext *sql;
	struct call *call;
	struct check *check;
	const struct template *template;
	const struct json_decl *json; /* JSON; of a list: one an item in items */
	/* LIST, MAP. A map: one a row of the table, then its names. A step: its verb, then its options. */
	struct value *items;
	size_t n;
};

struct reading {
	struct arena *a;
	struct problems *ps;
	const struct yaml *y;
	struct vars *vars;
	bool later;   /* words of later versions may stand: below one that was refused already */
	bool in_rule; /* else: park and skip may stand */
	char *shown;  /* the copy of the file's text that problems are shown with: secrets are struck out in it */
	struct secret_text {
		char *text;
		bool signs; /* the key of a signer */
		struct secret_text *next;
	} * secrets; /* every copy of a secret's value, to be wiped */
};
/* The whole file. */
void value_read(struct reading *r, const struct node *root, struct value *out);
/* The member of a map (or option of a step) with that word; never NULL. */
const struct value *value_get(const struct value *map, const char *word);
const struct value *value_find(const struct value *map, const char *name); /* by name, or NULL */
#define value_each(v, map) for (const struct value *v = (map)->items; v && v < (map)->items + (map)->n; v++)

/* read_scalar.c */
void read_one(struct reading *r, struct scalar s, const struct node *node, struct value *out);
void read_default(struct reading *r, struct value *out);
void read_parted(struct reading *r, struct str text, struct value *out); /* "a, b" → a list */
/* read_json.c: out->json; of a KEY_LIST its items too. */
void read_json(struct reading *r, const struct node *n, struct value *out);
bool read_is_name(const char *s); /* [A-Za-z][A-Za-z0-9_]*, 40 at most */
/* URL → without user, password, query and long parts of its path (keys of providers). */
void url_show(struct buf *b, struct str url);

#endif
