/* rpc_json: finds each call's answer in the body of a JSON-RPC 2.0 reply, as spans of the raw text. Pure.
 * (yajl)
 *
 * The body is fed in the pieces in which it arrives and no tree is built: the cost is one scan. What a result
 * means is not looked at; that the whole body is well-formed JSON is. */
#ifndef FAIRLEAD_IO_RPC_JSON_H
#define FAIRLEAD_IO_RPC_JSON_H

#include "common/base/mem.h"
#include "common/io/rpc.h"

struct rpc_json;
/* The calls asked had the ids first_id … first_id + calls - 1. body is the caller's and outlives the parser;
 * it may grow and move between two feeds. */
struct rpc_json *rpc_json_new(const struct buf *body, uint64_t first_id, int calls);
/* Reads what body holds behind the last feed. false: this body can't become a JSON-RPC reply; more is not
 * needed. */
bool rpc_json_feed(struct rpc_json *j);
/* The body is complete. true: answers[0 … calls-1] are filled; their slices lie in body and in the arena.
 * false: *e (malformed) says what the body is, as the end of a sentence: "… answered <text>". */
bool rpc_json_end(struct rpc_json *j, struct arena *a, struct rpc_answer *answers, struct err *e);
void rpc_json_free(struct rpc_json *j);

#endif
