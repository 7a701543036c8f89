/* answer: what a node's word about our signed bytes means, by its shape. Pure.
 *
 * Nothing a node says here is proof of anything (INV-6): the worst that a wrong reading costs is a send too
 * many of bytes that stand in PostgreSQL. So wordings are matched loosely, and what is not known is UNKNOWN,
 * which is safe. */
#ifndef FAIRLEAD_SUBMITTER_ANSWER_H
#define FAIRLEAD_SUBMITTER_ANSWER_H

#include "common/base/str.h"

#include <stdbool.h>

enum answer {
	ANSWER_UNKNOWN,   /* no answer, or one that says nothing about the transaction: it may be in the pool */
	ANSWER_ACCEPTED,  /* the pool took it now */
	ANSWER_KNOWN,     /* it had it already */
	ANSWER_NONCE_LOW, /* the account's count has passed it: somebody's transaction with this nonce is mined */
	ANSWER_UNDERPRICED, /* too cheap for the pool, or for the replacement it is */
	ANSWER_FUNDS,       /* the account can't pay for it */
	ANSWER_NONCE_HIGH,  /* refused because a lower nonce is missing */
	ANSWER_REFUSED,     /* another refusal by the node itself, in words that we know */
};
/* code, message: of the JSON-RPC error. Words that are not known here are UNKNOWN. */
enum answer answer_of_error(int code, struct str message);
/* json: the raw result. ACCEPTED only where it is the hash of what was sent: a node, or what stands between,
 * that answers with another hash, with none or with something else took in we don't know what. */
enum answer answer_of_result(struct str json, const uint8_t hash[32]);
/* Is it a node that has no time, rather than one that has something against what was asked? */
bool answer_is_about_the_node(int code, struct str message);
const char *answer_name(enum answer a); /* "accepted" …: what PostgreSQL stores */

/* Is this error about the way the block was named (EIP-1898's object is not known there), rather than about
 * the call? */
bool answer_is_block_form(int code, struct str message);
/* Is it about size or gas, so that a smaller transaction may do? */
bool answer_is_too_big(int code, struct str message);

#endif
