/* hand_in: the hand's inside, shared by hand*.c alone. */
#ifndef FAIRLEAD_SUBMITTER_HAND_IN_H
#define FAIRLEAD_SUBMITTER_HAND_IN_H

#include "common/base/backoff.h"
#include "submitter/hand.h"
#include "submitter/keyfile.h"

enum { HAND_ACCOUNTS_MAX = 1024 }; /* that one program or server names */
enum hand_phase {
	HAND_OPENS, /* its address, or that it signs for it, is being asked */
	HAND_READY,
	HAND_RESTS,   /* something failed; asks again when the rest is over */
	HAND_REFUSED, /* waits for a person, and its end */
};
/* How to talk to one kind of program or server. Nothing here calls back before it returns. */
struct transport {
	const char *what; /* "the program that signs" */
	size_t most;      /* questions in flight */
	bool names_final; /* an account that it does not name is a mistake of a person, not a matter of time */
	void (*ask_accounts)(struct hand *h);
	void (*begin)(struct hand *h); /* h->q is a new request */
	void (*ask_sign)(struct hand *h, size_t i);
	/* what is in flight is no longer wanted; suspect: the other side itself is to be started or connected
	 * anew */
	void (*drop)(struct hand *h, bool suspect);
	void (*close)(struct hand *h);
};
struct hand_request {
	struct arena *a;
	struct signing *list;
	size_t n, left, flying, limit;
	uint8_t *state; /* of each: enum in hand_remote.c */
	hand_done done; /* NULL: there is none */
	void *arg;
};
struct opening; /* a keystore on its thread */
struct hand {
	struct hand_options o;
	struct hand_events ev;
	char name[64];
	enum hand_phase phase;
	bool known, closed;
	uint8_t address[20];
	timer_fn on_ready;
	void *on_ready_arg;
	struct key *key; /* ENVIRONMENT, FILE: owned */
	struct opening *opening;
	/* EXEC, WEB3SIGNER */
	const struct transport *io;
	void *side;      /* the transport's own; its close frees it */
	bool identified; /* since it was started or connected it has named our account */
	struct hand_request q;
	struct timer *patience, *rest;
	struct backoff backoff;
	char trouble[300];
	uint64_t since_ms; /* of trouble */
};

/* hand_exec.c, hand_web3.c: sets io and side. false: *e */
bool hand_exec_open(struct hand *h, struct err *e);
bool hand_web3_open(struct hand *h, struct err *e);

/* hand_remote.c. What a transport heard: never from inside its ask_* or drop. */
void remote_open(struct hand *h);
void remote_sign(struct hand *h, struct arena *a, struct signing *list, size_t n, hand_done done, void *arg);
void remote_close(struct hand *h);
void remote_accounts(struct hand *h, const uint8_t (*list)[20], size_t n);
void remote_signature(struct hand *h, size_t i, struct str hex);
void remote_raw(struct hand *h, size_t i, struct str hex);
void remote_throttled(struct hand *h, size_t i, uint64_t wait_ms); /* 0: as long as we like */
void remote_failed(struct hand *h, const struct err *e, bool suspect);
void hand_refuse(struct hand *h, const struct err *e);
void hand_become_ready(struct hand *h);

#endif
