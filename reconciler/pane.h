/* pane: a section of the page as plain lines for a terminal, made from the same JSON: the same words at both
 * places. Pure. */
#ifndef FAIRLEAD_RECONCILER_PANE_H
#define FAIRLEAD_RECONCILER_PANE_H

#include "reconciler/view.h"

/* json: {"parked":…}, {"chains":…}, {"signers":…}, or a story. Lines of view.h's pane. */
void pane_of(struct buf *out, enum view_section section, struct str json, int64_t now_ms, bool utf8);

#endif
