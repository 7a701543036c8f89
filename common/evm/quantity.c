#include "common/evm/logs.h"
#include "common/evm/wire.h"

/* Single values of JSON-RPC: quantities and data as strings of hex. */

static bool unquote(struct str *json, struct err *e)
{
	static const char white[] = " \t\r\n";
	struct str s = *json;
	while (s.n > 0 && memchr(white, s.p[0], sizeof white - 1))
		s = (struct str){s.p + 1, s.n - 1};
	while (s.n > 0 && memchr(white, s.p[s.n - 1], sizeof white - 1))
		s.n--;
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return err_set(e, ERR_MALFORMED, "the answer is not a JSON string");
	*json = (struct str){s.p + 1, s.n - 2};
	return true;
}

bool quantity_parse(struct str json, struct u256 *v, struct err *e)
{
	if (!unquote(&json, e))
		return false;
	return u256_from_hex(v, json)
			   ? true
			   : err_set(e, ERR_MALFORMED, "the answer is not a quantity of up to 256 bits");
}

bool quantity_u64(struct str json, uint64_t *v, struct err *e)
{
	if (!unquote(&json, e))
		return false;
	return str_hex_to_u64(json, v)
			   ? true
			   : err_set(e, ERR_MALFORMED, "the answer is not a quantity of up to 64 bits");
}

bool data_parse(struct arena *a, struct str json, struct bytes *out, struct err *e)
{
	if (!unquote(&json, e))
		return false;
	size_t n = json.n / 2 - (json.n >= 2);
	uint8_t *p = arena_alloc(a, n);
	*out = (struct bytes){p, n};
	return wire_hex(p, n, json) ? true : err_set(e, ERR_MALFORMED, "the answer is not bytes in hex");
}
