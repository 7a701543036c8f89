/*~ fairlead-listener: read this first, then hop on.
 *
 * The listener turns a chain into rows. For each chain of the file one process of the fleet is the leader (a
 * lane with a lease and an epoch, INV-8: common/fleet/lease.h); the others stand by.
 *
 *   heads (common/io/heads.h)   a bell: some block number is out there. Never a fact.
 *        │
 *   plan.c                      what to read next: one block by hash, some blocks by hash, or a range below
 * the window │ fetch.c                     asks the node, and says what of its answer counts (CHAIN.md's R1,
 * R2, R5) │ rows.c                      logs → typed rows, numbered in chain order (INV-2, INV-3) │ store.c
 * ONE commit: blocks, events, cursor (INV-1, INV-9); then, and only then, the bell on Redis
 *
 * reader.h names every phase that this walk can be in; reader.c moves between them. When a block does not
 * link to its parent, reorg_look looks at the whole window twice, window.c finds the common ancestor, and
 * store_retract takes the old branch back. Whatever fails is tried again with growing gaps, and starts from
 * what PostgreSQL says (INV-11).
 *
 * A good first hour: plan.c and test/unit/listener/test_plan.c; break a number there and run `make test
 * ONLY=test_plan`. */
#include "listener/run.h"

int main(int argc, char **argv)
{
	return listener_main(argc, argv);
}
