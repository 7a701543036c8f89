/* topics: the hub: who subscribed to what, and what each is still to be sent. Pure: messages, words of peers
 * and the readiness of their lines go in; frames, and questions for the log of messages, come out.
 *
 * A peer is a WebSocket or a stream of server-sent events; the hub knows it by its kind (hub_kind). Each
 * subscription is live (it gets what comes) or behind (it resumes: from the ring of recent messages, or from
 * PostgreSQL by pages); it becomes live at the number where the ring ends, so that nothing is missed and
 * nothing comes twice. A message is encoded once a kind of peer, however many get it (INV-10: the ring, the
 * subscriptions of a peer and what waits in its line are bounded). */
#ifndef FAIRLEAD_SERVE_TOPICS_H
#define FAIRLEAD_SERVE_TOPICS_H

#include "common/ledger/messages.h"

enum {
	HUB_KINDS = 2,               /* kinds of peers: 0 and 1 */
	HUB_RING = 1024,             /* recent messages that are kept, and */
	HUB_RING_BYTES = 4 << 20,    /* how much of them */
	HUB_SUBSCRIPTIONS = 32,      /* of a peer */
	HUB_WORDS = 64,              /* topics, and values of where, of a subscription */
	HUB_PAGE = 200,              /* messages a read of PostgreSQL */
	HUB_PAUSE_BYTES = 256 << 10, /* more than this in a peer's line: what is behind waits; */
	HUB_SLOW_BYTES = 1 << 20     /* more than this when a message comes: the peer is closed */
};

struct hub_text { /* one frame before it is encoded */
	int64_t seq;  /* 0: an answer to this peer alone */
	struct str topic, json;
};
struct hub_kind {
	int index;                                    /* 0, 1 */
	void *(*encode)(const struct hub_text *text); /* as it leaves to every peer of the kind */
	void (*drop)(void *encoded);
	void (*send)(void *peer, void *encoded); /* keeps what it needs of it; calls nothing of the hub */
	size_t (*unsent)(const void *peer);      /* bytes that its line has not taken */
	/* The last word to it. The hub has forgotten it and calls no more. code: RFC 6455 section 7.4 */
	void (*close)(void *peer, int code, const char *reason);
	/* It can't be told to ask otherwise (a stream): what is no longer there is said, and it goes on behind it
	 */
	bool goes_on;
};

struct hub;
struct hub_peer;
struct hub_read { /* a question for the log: messages with after < seq ≤ upto that pass, HUB_PAGE at most */
	int64_t after, upto;
	struct message_filter filter;
};
struct hub_options {
	const struct config *config;
	/* One at a time; answered by hub_page or hub_page_failed, later. r and its words live for the call only
	 */
	void (*read)(void *arg, const struct hub_read *r);
	void *arg;
};
struct hub *hub_new(const struct hub_options *o);
void hub_free(struct hub *h); /* no peers are left (hub_close_all) */

/* Before the first hub_ends: the last messages up to its newest, in order, for the ring: who comes back after
 * a restart is not read for one by one. */
void hub_recent(struct hub *h, const struct message *m);
/* The log's newest number and its oldest message, as they are now. Until the first call peers wait. A newest
 * that went back (a database that lost commits): the ring is emptied, all go on from there. */
void hub_ends(struct hub *h, int64_t newest, int64_t oldest);
int64_t hub_newest(const struct hub *h); /* -1: not known yet */
/* What follows newest is all that can be read: who was live may have missed something, and resumes. */
void hub_skip(struct hub *h, int64_t newest);
/* The next message of the log: its number is hub_newest() + 1. */
void hub_message(struct hub *h, const struct message *m);
/* The answer to read: n messages in order, and the oldest that is left. */
void hub_page(struct hub *h, const struct message *list, size_t n, int64_t oldest);
void hub_page_failed(struct hub *h); /* PostgreSQL was not there: asked again by hub_go_on */
/* Now and then: who was behind or waited for its line goes on. Whether one still is. */
bool hub_go_on(struct hub *h);

/* A peer came in by this path. */
struct hub_peer *hub_join(struct hub *h, const struct ws_decl *path, const struct hub_kind *kind, void *peer);
void hub_say(struct hub_peer *p, struct str text); /* what it said: one JSON object */
struct hub_want {                                  /* the same as words of a URL */
	const char *const *topics;
	size_t ntopics;
	const struct message_where *where;
	size_t nwhere;
	int64_t from; /* -1: from now on */
};
/* Does the path carry all of these topics, in whole or in part? false: *e says which it does not. */
bool hub_may(const struct ws_decl *path, const struct hub_want *want, struct err *e);
/* false: *e says what is wrong with it, for the peer. */
bool hub_subscribe(struct hub_peer *p, const struct hub_want *want, struct err *e);
void hub_leave(struct hub_peer *p); /* it is gone; p is freed */
/* Every peer is closed, with 1001 and this reason. */
void hub_close_all(struct hub *h, const char *reason);
size_t hub_peers(const struct hub *h);

/* Of a topic and one that was asked for: is it meant? One that ends in * is a beginning. */
bool topic_matches(const char *want, struct str topic);

#endif
