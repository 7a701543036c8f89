#include "common/app/field.h"

const struct request_name request_names[] = {
	{"request.id", "text"}, {"request.ip", "text"}, {"job.id", "numeric"}, {NULL, NULL}};

/* As `tx.…` and `block.number` of NAME.mined; null while the transaction is not mined. */
const struct request_name sent_members[] = {{"hash", "text"}, {"from", "text"}, {"status", "text"},
	{"error", "text"}, {"block", "bigint"}, {NULL, NULL}};

static const struct {
	const char *one, *array;
} types[] = {
	[FIELD_STRING] = {"text", "text[]"},
	[FIELD_INT] = {"bigint", "bigint[]"},
	[FIELD_NUMBER] = {"double precision", "double precision[]"},
	[FIELD_BOOL] = {"boolean", "boolean[]"},
	[FIELD_OBJECT] = {"jsonb", "jsonb[]"},
	[FIELD_ARRAY] = {"jsonb", "jsonb"},
	[FIELD_UINT256] = {"numeric", "numeric[]"},
	[FIELD_ADDRESS] = {"text", "text[]"},
	[FIELD_BYTES32] = {"text", "text[]"},
	[FIELD_BYTES65] = {"text", "text[]"},
	[FIELD_PUBKEY] = {"text", "text[]"},
	[FIELD_BASE64] = {"text", "text[]"},
	[FIELD_UUID] = {"uuid", "uuid[]"},
	[FIELD_TIME] = {"timestamp with time zone", "timestamp with time zone[]"},
	[FIELD_UNITS] = {"numeric", "numeric[]"},
};

const char *field_sql_type(const struct field_decl *f)
{
	return f->type == FIELD_ARRAY && f->items ? types[f->items->type].array : types[f->type].one;
}
