/*~ fairlead-listener: read this first, then hop on.
 *
 * The listener turns a chain into rows. For each chain of the file one process of the fleet is the leader (a
 * lane with a lease and an epoch, INV-8: common/fleet/lease.h); the others stand by.
 *
 *   common/io/heads.h   a bell: some block number is out there; never a fact
 *        │
 *   plan.c, range.c     what is read next: one block or some by hash, or a range below the window
 *        │
 *   fetch.c             asks the node, and says what of its answer counts (R1, R2)
 *        │
 *   rows.c              logs → typed rows, numbered in chain order (INV-2, INV-3)
 *        │
 *   store.c             ONE commit: blocks, events, cursor (INV-1, INV-9); only then the bell
 *
 * reader.h names every phase that this walk can be in; reader.c moves between them. When a block does not
 * link to its parent, reorg.c looks at the whole window twice, window.c finds the common ancestor, and
 * store_retract takes the old branch back. final.c says which block is final (R5). Whatever fails is tried
 * again with growing gaps, and starts from what PostgreSQL says (INV-11).
 *
 * What the letters mean (INV-1, R5, S3, P10): common/RULES.md.
 *
 * A good first hour: plan.c and test/unit/listener/test_plan.c; break a number there and run
 * `make test ONLY=listener/plan`. */
#include "listener/run.h"

int main(int argc, char **argv)
{
	return listener_main(argc, argv);
}
