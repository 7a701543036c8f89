/*~ fairlead-reconciler: read this last.
 *
 * The reconciler sees to it that what the others began comes to an end. One process of the fleet leads lane
 * `clock`; the others stand by.
 *
 *   results:<chain>, or a look once a second
 *        │
 *   settle.c    closes slots that FINAL blocks decided (S1, INV-7): items are done, or free for another
 * batch; rings again │      what Redis lost (stall.c, INV-1); keeps blocks of receipts; prunes compare.c
 * rules with every: rows against the chain, asked at two blocks, fixed only when sure (diff.c, S8) due.c when
 * such a rule runs
 *
 * It also listens on serve.listen, with the health names of the file, and shows the fleet in a terminal:
 * top.c. */
#include "reconciler/run.h"

int main(int argc, char **argv)
{
	return reconciler_main(argc, argv);
}
