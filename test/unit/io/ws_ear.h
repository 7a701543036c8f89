/* ws_ear: what a test heard of its ws: how often, the last message, and why it ended. */
#ifndef FAIRLEAD_TEST_WS_EAR_H
#define FAIRLEAD_TEST_WS_EAR_H

#include "common/io/ws.h"

static int opened, closed, messages;
static struct buf heard;
static struct err why;

static void on_open(void *arg)
{
	(void)arg;
	opened++;
}
static void on_piece(void *arg, struct str piece, bool first, bool last)
{
	(void)arg;
	if (first)
		buf_clear(&heard);
	buf_str(&heard, piece);
	messages += last;
}
static void on_close(void *arg, const struct err *e)
{
	(void)arg;
	closed++;
	why = *e;
}
static const struct ws_events events = {.on_open = on_open, .on_piece = on_piece, .on_close = on_close};

#endif
