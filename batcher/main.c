/*~ fairlead-batcher: read this second, behind the listener.
 *
 * The batcher turns the log of events into rows of your tables and into items, and items into batches. All
 * data work is done by PostgreSQL: the rules of the file are compiled to one PL/pgSQL function a lane
 * (common/ledger/compile.h), and a run of events is one call, in one transaction with the cursor (INV-3).
 *
 *   bell on <name>:events:<chain> (common/bus/bus.h), or a look once a second
 *        │
 *   applier.c    what is next: ten kinds of work, one in flight, each one unit of work.c
 *        │
 *   work.c       apply a run → items → cut
 *   bury.c       poison is tried three times, alone, then put aside (A8)
 *        │
 *   cut.c        when waiting items become a batch: max, wait, pause. Pure: start reading the tests here
 *        │
 *   bell on <name>:sends:<signer>, after COMMIT (INV-1)
 *
 * reload.c keeps look-up files (tokenMapping.json) in step with their tables; a broken file never replaces a
 * good table. */
#include "batcher/run.h"

int main(int argc, char **argv)
{
	return batcher_main(argc, argv);
}
