/* provider's own: the struct behind provider.h, shared by provider.c (how it went), provider_pick.c (who is
 * asked), provider_ident.c (which chain it is, heads, rest and return) and provider_show.c (rows, metrics,
 * /status).
 */
#ifndef FAIRLEAD_LISTENER_PROVIDER_IN_H
#define FAIRLEAD_LISTENER_PROVIDER_IN_H

#include "common/base/backoff.h"
#include "common/io/endpoint.h"
#include "common/io/metrics.h"
#include "listener/provider.h"

enum {
	PROVIDER_ROW = 2,             /* failures in a row: then it rests */
	PROVIDER_ROW_SLOW = 4,        /* the same, where they were ranges that took too long */
	PROVIDER_SHAKY_MS = 1000,     /* after one failure others are asked first for so long */
	PROVIDER_LIED_MS = 60000,     /* the same after a lie, doubled by each further one */
	PROVIDER_WAITS_MS = 50,       /* who has to wait longer than that is asked behind others */
	PROVIDER_NEAR_OFF_MS = 60000, /* so long nothing is asked over a socket that did not answer */
	PROVIDER_NEAR_DOUBLED = 6,    /* times: an hour */
};

struct provider_ask { /* a question of ours that is out; p is NULL when nobody wants the answer any more */
	struct provider *p;
	struct u256 network;
	uint64_t sent_ms;
};

struct provider {
	struct providers *ps;
	const struct endpoint_decl *decl;
	int place; /* 1, 2, … in the file */
	char name[ENDPOINT_NAME], host[256];
	struct rpc *rpc;
	struct heads *heads;
	bool ws_here;               /* its ws: is on the same host */
	uint64_t near_off_until_ms; /* questions over it came to nothing of late, */
	uint32_t near_failures;     /* so many in a row */
	struct learner learner;
	enum provider_state state;
	struct provider_ask *ask;
	struct {
		bool asked, given; /* it answered or failed in this term; it said: */
		struct provider_identity id;
	} vote;
	struct timer *timer; /* the next probe */
	struct backoff backoff;
	uint32_t row; /* failures in a row */
	uint32_t in_flight;
	bool was_full;     /* somebody waits for room */
	uint64_t since_ms; /* while something is in flight: the last answer, or when there was nothing yet */
	uint64_t shaky_until_ms, lied_until_ms;
	uint64_t urgent_until_ms; /* an urgent question waits for its rate: others wait behind it */
	uint64_t buried_probe_ms; /* when it was last tried below what it is known to have */
	uint64_t order;           /* when it was picked last: each in turn */
	bool no_receipts;
	uint64_t latency_us, jitter_us; /* smoothed as RFC 6298 does; 0: unknown */
	uint64_t requests, failures, lies;
	uint64_t told_requests, told_failures, told_lies, saving[3]; /* stored, and on their way there */
	uint64_t seen_version, saving_version; /* of the learner: stored, and on its way there */
	char error[320], excluded_for[320];
	struct metric *m_head, *m_lag, *m_latency, *m_requests, *m_lies, *m_range, *m_state;
	struct metric *m_failed[REFUSAL_KINDS]; /* made with the first of a kind */
};

struct providers {
	struct loop *loop;
	const struct chain_decl *chain;
	struct provider_events ev;
	struct provider *all;
	size_t n;
	struct provider_identity id;
	char *logs;
	bool begun;
	uint64_t picks;
	bool changed, saving; /* something worth storing; a save is on its way */
	uint64_t saved_ms;
	struct timer *elect;         /* when votes are counted without those who are silent */
	struct timer *later;         /* on_state in the next turn */
	char why[320], why_all[640]; /* of the last pick; of all, when none is well */
};

/* provider.c: the one place that changes state; says it, counts it, tells the owner in a later turn */
void provider_enter(struct provider *p, enum provider_state s, const char *why);
void provider_tell(struct providers *ps); /* on_state in a later turn */
void provider_took(struct provider *p, uint64_t took_us);
void provider_note(struct provider *p, enum refusal class, const char *text);

/* provider_pick.c */
bool provider_is_full(const struct provider *p); /* as many are in flight as may be */
bool provider_is_late(const struct provider *p); /* something is in flight, and nothing came for too long */

/* provider_ident.c */
void provider_ident(struct provider *p); /* asks which chain it is; ends in provider_enter */
void provider_rest(struct provider *p, const char *why);
void provider_hear(struct provider *p, bool on); /* heads */
void provider_exclude(struct provider *p, const char *why);
/* Well if what it said is of that chain, else excluded. */
void provider_judge(struct provider *p, const struct provider_identity *id);

/* provider_elect.c: while it is not known which chain it is. id: what p says, NULL: it failed to. More than
 * half of all decide at once; when all were asked, or some are silent for long, more than half of those who
 * spoke. Where there is no such half they are excluded, and say why. Ends in provider_judge or
 * provider_exclude; at once where it is known. */
void provider_votes(struct provider *p, const struct provider_identity *id);

/* provider_show.c */
void provider_metrics(struct provider *p); /* made or brought up to date */

#endif
