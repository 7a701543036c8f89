/* json: reading control commands and requests (cJSON), writing answers: small helpers. */
#ifndef FAIRLEAD_TEST_NODE_JSON_H
#define FAIRLEAD_TEST_NODE_JSON_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/u256.h"

#include <cjson/cJSON.h>

/* A member; NULL when o is no object, has none, or it is null. */
const cJSON *json_get(const cJSON *o, const char *name);
const char *json_text(const cJSON *o, const char *name); /* NULL: none or no string */
/* A number, "0x…" or "123"; `otherwise` when v is none of these. */
uint64_t json_u64(const cJSON *v, uint64_t otherwise);
uint64_t json_get_u64(const cJSON *o, const char *name, uint64_t otherwise);
double json_get_double(const cJSON *o, const char *name, double otherwise);
bool json_get_bool(const cJSON *o, const char *name, bool otherwise);
bool json_u256(const cJSON *v, struct u256 *out);
bool json_bytes(struct arena *a, const char *hex, struct bytes *out, struct err *e); /* "0x…" */
bool json_fixed(const cJSON *v, uint8_t *out, size_t n); /* exactly n bytes of hex */

/* Writing: "0x…" with its quotes. */
void put_data(struct buf *b, const void *p, size_t n);
void put_u64(struct buf *b, uint64_t v);
void put_u256(struct buf *b, struct u256 v);
/* "name":  with a comma before it unless an object or array has just begun */
void put_key(struct buf *b, const char *name);
void put_field_data(struct buf *b, const char *name, const void *p, size_t n);
void put_field_u64(struct buf *b, const char *name, uint64_t v);
void put_field_u256(struct buf *b, const char *name, struct u256 v);
void put_field_text(struct buf *b, const char *name, const char *text); /* NULL: null */
void put_field_number(struct buf *b, const char *name, uint64_t v);     /* bare */

#endif
