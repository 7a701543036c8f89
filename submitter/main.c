/* clang-format off */
/*~ fairlead-submitter: read this first, then hop on.
 *
 * The submitter turns ready batches into transactions, each exactly once. For each signer of the file one process of
 * the fleet holds the lane (chain id, address), with a lease and an epoch (INV-8: common/fleet/lease.h); the others
 * stand by.
 *
 *   feed.c     PostgreSQL's ready batches → a group
 *   group.c    what is done already (S7), what succeeds now and with how much gas (S5), which item makes a batch fail (S6)
 *                 intake.c poison.c  the questions, and what their answers mean        ask.c bundle.c  many in a request
 *   sign.c     nonces, prices, signed bytes in memory → ONE commit with their item sets (INV-5); no byte has left
 *                 fee.c  first price, replacement, the cap         common/ledger/slots.h  the statements
 *   cast.c     committed bytes → the node, in nonce order; what it says is noted and never believed
 *                 answer.c  what its words mean
 *   look.c     heads → the account's count;  proof.c  → receipts → verdicts with their block's hash (INV-7) → the bell
 *   change.c   the lowest slot is too cheap, or an item's reason is gone: one more attempt of the same nonce (S3)
 *
 * Three groups are on their way at once: one is asked while the last one commits and the one before leaves. slot.c is
 * the heart: the life of a nonce, with what PostgreSQL, the chain and the mempool hold in each phase. plan.c says what
 * a lane does next; sender.c asks it after every callback and is the only one that starts i/o. A slot is closed by
 * final blocks, by the reconciler; here it is only forgotten then.
 *
 * Whatever fails is tried again with growing gaps (INV-11). Whatever is not known is read again from PostgreSQL: after
 * a crash, a lost connection or a lost lane, open.c loads the open slots and their stored bytes leave again, unchanged
 * (INV-6).
 *
 * A good first hour: slot.c and test/unit/submitter/test_slot.c; break a number there and run
 * make test ONLY="unit submitter/slot". */
/* clang-format on */
#include "submitter/run.h"

int main(int argc, char **argv)
{
	return submitter_main(argc, argv);
}
