#include "submitter/answer.h"

#include <strings.h>

/* In order: the first line that fits decides, so what names a reason more exactly stands above. In brackets:
 * whose words they are. Wordings travel inside others ("call failed: …", "transaction rejected: …"), so they
 * are looked for anywhere. */
static const struct wording {
	const char *words;
	enum answer means;
} wordings[] = {
	/* about the node, not about the transaction */
	{"rate limit", ANSWER_UNKNOWN}, {"too many requests", ANSWER_UNKNOWN}, {"request limit", ANSWER_UNKNOWN},
	{"timeout", ANSWER_UNKNOWN}, {"timed out", ANSWER_UNKNOWN}, {"temporarily", ANSWER_UNKNOWN},
	{"shutting down", ANSWER_UNKNOWN},
	{"in progress", ANSWER_UNKNOWN}, /* zksync: another one of this nonce is being taken in */

	{"already known", ANSWER_KNOWN},       /* geth, reth, erigon, bor */
	{"alreadyknown", ANSWER_KNOWN},        /* nethermind */
	{"known transaction", ANSWER_KNOWN},   /* besu, hardhat, zksync, klaytn, old geth */
	{"already imported", ANSWER_KNOWN},    /* anvil, parity: "the same hash was already imported" */
	{"alreadyimported", ANSWER_KNOWN},     /* substrate chains: Pool(AlreadyImported) */
	{"already in the pool", ANSWER_KNOWN}, /* polygon-edge */
	{"already in mempool", ANSWER_KNOWN}, {"already exist", ANSWER_KNOWN}, /* sei, conflux; reth's layers */
	{"same hash", ANSWER_KNOWN},             /* erigon: "existing tx with same hash" */
	{"already finalized", ANSWER_NONCE_LOW}, /* harmony */

	{"noncegap", ANSWER_NONCE_HIGH},       /* nethermind, before its "future nonce" */
	{"nonce gap", ANSWER_NONCE_HIGH},      /* besu */
	{"gapped", ANSWER_NONCE_HIGH},         /* geth's blob pool, and its delegated accounts */
	{"nonce too high", ANSWER_NONCE_HIGH}, /* geth, arbitrum, zksync, hardhat */
	{"nonce is too high", ANSWER_NONCE_HIGH}, {"nonce too distant", ANSWER_NONCE_HIGH}, /* besu */
	{"future nonce", ANSWER_NONCE_HIGH},

	{"nonce too low", ANSWER_NONCE_LOW},    /* geth, reth, erigon, besu, anvil, hardhat, arbitrum, zksync */
	{"nonce is too low", ANSWER_NONCE_LOW}, /* parity */
	{"nonce_too_low", ANSWER_NONCE_LOW}, {"oldnonce", ANSWER_NONCE_LOW}, /* nethermind */
	{"stale nonce", ANSWER_NONCE_LOW},                                   /* conflux */
	{"pool(stale)", ANSWER_NONCE_LOW},                                   /* substrate chains */
	{"nonce is below", ANSWER_NONCE_LOW}, {"nonce has already been used", ANSWER_NONCE_LOW},
	{"nonce already used", ANSWER_NONCE_LOW},

	{"insufficient funds", ANSWER_FUNDS},      /* geth, reth, erigon, anvil, bor, parity, arbitrum, zksync */
	{"insufficientfunds", ANSWER_FUNDS},       /* nethermind */
	{"insufficient balance", ANSWER_FUNDS},    /* parity, old geth, zksync */
	{"exceeds account balance", ANSWER_FUNDS}, /* besu: "upfront cost …" */
	{"enough funds", ANSWER_FUNDS}, /* hardhat: "sender doesn't have …"; arbitrum: "not … for gas" */
	{"enough balance", ANSWER_FUNDS}, {"overdraft", ANSWER_FUNDS}, /* geth, with what already waits */
	{"out of balance", ANSWER_FUNDS},

	{"underpriced", ANSWER_UNDERPRICED},       /* all: of pools and of replacements */
	{"replacement", ANSWER_UNDERPRICED},       /* nethermind: ReplacementNotAllowed */
	{"could not replace", ANSWER_UNDERPRICED}, /* erigon */
	{"to replace", ANSWER_UNDERPRICED},
	{"same nonce",
		ANSWER_UNDERPRICED}, /* parity: "another transaction with same nonce in the queue"; klaytn */
	{"nonce already", ANSWER_UNDERPRICED},
	{"noncealreadyused", ANSWER_UNDERPRICED}, /* nethermind: OwnNonceAlreadyUsed, of its own senders */
	{"gas price below", ANSWER_UNDERPRICED},  /* besu */
	{"below configured minimum", ANSWER_UNDERPRICED}, /* besu, hedera */
	{"fee too low", ANSWER_UNDERPRICED},              /* erigon, optimism */
	{"feetoolow", ANSWER_UNDERPRICED},                /* nethermind: FeeTooLow, FeeTooLowToCompete */
	{"feepergastoolow", ANSWER_UNDERPRICED},
	{"less than block base fee", ANSWER_UNDERPRICED}, /* geth, anvil, reth, zksync */
	{"max fee per gas less than", ANSWER_UNDERPRICED},
	{"maxfeepergas", ANSWER_UNDERPRICED},         /* hardhat: "… (1) is too low for the next block" */
	{"gas price too low", ANSWER_UNDERPRICED},    /* arbitrum, metis */
	{"gas price is too low", ANSWER_UNDERPRICED}, /* parity */
	{"gas price less than", ANSWER_UNDERPRICED}, {"unacceptable gas price", ANSWER_UNDERPRICED}, /* zksync */
	{"too cheap", ANSWER_UNDERPRICED},
	{"increasing the fee", ANSWER_UNDERPRICED}, /* parity, of a full queue */

	/* A refusal that says so, for a reason that none of the above is. */
	{"pool is full", ANSWER_REFUSED},     /* geth, anvil, reth, hardhat */
	{"pool full", ANSWER_REFUSED},        /* besu, arbitrum */
	{"queue full", ANSWER_REFUSED},       /* arbitrum */
	{"sub-pool is full", ANSWER_REFUSED}, /* erigon */
	{"limit exceeded", ANSWER_REFUSED},   /* geth: "account limit exceeded"; nethermind: GasLimitExceeded */
	{"limitexceeded", ANSWER_REFUSED}, {"in-flight", ANSWER_REFUSED}, /* geth, of delegated accounts */
	{"invalid sender", ANSWER_REFUSED}, {"invalid signature", ANSWER_REFUSED},
	{"invalid transaction", ANSWER_REFUSED}, {"invalid chain", ANSWER_REFUSED},
	{"wrong chain", ANSWER_REFUSED}, {"intrinsic gas", ANSWER_REFUSED}, {"gas limit", ANSWER_REFUSED},
	{"gaslimit", ANSWER_REFUSED}, {"exceeds block gas", ANSWER_REFUSED}, {"gas is too low", ANSWER_REFUSED},
	{"requires at least", ANSWER_REFUSED}, /* hardhat, of gas */ {"oversized", ANSWER_REFUSED},
	{"negative value", ANSWER_REFUSED}, {"not supported", ANSWER_REFUSED}, {"not authorized", ANSWER_REFUSED},
	{"not permitted", ANSWER_REFUSED}, {"banned", ANSWER_REFUSED},
	{"configured cap", ANSWER_REFUSED},   /* geth: "tx fee … exceeds the configured cap" */
	{"fee cap exceeded", ANSWER_REFUSED}, /* besu */
	{"rlp", ANSWER_REFUSED},
	{"execution reverted", ANSWER_REFUSED}, /* chains that simulate what they take in */
};

/* Codes that say "not now" whatever their words: internal error, limits of providers. */
static bool is_about_the_node(int code)
{
	return code == -32603 || code == -32005 || code == -32007 || code == 429 || (code >= 500 && code < 600);
}

static const struct wording *find_wording(struct str message)
{
	for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++)
		if (str_holds(message, wordings[i].words))
			return &wordings[i];
	return NULL;
}

enum answer answer_of_error(int code, struct str message)
{
	const struct wording *w = find_wording(message);
	if (is_about_the_node(code) && (!w || w->means == ANSWER_REFUSED))
		return ANSWER_UNKNOWN;
	return w ? w->means : ANSWER_UNKNOWN;
}

bool answer_is_about_the_node(int code, struct str message)
{
	const struct wording *w = find_wording(message);
	return w ? w->means == ANSWER_UNKNOWN : is_about_the_node(code);
}

enum answer answer_of_result(struct str json, const uint8_t hash[32])
{
	char want[67];
	hex_to_0x(want, hash, 32);
	return json.n == 68 && strncasecmp(json.p + 1, want, 66) == 0 ? ANSWER_ACCEPTED : ANSWER_UNKNOWN;
}

const char *answer_name(enum answer a)
{
	static const char *const names[] = {
		"unknown", "accepted", "known", "nonce too low", "underpriced", "funds", "nonce too high", "refused"};
	return names[a];
}

bool answer_is_block_form(int code, struct str message)
{
	if (code == -32602 || code == -32601)
		return true;
	return str_holds(message, "blockhash") || str_holds(message, "invalid argument") ||
		   str_holds(message, "invalid type: map") || str_holds(message, "block tag") ||
		   str_holds(message, "block number or tag");
}

bool answer_is_too_big(int code, struct str message)
{
	(void)code;
	return str_holds(message, "out of gas") || str_holds(message, "outofgas") ||
		   str_holds(message, "gas required exceeds") || str_holds(message, "exceeds block gas limit") ||
		   str_holds(message, "exceeds the block") || str_holds(message, "intrinsic gas") ||
		   str_holds(message, "gas limit") || str_holds(message, "oversized") ||
		   str_holds(message, "gas uint64 overflow") || str_holds(message, "size limit");
}
