/* abi: Solidity types, human-readable and JSON declarations, ABI encoding and decoding. (Solidity ABI
 * specification)
 *
 * A declaration is parsed once into an arena and then only read. Encoding and decoding work on a value tree
 * whose leaves are borrowed slices. Decoding is strict: it takes exactly what abi_encode writes. Offsets that
 * leave a gap, overlap or go back, wrong lengths, non-zero padding and bytes behind the end are malformed; so
 * is a value that its type can't hold (uint8 over 255, bool 2, address with high bits). */
#ifndef FAIRLEAD_EVM_ABI_H
#define FAIRLEAD_EVM_ABI_H

#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/base/u256.h"

enum abi_kind {
	ABI_UINT,
	ABI_INT,
	ABI_ADDRESS,
	ABI_BOOL,
	ABI_BYTESN,
	ABI_BYTES,
	ABI_STRING,
	ABI_FUNCTION,
	ABI_ARRAY,
	ABI_TUPLE
};

struct abi_param;
struct abi_type {
	enum abi_kind kind;
	unsigned bits;                  /* UINT, INT: 8..256; BYTESN: bytes 1..32 */
	const struct abi_type *item;    /* ARRAY */
	int64_t length;                 /* ARRAY: fixed length, or -1 */
	const struct abi_param *fields; /* TUPLE */
	size_t nfields;
};
struct abi_param {
	const char *name; /* "arg0", "arg1", … when unnamed */
	struct abi_type type;
	bool indexed; /* events */
};
enum abi_entry_kind { ABI_EVENT, ABI_FUNCTION_ENTRY, ABI_ERROR, ABI_CONSTRUCTOR };
struct abi_entry {
	enum abi_entry_kind kind;
	const char *name;      /* Solidity name */
	const char *as;        /* `as Other`, else equal to name: the name used in Fairlead */
	const char *signature; /* canonical: "TokenRevealed(uint256)" */
	uint8_t hash[32];      /* keccak256(signature): topic0; its first 4 bytes are the selector */
	bool anonymous;        /* events */
	bool view;             /* functions: view or pure */
	bool payable;
	const struct abi_param *in;
	size_t nin;
	const struct abi_param *out; /* functions */
	size_t nout;
};

/* One line of Solidity: event …, function …, error …, constructor …. *at: byte offset of the mistake in line
 * when false. */
bool abi_parse_line(struct arena *a, struct str line, struct abi_entry *out, size_t *at, struct err *e);
/* A JSON ABI file (an array, or an object with "abi": Hardhat, Foundry, Truffle artifacts). All entries of
 * the four kinds; others (fallback, receive) are passed over. */
bool abi_parse_json(struct arena *a, struct str json, struct abi_entry **out, size_t *n, struct err *e);
/* A bare type: "uint256[]", "(address,uint8)[2]" */
bool abi_parse_type(struct arena *a, struct str text, struct abi_type *out, struct err *e);
void abi_type_text(struct buf *b, const struct abi_type *t); /* canonical */

/* A value. Numbers: 256-bit two's complement. bytes: BYTES, STRING, BYTESN, ADDRESS (20), FUNCTION (24),
 * borrowed. */
struct abi_value {
	struct u256 number; /* UINT, INT (sign-extended), BOOL (0, 1) */
	struct bytes bytes;
	const struct abi_value *items; /* ARRAY, TUPLE */
	size_t n;
};

/* Head-tail encoding of a parameter list, appended to out. v[i] belongs to p[i]. false + ERR_REJECTED: a
 * value does not fit its type; out is as it was. */
bool abi_encode(
	struct buf *out, const struct abi_param *p, size_t n, const struct abi_value *v, struct err *e);
/* selector + arguments */
bool abi_encode_call(struct buf *out, const struct abi_entry *fn, const struct abi_value *v, struct err *e);
/* Decodes exactly `data`: its last byte is the last used one. Values live in a; slices borrow data. Memory is
 * bounded by a small multiple of data.n. */
bool abi_decode(struct arena *a, struct bytes data, const struct abi_param *p, size_t n, struct abi_value *v,
	struct err *e);
/* A log: indexed static values from topics, indexed dynamic ones as their 32-byte hash (BYTESN-like in
 * v[i].bytes), the rest from data; v in declaration order. false + ERR_MALFORMED: this log is not of this
 * declaration. */
bool abi_decode_log(struct arena *a, const struct abi_entry *ev, const uint8_t (*topics)[32], size_t ntopics,
	struct bytes data, struct abi_value *v, struct err *e);
bool abi_indexed_is_hash(const struct abi_param *p); /* an indexed string, bytes, array, tuple */
/* The type whose text, JSON and column a parameter's value has: its own, or bytes32 where only the hash is
 * known. */
const struct abi_type *abi_stored_type(const struct abi_param *p);

/* Text of a value as Fairlead stores it (GRAMMAR §10): numbers decimal, address/bytes 0x lower case, string
 * as UTF-8 with U+FFFD for NUL and broken bytes, bool true/false; arrays and tuples as JSON (numbers up to
 * 56/64 bits bare, wider quoted). */
void abi_value_text(struct buf *b, const struct abi_type *t, const struct abi_value *v);
void abi_value_json(struct buf *b, const struct abi_type *t, const struct abi_value *v);
/* The reverse, for arguments that come from SQL as text or JSON text. Checks range and shape; address in any
 * case, a mixed-case one must have its EIP-55 checksum. Bytes are 0x… or, as PostgreSQL writes bytea, \x…. A
 * bool is true, t, false or f. Text of an ARRAY or TUPLE is JSON; a tuple may be an object of all its fields
 * or an array in their order. */
bool abi_value_from_text(
	struct arena *a, const struct abi_type *t, struct str text, struct abi_value *v, struct err *e);

/* The PostgreSQL type of a column for it (GRAMMAR §10): "bigint" "numeric(78)" "text" "boolean"
 * "numeric(78)[]" "jsonb". */
void abi_pg_type(struct buf *b, const struct abi_param *p);
/* "token_id" of "_tokenId": snake case, no leading underscores (model A5), "field" where only those are; the
 * caller settles clashes. size > 1; what does not fit is cut. */
void abi_snake(char *out, size_t size, const char *name);

/* A revert's data in words: "InvalidTokenId()", "Error: text", "Panic 0x11: arithmetic overflow", "0x1234abcd
 * (unknown error)", or "reverted without a reason". entries: errors that may be named. */
void abi_revert_text(struct buf *b, const struct abi_entry *entries, size_t n, struct bytes data);

#endif
