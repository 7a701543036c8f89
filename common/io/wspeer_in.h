/* wspeer_in: what wspeer (a peer's life) and wspeer_read (its frames in) share. */
#ifndef FAIRLEAD_IO_WSPEER_IN_H
#define FAIRLEAD_IO_WSPEER_IN_H

#include "common/io/http_due.h"
#include "common/io/ws_frames.h"
#include "common/io/wspeer.h"

enum { WSPEER_SPARES_MOST = 64 };

/* Readers are lent while a message is under way, so that idle peers have none. */
struct wspeer_readers {
	struct ws_frames *spare[WSPEER_SPARES_MOST];
	int spares;
};

enum wspeer_phase {
	WSPEER_OPEN,
	WSPEER_CLOSING, /* we said goodbye, the peer has not */
	WSPEER_DONE,    /* the stream is no longer ours; on_gone is due */
};
struct wspeer {
	struct wspeers *set;
	struct wspeer *prev, *next;
	struct http_stream *stream;
	struct ws_frames *reader; /* NULL: between messages */
	struct buf message;       /* fragments of a text that has not ended */
	struct http_due due;      /* of the next ping, the pong, or the goodbye */
	void *data;
	const char *why;
	uint32_t rtt_us; /* UINT32_MAX: none yet */
	uint16_t code;
	uint8_t phase; /* enum wspeer_phase */
	bool awaits_pong;
};
struct wspeers {
	struct loop *loop;
	struct wspeers_options o;
	struct wspeer *peers;
	int count, laters;
	struct http_dues pings, pongs, goodbyes;
	struct timer *timer;
	uint64_t timer_at; /* 0: off */
	struct wspeer_readers readers;
	bool closed;
};

/* wspeer */
void wspeer_control(struct wspeer *p, uint8_t opcode, struct str payload);
void wspeer_fail(struct wspeer *p, int code, const char *why); /* says goodbye and waits for none */
void wspeer_heard(struct wspeer *p);
void wspeer_heard_pong(struct wspeer *p, struct str payload);
void wspeer_heard_text(struct wspeer *p, struct str text);
void wspeer_heard_close(struct wspeer *p, struct str payload);

/* wspeer_read */
void wspeer_read(struct wspeer *p, const uint8_t *bytes, size_t n);
void wspeer_read_end(struct wspeer *p); /* gives back what is lent */
void wspeer_readers_fini(struct wspeer_readers *r);

#endif
