#include "batcher/files.h"

#include "common/evm/keccak.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

static bool broken(const char *path, struct str text, const char *at, const char *what, struct err *e)
{
	int line = 1, col = 1;
	for (const char *p = text.p; p < at && p < text.p + text.n; p++) {
		col = *p == '\n' ? 1 : col + ((*p & 0xC0) != 0x80);
		line += *p == '\n';
	}
	return err_set(e, ERR_MALFORMED, "%s:%d:%d: %s", path, line, col, what);
}

static int by_key(const void *a, const void *b)
{
	const cJSON *x = *(cJSON *const *)a, *y = *(cJSON *const *)b;
	int c = strcmp(x->string, y->string);
	return c ? c : x->valueint - y->valueint; /* valueint: place in the file, see below */
}

static struct str value_text(struct arena *a, const cJSON *v)
{
	if (cJSON_IsString(v))
		return str_of(arena_text(a, v->valuestring));
	char *json = cJSON_PrintUnformatted(v);
	must(json);
	struct str s = str_of(arena_text(a, json));
	cJSON_free(json);
	return s;
}

static void take(struct arena *a, cJSON *object, struct file_entries *out)
{
	size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
	cJSON **sorted = mem_alloc((n + 1) * sizeof(cJSON *)), *v;
	out->keys = arena_alloc(a, (n + 1) * sizeof *out->keys);
	out->values = arena_alloc(a, (n + 1) * sizeof *out->values);
	cJSON_ArrayForEach(v, object) sorted[i++] = v;
	for (i = 0; i < n; i++)
		if (!cJSON_IsNumber(sorted[i]))
			sorted[i]->valueint = (int)i;
	qsort(sorted, n, sizeof *sorted, by_key);
	for (i = 0; i < n; i++) {
		if (i + 1 < n && text_is(sorted[i]->string, sorted[i + 1]->string)) {
			out->doubled++;
			continue;
		}
		out->keys[out->n] = str_of(arena_text(a, sorted[i]->string));
		out->values[out->n++] = value_text(a, sorted[i]);
	}
	free(sorted);
}

bool files_parse(struct arena *a, const char *path, struct str text, struct file_entries *out, struct err *e)
{
	const char *end = NULL;
	*out = (struct file_entries){0};
	keccak256(out->digest, text.p, text.n);
	if (!utf8_valid(text))
		return err_set(e, ERR_MALFORMED, "%s:1:1: not UTF-8; save it as UTF-8", path);
	cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, &end, 0);
	if (!root)
		return broken(path, text, end ? end : text.p, "not valid JSON here", e);
	while (end < text.p + text.n && (*end == ' ' || *end == '\n' || *end == '\r' || *end == '\t'))
		end++;
	bool ok = cJSON_IsObject(root) && end == text.p + text.n;
	if (ok)
		take(a, root, out);
	else if (!cJSON_IsObject(root))
		broken(path, text, text.p, "must be one JSON object of keys and values", e);
	else
		broken(path, text, end, "nothing may stand behind the object", e);
	cJSON_Delete(root);
	return ok;
}
