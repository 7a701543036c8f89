/* span_in: what span.c (the question and its answers) and span_logs.c (one log after the other) share. */
#ifndef FAIRLEAD_LISTENER_SPAN_IN_H
#define FAIRLEAD_LISTENER_SPAN_IN_H

#include "listener/span.h"

/* A log of the answer to that request of the plan. Checked (P11), then encoded at once, or gathered. false:
 * s->outcome and s->why say what is wrong. */
bool span_take_log(struct span *s, size_t request, struct log *l);
/* What was gathered, as one answer: sorted, each once, identified and encoded in chain order. false: as
 * above. */
bool span_settle(struct span *s);

#endif
