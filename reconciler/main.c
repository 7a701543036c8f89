/*~ fairlead-reconciler: read this last.
 *
 * The reconciler sees to it that what the others began comes to an end. One process of the fleet leads lane
 * `clock`; the others stand by. run.c holds it and says what is next.
 *
 *   bell on <name>:results:<chain>, or a look once a second
 *        │
 *   settle.c      closes slots that FINAL blocks decided (S1, INV-7): items are done, or free
 *        │        for another batch; rings again what Redis lost (stall.c, INV-1); prunes
 *   compare.c     rules with every: rows against the chain, asked at two blocks, fixed only
 *                 when sure (diff.c, S8); due.c says when such a rule runs
 *
 * It also listens on serve.listen, with the health names of the file, and shows the fleet in a terminal:
 * top.c asks, view.c and view_lives.c draw. view.c is pure: begin with test/unit/reconciler/test_view.c. */
#include "reconciler/run.h"

int main(int argc, char **argv)
{
	return reconciler_main(argc, argv);
}
