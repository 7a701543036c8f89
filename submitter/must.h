/* must: the signer's own condition, as the chain answers it (K-60): at start, where it decides whether
 * anything is signed, and again whenever every item of a batch fails alike (S6), where it says why. */
#ifndef FAIRLEAD_SUBMITTER_MUST_H
#define FAIRLEAD_SUBMITTER_MUST_H

#include "common/io/rpc.h"

struct sender;
enum { MUST_TEXT = 600 };
enum must_answer {
	MUST_HOLDS,
	MUST_FAILS,   /* as the chain says it: why has what was found and what was wanted */
	MUST_UNKNOWN, /* no answer that says anything: why has what came */
};
/* One eth_call more in r. block: as params name it. Only where the signer has a must: */
void must_put(struct sender *s, struct rpc_request *r, const char *block);
enum must_answer must_judge(struct sender *s, const struct rpc_answer *a, char why[MUST_TEXT]);

/* A lane is blocked: must is asked at the known head, once a head; what it says stands in s->blocked_must. */
void must_ask(struct sender *s);

#endif
