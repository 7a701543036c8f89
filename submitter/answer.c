#include "submitter/answer.h"

#include <strings.h>

static bool holds(struct str text, const char *words)
{
	size_t n = strlen(words);
	for (size_t i = 0; i + n <= text.n; i++)
		if (strncasecmp(text.p + i, words, n) == 0)
			return true;
	return false;
}

/* In order: the first line that fits decides. What geth, reth, erigon, nethermind, besu, anvil and hardhat
 * say. */
static const struct wording {
	const char *words;
	enum answer means;
} wordings[] = {
	{"already known", ANSWER_KNOWN},       /* geth, reth, erigon, anvil's pool */
	{"known transaction", ANSWER_KNOWN},   /* besu, hardhat, old geth */
	{"already imported", ANSWER_KNOWN},    /* anvil */
	{"already in the pool", ANSWER_KNOWN}, /* polygon-edge */
	{"alreadyknown", ANSWER_KNOWN},        /* nethermind */
	{"already exists", ANSWER_KNOWN},      /* besu's own, zksync */
	{"nonce too low", ANSWER_NONCE_LOW},   /* geth, reth, anvil, hardhat */
	{"nonce_too_low", ANSWER_NONCE_LOW},   /* besu */
	{"oldnonce", ANSWER_NONCE_LOW},        /* nethermind */
	{"nonce is below", ANSWER_NONCE_LOW},
	{"nonce has already been used", ANSWER_NONCE_LOW},
	{"nonce too high", ANSWER_NONCE_HIGH}, /* hardhat with automine, geth-likes */
	{"nonce gap", ANSWER_NONCE_HIGH},      /* besu, nethermind */
	{"noncegap", ANSWER_NONCE_HIGH},
	{"gapped", ANSWER_NONCE_HIGH}, /* geth, blobs */
	{"nonce too distant", ANSWER_NONCE_HIGH},
	{"insufficient funds", ANSWER_FUNDS},      /* geth, reth, anvil */
	{"insufficientfunds", ANSWER_FUNDS},       /* nethermind */
	{"exceeds account balance", ANSWER_FUNDS}, /* besu */
	{"enough funds", ANSWER_FUNDS},            /* hardhat: "sender doesn't have enough funds" */
	{"enough balance", ANSWER_FUNDS},
	{"underpriced", ANSWER_UNDERPRICED}, /* all: of pools and of replacements */
	{"replacement", ANSWER_UNDERPRICED}, /* hardhat: "replacement transaction underpriced" in other words */
	{"gas price below", ANSWER_UNDERPRICED}, /* besu */
	{"feetoolow", ANSWER_UNDERPRICED},       /* nethermind */
	{"fee too low", ANSWER_UNDERPRICED},
	{"less than block base fee", ANSWER_UNDERPRICED},  /* geth */
	{"max fee per gas less than", ANSWER_UNDERPRICED}, /* anvil, reth */
	{"maxfeepergas", ANSWER_UNDERPRICED}, /* hardhat: "maxFeePerGas (1) is too low for the next block" */
	{"gas price too low", ANSWER_UNDERPRICED},
	{"too cheap", ANSWER_UNDERPRICED},
};

/* 429s and server errors travel in JSON-RPC errors too: they say nothing about the transaction. */
static bool is_about_the_node(int code, struct str message)
{
	return code == -32603 || code == -32005 || code == 429 || holds(message, "rate limit") ||
		   holds(message, "too many requests") || holds(message, "timeout") || holds(message, "timed out") ||
		   holds(message, "temporarily");
}

enum answer answer_of_error(int code, struct str message)
{
	for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++)
		if (holds(message, wordings[i].words))
			return wordings[i].means;
	return is_about_the_node(code, message) ? ANSWER_UNKNOWN : ANSWER_REFUSED;
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
	return holds(message, "blockhash") || holds(message, "invalid argument") ||
		   holds(message, "invalid type: map") || holds(message, "block tag") ||
		   holds(message, "block number or tag");
}

bool answer_is_too_big(int code, struct str message)
{
	(void)code;
	return holds(message, "out of gas") || holds(message, "outofgas") ||
		   holds(message, "gas required exceeds") || holds(message, "exceeds block gas limit") ||
		   holds(message, "exceeds the block") || holds(message, "intrinsic gas") ||
		   holds(message, "gas limit") || holds(message, "oversized") ||
		   holds(message, "gas uint64 overflow") || holds(message, "size limit");
}
