#include "test/node/json.h"

const cJSON *json_get(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_IsObject(o) ? cJSON_GetObjectItemCaseSensitive(o, name) : NULL;
	return v && !cJSON_IsNull(v) ? v : NULL;
}

const char *json_text(const cJSON *o, const char *name)
{
	const cJSON *v = json_get(o, name);
	return cJSON_IsString(v) ? v->valuestring : NULL;
}

uint64_t json_u64(const cJSON *v, uint64_t otherwise)
{
	uint64_t n;
	if (cJSON_IsNumber(v) && v->valuedouble >= 0)
		return (uint64_t)v->valuedouble;
	if (cJSON_IsString(v) &&
		(str_hex_to_u64(str_of(v->valuestring), &n) || str_to_u64(str_of(v->valuestring), &n)))
		return n;
	return otherwise;
}

uint64_t json_get_u64(const cJSON *o, const char *name, uint64_t otherwise)
{
	return json_u64(json_get(o, name), otherwise);
}

double json_get_double(const cJSON *o, const char *name, double otherwise)
{
	const cJSON *v = json_get(o, name);
	return cJSON_IsNumber(v) ? v->valuedouble : otherwise;
}

bool json_get_bool(const cJSON *o, const char *name, bool otherwise)
{
	const cJSON *v = json_get(o, name);
	return cJSON_IsBool(v) ? cJSON_IsTrue(v) : otherwise;
}

bool json_u256(const cJSON *v, struct u256 *out)
{
	if (cJSON_IsString(v))
		return u256_from_hex(out, str_of(v->valuestring)) || u256_from_dec(out, str_of(v->valuestring));
	if (!cJSON_IsNumber(v) || v->valuedouble < 0)
		return false;
	*out = u256_of((uint64_t)v->valuedouble);
	return true;
}

bool json_bytes(struct arena *a, const char *hex, struct bytes *out, struct err *e)
{
	size_t digits = strlen(hex);
	size_t n = digits >= 2 ? (digits - 2) / 2 : 0;
	uint8_t *p = arena_alloc(a, n + 1);
	*out = (struct bytes){p, n};
	return (text_starts(hex, "0x") && hex_from(p, n, str_of(hex))) ||
		   err_set(e, ERR_MALFORMED, "%.20s… is not 0x and pairs of hex digits", hex);
}

bool json_fixed(const cJSON *v, uint8_t *out, size_t n)
{
	return cJSON_IsString(v) && text_starts(v->valuestring, "0x") && hex_from(out, n, str_of(v->valuestring));
}

void put_data(struct buf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *to = buf_room(b, 2 * n + 4);
	const uint8_t *from = p;
	*to++ = '"';
	*to++ = '0';
	*to++ = 'x';
	for (size_t i = 0; i < n; i++) {
		*to++ = digits[from[i] >> 4];
		*to++ = digits[from[i] & 15];
	}
	*to = '"';
	b->n += 2 * n + 4;
}

void put_u256(struct buf *b, struct u256 v)
{
	char hex[U256_HEX_MAX];
	u256_to_hex(hex, v);
	buf_char(b, '"');
	buf_text(b, hex);
	buf_char(b, '"');
}

void put_u64(struct buf *b, uint64_t v)
{
	static const char digits[] = "0123456789abcdef";
	char text[20];
	size_t at = sizeof text;
	text[--at] = '"';
	do
		text[--at] = digits[v & 15];
	while (v >>= 4);
	text[--at] = 'x';
	text[--at] = '0';
	text[--at] = '"';
	buf_put(b, text + at, sizeof text - at);
}

void put_key(struct buf *b, const char *name)
{
	if (b->n > 0 && b->p[b->n - 1] != '{' && b->p[b->n - 1] != '[')
		buf_char(b, ',');
	buf_char(b, '"');
	buf_text(b, name);
	buf_put(b, "\":", 2);
}

void put_field_data(struct buf *b, const char *name, const void *p, size_t n)
{
	put_key(b, name);
	put_data(b, p, n);
}

void put_field_u64(struct buf *b, const char *name, uint64_t v)
{
	put_key(b, name);
	put_u64(b, v);
}

void put_field_u256(struct buf *b, const char *name, struct u256 v)
{
	put_key(b, name);
	put_u256(b, v);
}

void put_field_text(struct buf *b, const char *name, const char *text)
{
	put_key(b, name);
	if (text)
		buf_json(b, str_of(text));
	else
		buf_text(b, "null");
}

void put_field_number(struct buf *b, const char *name, uint64_t v)
{
	put_key(b, name);
	buf_printf(b, "%llu", (unsigned long long)v);
}
