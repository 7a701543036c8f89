/* clang-format off */
/*~ fairlead-submitter: read this third, behind the batcher.
 *
 * The submitter turns ready batches into transactions, each exactly once. For each signer of the file one
 * process of the fleet holds the lane (chain id, address), with a lease and an epoch (INV-8:
 * common/fleet/lease.h); the others stand by.
 *
 *   feed.c, group.c     PostgreSQL's ready batches → a group
 *        │
 *   intake.c            is it done already (S7), does it succeed now, with how much gas (S5)?
 *   ask.c, bundle.c     as requests to the node; poison.c: which item makes a batch fail (S6)
 *        │
 *   sign.c              nonces, prices (price.c), signed bytes in memory → ONE commit with their item
 *        │              sets (INV-5, common/ledger/slots.h); no byte has left
 *   cast.c              committed bytes → the node, in nonce order; what it says is noted and never
 *        │              believed (answer.c)
 *   look.c, proof.c     heads, prices (quote.c), the account's count → receipts → verdicts with their block's
 *                       hash (INV-7), then the bell on Redis
 *   inquest.c, trace.c  a nonce that is used and has no receipt: who used it, proved by a final block (S2)
 *
 * Three groups are on their way at once: one is asked while the last one commits and the one before leaves.
 * slot.c is the heart: the life of a nonce, with what PostgreSQL, the chain and the mempool hold in each
 * phase; change.c makes its next attempt (S3). plan.c says what a lane does next; sender.c asks it after every
 * callback and is the only one that starts i/o. A slot is closed by final blocks, by the reconciler, and
 * forgotten here then; one whose nonce something else consumed is closed here, with its proof.
 *
 * Whatever fails is tried again with growing gaps (INV-11). Whatever is not known is read again from
 * PostgreSQL: after a crash, a lost connection or a lost lane, open.c loads the open slots and their stored
 * bytes leave again, unchanged (INV-6).
 *
 * A good first hour: slot.c and test/unit/submitter/test_slot.c; break a number there and run
 * `make test ONLY=submitter/slot`. */
/* clang-format on */
#include "submitter/run.h"

int main(int argc, char **argv)
{
	return submitter_main(argc, argv);
}
