/* The words. A template: {key} its value, {key:how} as gwei eth ms hash code nth # (grouped) since clock,
 * {key?one|many} by whether it is 1, [what is only said when all its keys are there], `code` *bold*. Thing,
 * then reason, then cure; past for what happened, present for what holds. */
#include "common/base/sentence.h"

/* clang-format off */
const struct sentence sentences[] = {
	/* ── why an item waits, failed or was skipped ── */
	{"no_row", "wait", "Parked.", "{file} has no {column} for {key}", "{file} has no {column} for them",
		"Add what is missing. The file is watched: they leave with the next batch."},
	{"no_row_let", "wait", "Parked.", "the let of batches.{batch} has no row for {key}", "the let of batches.{batch} has no row for them",
		"They leave by themselves when it has one."},
	{"many_rows", "wait", "Parked.", "{file} has more than one {column} for {key}", "{file} has more than one {column} for them",
		"Leave one row for each key. The file is watched: they leave with the next batch."},
	{"many_rows_let", "wait", "Parked.", "the let of batches.{batch} has more than one row for {key}",
		"the let of batches.{batch} has more than one row for them", "They leave by themselves when it has one."},
	{"let_raises", "wait", "Parked.", "the let of batches.{batch} fails: {text}", 0, "Mend the data or the SQL; then retry."},
	{"rule_no_row", "wait", "Parked.", "its let has no row", "the let of {rule} has no row for them", "They go on by themselves when it has one."},
	{"refused", "wait", "Parked.", "the contract refuses it: {text}", "the contract refuses them: {text}",
		"Retry when the contract has changed its mind, or drop it."},
	{"reverted", "wait", "Reverted.", "transaction {tx:hash} reverted in block {block:#}", "their transactions reverted",
		"Read why on the chain; then retry, or drop it."},
	{"already", "ink", "Nothing to do.", "the chain shows it done already", 0, 0},
	{"dropped", "wait", "Dropped.", "dropped by {who}[: {text}]", 0, 0},
	{"cancelled", "wait", "Cancelled.", "cancelled by {who}", "cancelled by {who}", "Retry it when it shall be sent after all, or drop it."},
	{"given_back", "ink", "Given back.", "its batch failed, and not by its doing", 0, 0},

	/* ── why a batch ended ── */
	{"batch_empty", "ink", "Empty.", "no item is left in it", 0, 0},
	{"batch_taken", "gone", "Taken back.", "every item was taken back", 0, 0},
	{"batch_reverted", "wait", "Reverted.", "reverted in block {block:#}", 0, 0},
	{"batch_cancelled", "ink", "Cancelled.", "cancelled in block {block:#}", 0, 0},
	{"batch_cancelled_by", "ink", "Cancelled.", "cancelled by {who} before it was sent", 0, 0},
	{"batch_foreign", "stop", "Overtaken.", "its nonce was used by something else up to block {block:#}", 0, 0},

	/* ── why an attempt was signed ── */
	{"first", "sea", "Attempt {n} sent.", "[Pays up to {fee:gwei} gwei][, {tip:gwei} of it tip]."
		"[ Base fee was {base:gwei} and could not rise above {next:gwei} in the next block.]", 0, 0},
	{"above", "wait", "Replaced for price.", "Base fee was {base:gwei}, above our {old:gwei}: no block could take it."
		"[ Attempt {n}, same nonce: {fee:gwei} gwei][, tip {tip:gwei}.]", 0, 0},
	{"outbid", "wait", "Replaced for price.", "At base fee {base:gwei} only {left:gwei} gwei of tip was left, and blocks passed us by."
		"[ Attempt {n}, same nonce: {fee:gwei} gwei][, tip {tip:gwei}.]", 0, 0},
	{"unmined", "wait", "Replaced.", "No block took it for {waited:ms}.[ Attempt {n}, same nonce: {fee:gwei} gwei][, tip {tip:gwei}.]", 0, 0},
	{"without", "sea", "Signed again without what was taken back.", "The event of an item left the chain."
		"[ Attempt {n} is on the same nonce, {fee:gwei} gwei:] at most one of them can ever execute.", 0, 0},
	{"noop", "wait", "Cancel sent.", "Nothing that could succeed was left of it.[ Attempt {n} uses up the nonce and does nothing else.]", 0, 0},

	/* ── lines of a story ── */
	{"seen", "ink", "Seen.", "`{event}` is log {log} of transaction {tx:hash} in block {block:#}.", 0, 0},
	{"posted", "ink", "Asked for.", "A request made it, no event.", 0, 0},
	{"heard", "ink", "Heard.", "[Its block was {lag:ms} old when its item was made, ][as event {seq}].", 0, 0},
	{"batched", "ink", "Batched.", "{nth:nth} of {of} in batch {batch}[: {full?full, so it left at once|}][: its {wait:ms} were over].", 0, 0},
	{"batched_one", "ink", "Batched.", "Alone in batch {batch}.", 0, 0},
	{"caused_one", "ink", "Seen.", "`{event}` in block {block:#}, transaction {tx:hash}, made its item: {keys}.", 0, 0},
	{"caused", "ink", "Seen.", "{n} events `{event}`, blocks {first:#} to {block:#}, made its items: {keys}.", 0, 0},
	{"caused_block", "ink", "Seen.", "{n} events `{event}` in block {block:#} made its items: {keys}.", 0, 0},
	{"caused_by_hand", "ink", "Asked for.", "Requests made {n} of its items: {keys}.", 0, 0},
	{"cut", "ink", "Batched.", "{of} {of?item|items}[: {full?full, so it left at once|}][: its {wait:ms} were over].", 0, 0},
	{"signed", "ink", "Signed.", "By {signer} with nonce {nonce}. The signed bytes were stored before the first byte left.", 0, 0},
	{"node_refused", "wait", "Refused by a node.", "{endpoint} said: {text}[ ({times} times)]", 0, 0},
	{"node_took", "ink", "Taken by a node.", "{endpoint} took attempt {n}[, {times} times: what it lost was offered again].", 0, 0},
	{"mined", "good", "Mined.", "Attempt {n} is in block {block:#}: success. Paid {price:gwei} gwei × {gas:#} gas = {cost:eth} ETH[, {each:eth} a {item}]."
		"[ The nonce is spent: the other {others?attempt|attempts} can never execute.]", 0, 0},
	{"mined_reverted", "wait", "Reverted.", "Attempt {n} is in block {block:#} and reverted. Its {gas:#} gas cost {cost:eth} ETH; nothing was set.", 0, 0},
	{"mined_noop", "ink", "Cancel mined.", "Attempt {n} is in block {block:#} and did nothing but use up the nonce. Its {gas:#} gas cost {cost:eth} ETH."
		"[ The other {others?attempt|attempts} can never execute.]", 0, 0},
	{"block_gone", "gone", "Block taken back.", "Block {block:#} left the chain, and the receipt with it. The same bytes may be mined again.", 0, 0},
	{"event_gone", "gone", "Taken back.", "A reorg removed its event[ from block {block:#}][, entry {entry} of the log].", 0, 0},
	{"rest_void", "ink", "At rest.", "If its event is mined again, this same life goes on, and still acts only once. Nobody needs to do anything.", 0, 0},
	{"final", "good", "Final.", "Block {block:#} is final. Nothing is left to do.", 0, 0},
	{"dead", "stop", "Dead.", "Tried {tries} {tries?time|times}. It stands in fairlead.dead; what came after it went on.", 0, 0},
	{"done_by", "sea", "{what}.", "By {who}.[ {text}]", 0, 0},

	/* ── acts by hand: what one would do, what it did, what stands already (sql/026) ── */
	{"would_cancel_unsent", "ink", 0, "Cancel batch {batch}: it is not sent yet and never will be. Its {items?item is|items are} parked until somebody retries {items?it|them}.", 0, 0},
	{"would_cancel_sent", "ink", 0, "Cancel batch {batch}: nonce {nonce} is used up by a transaction that does nothing, unless the batch is mined first. "
		"Its items are parked then; nothing can be sent twice.", 0, 0},
	{"cancelled_unsent", "good", 0, "Batch {batch} is cancelled: it was not sent yet and never will be. Its {items} {items?item is|items are} parked until somebody retries {items?it|them}.", 0, 0},
	{"cancel_ordered", "good", 0, "The cancel of batch {batch} is ordered: nonce {nonce} is used up by a transaction that does nothing, unless the batch is mined first."
		"[ No submitter holds its lane now{idle?|}: it is obeyed as soon as one does.]", 0, 0},
	{"cancel_stands", "ink", 0, "The cancel of batch {batch} stands since {since:since}, ordered by {who}; it is not signed yet."
		"[ No submitter holds its lane now{idle?|}: it is obeyed as soon as one does.]", 0, 0},
	{"cancel_signed", "ink", 0, "The cancel of batch {batch} stands since {since:since}, ordered by {who}: attempt {n} on nonce {nonce}, up to {fee:gwei} gwei, is sent and not mined yet.", 0, 0},
	{"cancel_held", "wait", 0, "The cancel of batch {batch}, ordered by {who}, is wanted and held: it takes {want:gwei} gwei[, and may pay {max:gwei}]. It goes by itself when the price allows.", 0, 0},
	{"held", "wait", "Cancel held.", "It takes {want:gwei} gwei[, and may pay {max:gwei}]. It goes by itself when the price allows.", 0, 0},
	{"cancel_mined", "ink", 0, "The cancel of batch {batch} is mined in block {block:#}. Its items are parked when that block is final.", 0, 0},
	{"cancel_late", "ink", 0, "Batch {batch} is mined in block {block:#}: it is too late to cancel it. Nothing was done.", 0, 0},
	{"cancel_losing", "ink", 0, "Batch {batch} was mined in block {block:#} before its cancel. If that block stays, nothing is cancelled.", 0, 0},
	{"cancel_was", "ink", 0, "Batch {batch} is cancelled already, in block {block:#}.", 0, 0},
	{"cancel_was_unsent", "ink", 0, "Batch {batch} is cancelled already[, by {who}]: it was never sent.", 0, 0},
	{"cancel_won", "good", "Cancel won.", "Block {block:#} is final, and the nonce was used up by the cancel: the batch can never execute.", 0, 0},
	{"cancel_lost", "wait", "Cancel lost.", "The batch was mined in block {block:#} before its cancel: it is done.", 0, 0},
	{"cancel_moot", "ink", "Cancel over.", "Neither it nor the batch had an effect, up to block {block:#}.", 0, 0},
	{"order_done", "ink", 0, "Batch {batch} is done: it was mined in block {block:#}, which is final. Nothing was done.", 0, 0},
	{"order_failed", "ink", 0, "Batch {batch} ended without an effect, up to block {block:#}; its items went on without it. Nothing was done.", 0, 0},
	{"order_dropped", "ink", 0, "Batch {batch} was dropped before it was sent. Nothing was done.", 0, 0},
	{"would_resend", "ink", 0, "Resend batch {batch}: the signed bytes of attempt {n} leave again now, and a higher price is considered at once. The same nonce: it can't be done twice.", 0, 0},
	{"resend_ordered", "good", 0, "Batch {batch} is to be sent again: the signed bytes of attempt {n} leave now, and a higher price is considered at once. The same nonce {nonce}: it can't be done twice."
		"[ No submitter holds its lane now{idle?|}: it is obeyed as soon as one does.]", 0, 0},
	{"resend_stands", "ink", 0, "The order to send batch {batch} again stands already."
		"[ No submitter holds its lane now{idle?|}: it is obeyed as soon as one does.]", 0, 0},
	{"resend_unsent", "ink", 0, "Batch {batch} was never sent, so there is nothing to send again: its lane takes it by itself.", 0, 0},
	{"resend_mined", "ink", 0, "Batch {batch} is mined in block {block:#}. Nothing was done.", 0, 0},
	{"resent", "sea", "Sent again.", "Its signed bytes left again.", 0, 0},
	{"resend_late", "ink", "Not sent again.", "Its nonce was spent before.", 0, 0},
	{"would_retry", "ink", 0, "Retry {key}: it waits for the next batch. Nothing can be sent twice.", 0, 0},
	{"would_drop", "ink", 0, "Drop {key}: it will never be sent. Its key stays spent.", 0, 0},
	{"retried", "good", 0, "Item {item} ({name} {key}) waits for the next batch.", 0, 0},
	{"retry_waits", "ink", 0, "Item {item} ({name} {key}) waits for the next batch already.", 0, 0},
	{"retry_on_way", "ink", 0, "Item {item} ({name} {key}) is on its way in batch {batch}. Nothing was done.", 0, 0},
	{"dropped_now", "good", 0, "Item {item} ({name} {key}) will never be sent.", 0, 0},
	{"drop_was", "ink", 0, "Item {item} ({name} {key}) is dropped already, by {who}.", 0, 0},
	{"drop_on_way", "ink", 0, "Item {item} ({name} {key}) stands in batch {batch}. Nothing was done: cancel batch {batch} first.", 0, 0},
	{"would_freeze", "ink", 0, "Freeze {signer}: nothing new is signed in its name until it is thawed. What is sent already stays on its way, and can be cancelled.", 0, 0},
	{"frozen", "good", 0, "Signer {signer} is frozen: nothing new is signed in its name until it is thawed."
		"[ {unmined} {unmined?transaction|transactions} of it {unmined?is|are} on the way and may be mined; each can be cancelled.]", 0, 0},
	{"freeze_stands", "ink", 0, "Signer {signer} is frozen already, since {since:since}, by {who}.", 0, 0},
	{"would_thaw", "ink", 0, "Thaw {signer}: it signs again, and what waits leaves.", 0, 0},
	{"thawed", "good", 0, "Signer {signer} signs again.", 0, 0},
	{"thaw_stands", "ink", 0, "Signer {signer} is not frozen. Nothing was done.", 0, 0},
	{"item_done", "ink", 0, "Item {item} ({name} {key}) is done[, in batch {batch}]. Nothing was done.", 0, 0},
	{"item_void", "ink", 0, "The event of item {item} ({name} {key}) was taken back, so it waits for that event. Nothing was done.", 0, 0},

	/* ── what a program does (beats), what it waits for ── */
	{"starting", "wait", 0, "starting[: {text}]", 0, 0},
	{"draining", "wait", 0, "finishing what is in flight; it was asked to end", 0, 0},
	{"wait_pg", "wait", 0, "waiting {since:since} for PostgreSQL", 0, 0},
	{"wait_pg_reads", "wait", 0, "reads, cannot write: waiting {since:since} for PostgreSQL", 0, 0},
	{"wait_pg_signs", "wait", 0, "signs nothing: bytes must be stored before they are sent", 0, 0},
	{"wait_pg_serves", "wait", 0, "waiting {since:since} for PostgreSQL; serves this page", 0, 0},
	{"pg_was_away", "wait", 0, "PostgreSQL did not answer", 0, 0},
	{"standby", "well", 0, "stands by", 0, 0},
	{"serves", "well", 0, "serves", 0, 0},
	{"at_head", "well", 0, "reads {chain} at its head, block {done:#}", 0, 0},
	{"catching_up", "sea", 0, "catches up with {chain}: {left:#} blocks to go", 0, 0},
	{"no_endpoint", "wait", 0, "no endpoint of {chain} answers[: {text}]", 0, 0},
	{"applies", "well", 0, "turns events into items[, {waiting} waiting]", 0, 0},
	{"idle", "well", 0, "up to date", 0, 0},
	{"watches", "sea", 0, "watches {n} unmined {n?transaction|transactions} of {signer}", 0, 0},
	{"ready", "well", 0, "ready to sign for {signer}", 0, 0},
	{"hold_price", "wait", 0, "holds {signer}: the market asks {want:gwei} gwei, gas.max is {max:gwei}", 0,
		"Nothing. It goes on by itself when the price falls; or raise gas.max."},
	{"hold_funds", "stop", 0, "holds {signer}: its balance is {have:eth} ETH, what is unmined and the next transaction may cost {want:eth} ETH", 0,
		"Send ETH to `{address}`. It goes on by itself."},
	{"blocked", "wait", 0, "{signer} is blocked: every item fails alike: {text}", 0,
		"Mend what the contract asks for. The lane tries again by itself."},
	{"halted", "stop", 0, "{signer} is halted: {text}", 0, "Read why; when it is understood, `adopt: true` goes on."},
	{"settling", "wait", 0, "{signer} compares its nonce with the chain[: {text}]", 0, 0},
	{"node_trouble", "wait", 0, "{signer}: the node fails: {text}", 0, 0},
	{"clock", "well", 0, "closes what final blocks decide", 0, 0},
	{"clock_waits", "wait", 0, "the clock waits: {text}", 0, 0},
	{0, 0, 0, 0, 0, 0},
};
/* clang-format on */
