#include "common/evm/abi_inner.h"

#include <yajl/yajl_tree.h>
#include <stdlib.h>

/* JSON ABI files: an array of entries, or a compiler's artifact that holds one under "abi". (Solidity ABI
 * specification, "JSON") internalType is the compiler's note for other compilers; nothing here depends on it.
 */

enum { NESTING_MAX = 64 };

/* yajl_tree_free walks a tree by recursion, so what it may be given is bounded before. */
static bool too_deep(struct str json)
{
	unsigned depth = 0;
	bool text = false;
	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];
		if (text && c == '\\')
			i++;
		else if (c == '"')
			text = !text;
		else if (!text && (c == '[' || c == '{') && ++depth > NESTING_MAX)
			return true;
		else if (!text && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return false;
}

struct yajl_val_s *abi_json_tree(struct str json, struct err *e)
{
	char why[200] = "";
	if (json.n == 0 || memchr(json.p, 0, json.n) || too_deep(json)) {
		err_put(e, ERR_MALFORMED, "this is not JSON: it is empty, holds NUL or nests deeper than %d",
			NESTING_MAX);
		return NULL;
	}
	char *text = mem_textn(json.p, json.n);
	struct yajl_val_s *v = yajl_tree_parse(text, why, sizeof why);
	free(text);
	if (!v) {
		why[strcspn(why, "\n")] = 0;
		err_put(e, ERR_MALFORMED, "this is not JSON: %s", why);
	}
	return v;
}

static yajl_val member(yajl_val object, const char *key, yajl_type type)
{
	return yajl_tree_get(object, (const char *[]){key, NULL}, type);
}

static const char *member_text(yajl_val object, const char *key)
{
	yajl_val v = member(object, key, yajl_t_string);
	return v ? YAJL_GET_STRING(v) : NULL;
}

static bool member_true(yajl_val object, const char *key)
{
	return YAJL_IS_TRUE(member(object, key, yajl_t_any));
}

static bool params_read(
	struct arena *a, yajl_val list, unsigned depth, const struct abi_param **out, size_t *n, struct err *e);

static bool param_read(
	struct arena *a, yajl_val x, unsigned depth, size_t i, struct abi_param *out, struct err *e)
{
	const char *name = member_text(x, "name"), *type = member_text(x, "type");
	struct abi_parser p = {.arena = a, .text = str_of(type), .e = e, .depth = depth};
	if (!type)
		return err_set(e, ERR_MALFORMED, "a parameter has no \"type\"");
	if (name && *name && !abi_name_ok(str_of(name)))
		return err_set(e, ERR_MALFORMED, "a parameter's name is not a Solidity name");
	out->name = name && *name ? arena_text(a, name) : arena_printf(a, "arg%zu", i);
	out->indexed = member_true(x, "indexed");
	yajl_val components = member(x, "components", yajl_t_array);
	if (components && text_starts(type, "tuple")) {
		if (depth >= ABI_DEPTH_MAX)
			return err_set(e, ERR_MALFORMED, "a type is nested deeper than %d levels", ABI_DEPTH_MAX);
		if (!params_read(a, components, depth + 1, &p.components, &p.ncomponents, e))
			return false;
	}
	if (!abi_type_parse(&p, &out->type))
		return false;
	return abi_at_end(&p) ? true : err_set(e, ERR_MALFORMED, "a type should end at byte %zu", p.at);
}

/* An empty tuple has no fields to point at, and so stays a type that the parser refuses. */
static bool params_read(
	struct arena *a, yajl_val list, unsigned depth, const struct abi_param **out, size_t *n, struct err *e)
{
	size_t words = 0;
	*n = list ? YAJL_GET_ARRAY(list)->len : 0;
	if (*n == 0)
		return true;
	struct abi_param *params = arena_alloc(a, *n * sizeof *params);
	*out = params;
	for (size_t i = 0; i < *n; i++) {
		if (!param_read(a, YAJL_GET_ARRAY(list)->values[i], depth, i, &params[i], e))
			return err_prefix(e, "parameter %zu", i);
		words += abi_words(&params[i].type);
		if (words > ABI_WORDS_MAX)
			return err_set(e, ERR_MALFORMED, "a type of more than %d words is too wide", ABI_WORDS_MAX);
	}
	return true;
}

static bool kind_of(const char *type, enum abi_entry_kind *kind)
{
	static const char *const names[] = {"event", "function", "error", "constructor"};
	static const enum abi_entry_kind kinds[] = {ABI_EVENT, ABI_FUNCTION_ENTRY, ABI_ERROR, ABI_CONSTRUCTOR};
	for (size_t i = 0; i < 4; i++)
		if (text_is(type, names[i])) {
			*kind = kinds[i];
			return true;
		}
	return false;
}

static bool entry_read(struct arena *a, yajl_val x, struct abi_entry *out, struct err *e)
{
	const char *name = out->kind == ABI_CONSTRUCTOR ? "constructor" : member_text(x, "name");
	const char *mutability = member_text(x, "stateMutability");
	if (!name || !abi_name_ok(str_of(name)))
		return err_set(e, ERR_MALFORMED, "its \"name\" is not a Solidity name");
	out->name = arena_text(a, name);
	out->anonymous = out->kind == ABI_EVENT && member_true(x, "anonymous");
	out->view = text_is(mutability, "view") || text_is(mutability, "pure") || member_true(x, "constant");
	out->payable = text_is(mutability, "payable") || member_true(x, "payable");
	if (!params_read(a, member(x, "inputs", yajl_t_array), 0, &out->in, &out->nin, e))
		return err_prefix(e, "%s", out->name);
	if (out->kind != ABI_FUNCTION_ENTRY)
		return abi_entry_finish(a, out, e);
	if (!params_read(a, member(x, "outputs", yajl_t_array), 0, &out->out, &out->nout, e))
		return err_prefix(e, "%s, outputs", out->name);
	return abi_entry_finish(a, out, e);
}

static bool list_read(struct arena *a, yajl_val list, struct abi_entry **out, size_t *n, struct err *e)
{
	size_t count = YAJL_GET_ARRAY(list)->len;
	*out = arena_alloc(a, (count ? count : 1) * sizeof **out);
	for (size_t i = 0; i < count; i++) {
		yajl_val x = YAJL_GET_ARRAY(list)->values[i];
		if (!YAJL_IS_OBJECT(x))
			return err_set(e, ERR_MALFORMED, "entry %zu of the ABI is not an object", i);
		/* "type" … "can be omitted, defaulting to function" */
		const char *type = member(x, "type", yajl_t_any) ? member_text(x, "type") : "function";
		struct abi_entry *next = &(*out)[*n];
		if (!kind_of(type, &next->kind))
			continue; /* fallback, receive: nothing to call or to read by name */
		if (!entry_read(a, x, next, e))
			return err_prefix(e, "entry %zu of the ABI", i);
		++*n;
	}
	return true;
}

bool abi_parse_json(struct arena *a, struct str json, struct abi_entry **out, size_t *n, struct err *e)
{
	*out = NULL;
	*n = 0;
	yajl_val root = abi_json_tree(json, e);
	if (!root)
		return false;
	yajl_val list = YAJL_IS_OBJECT(root) ? member(root, "abi", yajl_t_array) : root;
	bool ok = YAJL_IS_ARRAY(list)
				  ? list_read(a, list, out, n, e)
				  : err_set(e, ERR_MALFORMED, "an ABI file is a JSON array, or an object with \"abi\"");
	yajl_tree_free(root);
	return ok;
}
