/* refusal: what kind of "no" an endpoint's answer is. Pure.
 *
 * Known by its shape: an HTTP status, an error code of JSON-RPC, and which words stand near which numbers in
 * the message, the data or an HTML page. No sentence is known by heart: they differ by provider and change
 * each year. So a verdict is a guess with a reaction, and numbers in it are proposals: learner.h verifies
 * them by trying.
 *
 * Not here: whether an answer that was given is true (the caller says REFUSAL_INCONSISTENT by itself). */
#ifndef FAIRLEAD_LISTENER_REFUSAL_H
#define FAIRLEAD_LISTENER_REFUSAL_H

#include "common/base/err.h"
#include "common/base/str.h"

enum refusal {
	REFUSAL_NONE,
	REFUSAL_RANGE,        /* more blocks at once than it ever allows */
	REFUSAL_DENSITY,      /* more logs, bytes or work in these blocks than it gives at once */
	REFUSAL_TIMEOUT,      /* it, or we, stopped waiting */
	REFUSAL_RATE,         /* asked too often, or beyond what is paid for */
	REFUSAL_HEAD,         /* it does not have that block yet */
	REFUSAL_PRUNED,       /* it does not have that block, or its logs or state, any more */
	REFUSAL_INCONSISTENT, /* its answers contradict each other or themselves; never a result of refusal_class
						   */
	REFUSAL_BATCH,        /* too many calls, or bytes, in one request; or no batches at all */
	REFUSAL_FILTER,       /* too many addresses or topics in one position (R7) */
	REFUSAL_METHOD,       /* it does not serve this method */
	REFUSAL_OTHER,        /* transport, 5xx, no right to ask, anything unknown */
	REFUSAL_KINDS
};
const char *refusal_name(enum refusal r); /* "range cap" …: for people and metrics' labels */

/* What came back, and what had been asked. Slices are borrowed for the call. */
struct refusal_view {
	long http_status;        /* 0: none (WebSocket, or nothing came) */
	uint64_t retry_after_ms; /* of the header; 0: none */
	bool have_answer;        /* code, message and data are those of a JSON-RPC error object */
	int code;
	struct str message;   /* unescaped */
	struct str data;      /* raw JSON, or empty */
	struct str body;      /* of a reply that is no JSON-RPC (HTML, text), its beginning at least; or empty */
	enum err_class class; /* of the exchange when there is no answer */
	bool timed_out;       /* our own patience ended */
	bool too_big;         /* our own limit of bytes a reply was reached */
	/* the context of what is ambiguous */
	int calls;        /* calls in the request; 0 counts as 1 */
	bool has_asked;   /* it was about the logs of blocks from..to, inclusive */
	int64_t from, to; /* else -1, or the block that was asked about in both */
};

struct refused {
	enum refusal class;
	bool has_range; /* it proposes from..to, which lies inside what was asked and is less than that */
	int64_t from, to;
	bool has_most;           /* it says how many blocks a request may span, */
	int64_t most_blocks;     /* which is at least 1 and less than what was asked */
	int64_t most_results;    /* logs it gives at most; 0: not said */
	int64_t oldest;          /* PRUNED: the first block that it says to have; -1: not said */
	int64_t most_calls;      /* BATCH: calls a request; FILTER: entries a position; 0: not said */
	uint64_t retry_after_ms; /* by header or words; 0: not said */
};

/* Never REFUSAL_NONE, never REFUSAL_INCONSISTENT. Reads at most the first 4 KiB of each text. */
void refusal_class(struct refused *out, const struct refusal_view *v);

#endif
