/* wspeer_in: what wspeer (a peer's life) and wspeer_read (its frames in) share. */
#ifndef FAIRLEAD_IO_WSPEER_IN_H
#define FAIRLEAD_IO_WSPEER_IN_H

#include "common/io/http_due.h"
#include "common/io/wspeer.h"

#include <wslay/wslay.h>

enum { WSPEER_CONTROL_MOST = 125 };

/* Reads the frames of one peer. Lent while a frame is under way, so that idle peers have none. */
struct wspeer_reader {
	struct wspeer_reader *next;
	wslay_frame_context_ptr frames;
	const uint8_t *in; /* bytes that wslay has not taken yet */
	size_t in_n;
	uint64_t begun, whole; /* bytes given to wslay · bytes of them that were frames it told of */
	uint64_t left;         /* of the frame's payload */
	bool within;           /* a frame: its head is known */
	uint8_t opcode, fin;   /* of it */
	uint8_t control[WSPEER_CONTROL_MOST]; /* its payload, if it is a control frame */
	size_t control_n;
};
struct wspeer_readers {
	struct wspeer_reader *spare;
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
	struct wspeer_reader *reader; /* NULL: between frames */
	struct buf message;           /* fragments of a text that has not ended */
	struct http_due due;          /* of the next ping, the pong, or the goodbye */
	void *data;
	const char *why;
	uint32_t rtt_us; /* UINT32_MAX: none yet */
	uint16_t code;
	uint8_t phase; /* enum wspeer_phase */
	bool in_text;  /* fragments are under way */
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
