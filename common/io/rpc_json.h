/* rpc_json: finds each call's answer in the body of a JSON-RPC 2.0 reply. Pure. (yajl)
 *
 * The body is fed in the pieces in which it arrives; it is scanned once and no tree is built. Kept is the raw
 * text of the results and errors alone; one streamed result is told as it passes and not kept. What a result
 * means is not looked at; that the whole body is well-formed JSON is. */
#ifndef FAIRLEAD_IO_RPC_JSON_H
#define FAIRLEAD_IO_RPC_JSON_H

#include "common/base/mem.h"
#include "common/io/rpc.h"

enum { RPC_JSON_HEAD = 4096 };
struct rpc_json;
/* The calls asked had the ids first_id … first_id + calls - 1. */
struct rpc_json *rpc_json_new(uint64_t first_id, int calls);
/* Before the first feed: rpc_stream. */
void rpc_json_stream(struct rpc_json *j, int call, const struct sax *sax, void *ctx);
/* Reads the next piece, which is the caller's and not needed behind this. false: this body can't become a
 * JSON-RPC reply; more is looked at for its head alone. */
bool rpc_json_feed(struct rpc_json *j, struct str piece);
void rpc_json_stop(struct rpc_json *j);             /* from inside a sax function: no other runs any more */
bool rpc_json_unwanted(const struct rpc_json *j);   /* a sax function said false */
size_t rpc_json_kept(const struct rpc_json *j);     /* bytes in memory */
struct str rpc_json_head(const struct rpc_json *j); /* the first RPC_JSON_HEAD bytes of the body */
/* The body is complete. true: answers[0 … calls-1] are filled; their slices lie in the parser and in the
 * arena. false: *e (malformed) says what the body is, as the end of a sentence: "… answered <text>". */
bool rpc_json_end(struct rpc_json *j, struct arena *a, struct rpc_answer *answers, struct err *e);
void rpc_json_free(struct rpc_json *j);

/* The error object of JSON-RPC 2.0 section 5.1; some nodes send a bare string in its place. *out: not ok,
 * with what of code, message (the arena's) and data (raw's) stands there. */
void rpc_json_error(struct rpc_answer *out, struct arena *a, struct str raw);

#endif
