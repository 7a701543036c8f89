/* topics_in: what topics.c (the hub), topics_sent.c (a message) and topics_say.c (the words of a peer) share;
 * nobody else includes it.
 */
#ifndef FAIRLEAD_SERVE_TOPICS_IN_H
#define FAIRLEAD_SERVE_TOPICS_IN_H

#include "common/base/mem.h"
#include "reconciler/serve/topics.h"

struct sent { /* one message, as the hub keeps it */
	int64_t seq;
	struct str topic, data;
	struct buf json;
	void *encoded[HUB_KINDS];
	const struct hub_kind *kinds[HUB_KINDS]; /* who made them */
	size_t bytes;
};
struct sub { /* one subscription */
	struct sub *next;
	struct hub_peer *peer;
	const char **topics; /* own memory, one block with the words of where */
	size_t ntopics;
	struct message_where *where;
	size_t nwhere;
	bool live;
	bool confirmed;    /* the peer knows that it stands */
	bool waits;        /* in the row for a read */
	int64_t cursor;    /* behind: everything up to here is sent */
	struct sub *after; /* in that row */
};
struct hub_peer {
	struct hub_peer *prev, *next;
	struct hub *hub;
	const struct ws_decl *path;
	const struct hub_kind *kind;
	void *arg;
	struct sub *subs;
	size_t nsubs;
	bool closed; /* left, or closed by us: it is freed when nothing of ours is on the stack */
};
struct hub {
	struct hub_options o;
	int64_t newest, oldest;
	struct sent *ring[HUB_RING]; /* numbers newest - count + 1 … newest */
	size_t first, count, bytes;
	struct hub_peer *peers;
	size_t npeers;
	struct sub *row, **row_end; /* waiting for a read, in order */
	struct sub *reading;        /* whose read is out; NULL with is_reading: it has gone */
	bool is_reading;
	struct hub_read read;
	int deep;    /* calls of ours on the stack */
	size_t gone; /* peers that are closed and not freed */
	struct arena mem;
};

/* topics_sent.c */
struct sent *sent_new(const struct message *m);
void sent_free(struct sent *s); /* NULL: nothing */
/* Made once a kind, for the first peer that gets it. */
void *sent_encoded(struct sent *s, const struct hub_kind *k);
bool sent_is_for(const struct sent *m, const struct sub *s);
bool path_may(const struct ws_decl *path, struct str topic); /* does it carry the topic? */

/* topics.c */
void hub_enter(struct hub *h);
void hub_exit(struct hub *h);                               /* frees the peers that went meanwhile */
void peer_text(struct hub_peer *p, const struct buf *json); /* an answer to this peer alone */
struct sub *sub_add(struct hub_peer *p, const struct hub_want *want);
void sub_drop(struct sub *s);
void sub_go_on(struct sub *s);

/* topics_say.c */
void say_subscribed(struct sub *s);
void say_not_there(struct sub *s); /* it asked for what is gone, or for what never was */

#endif
