#include "test/node/words.h"

#include <stdio.h>

static const char *const kinds[WORDS_KINDS] = {
	"range", "results", "timeout", "rate", "batch", "history", "state", "future", "unknown", "many"};

const char *words_kind_name(enum words_kind k)
{
	return kinds[k];
}

/* clang-format off */
static const struct words table[] = {
	/* what is said when nobody else's words are asked for: geth's where it has such a limit */
	{"geth", WORDS_RANGE, 0, -32602, "block range greater than {limit}", NULL, NULL, NULL},
	{"geth", WORDS_RESULTS, 0, -32000, "query returned more than {limit} results", NULL, NULL, NULL},
	{"geth", WORDS_TIMEOUT, 0, -32002, "request timed out", NULL, NULL, NULL},
	{"geth", WORDS_RATE, 429, -32005, "too many requests", NULL, "Retry-After: 1\r\n", NULL},
	{"geth", WORDS_BATCH, 0, -32600, "batch too large", NULL, NULL, NULL},
	{"geth", WORDS_HISTORY, 0, 4444, "pruned history unavailable", NULL, NULL, NULL},
	{"geth", WORDS_STATE, 0, -32000, "missing trie node 7f0c34d3d0a7e5a8f0a2bd3e1f4d5c6b7a8990a1b2c3d4e5f60718293a4b5c6d (path ) state is not available", NULL, NULL, NULL},
	{"geth", WORDS_FUTURE, 0, -32602, "block range extends beyond current head block", NULL, NULL, NULL},
	{"geth", WORDS_UNKNOWN, 0, -32000, "unknown block", NULL, NULL, NULL},
	{"geth", WORDS_MANY, 0, -32602, "exceed max addresses or topics per search position", NULL, NULL, NULL},

	{"alchemy", WORDS_RANGE, 400, -32600, "You can make eth_getLogs requests with up to a {limit} block range. Based on your parameters, this block range should work: [{from.hex}, {upto.hex}]", NULL, NULL, NULL},
	{"alchemy", WORDS_RESULTS, 400, -32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of {limit} logs in the response. Based on your parameters and the response size limit, this block range should work: [{from.hex}, {upto.hex}]", NULL, NULL, NULL},
	{"alchemy", WORDS_TIMEOUT, 503, -32000, "Unable to complete request at this time.", NULL, NULL, NULL},
	{"alchemy", WORDS_RATE, 429, 429, "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message.", NULL, "Retry-After: 1\r\n", NULL},
	{"alchemy", WORDS_BATCH, 400, -32600, "Batch size too large, maximum is {limit}", NULL, NULL, NULL},
	{"alchemy", WORDS_STATE, 400, -32000, "required historical state unavailable (reexec=128)", NULL, NULL, NULL},
	{"alchemy", WORDS_FUTURE, 400, -32602, "One or more of the blocks specified in filter (fromBlock, toBlock, blockHash) cannot be found.", NULL, NULL, NULL},
	{"alchemy", WORDS_UNKNOWN, 400, -32602, "One or more of the blocks specified in filter (fromBlock, toBlock, blockHash) cannot be found.", NULL, NULL, NULL},

	{"infura", WORDS_RANGE, 0, -32005, "block range too large, max is {limit} blocks", NULL, NULL, NULL},
	{"infura", WORDS_RESULTS, 0, -32005, "query returned more than {limit} results. Try with this block range [{from.hex}, {upto.hex}].", "{\"from\":\"{from.hex}\",\"limit\":{limit},\"to\":\"{upto.hex}\"}", NULL, NULL},
	{"infura", WORDS_TIMEOUT, 0, -32005, "query timeout exceeded", NULL, NULL, NULL},
	{"infura", WORDS_RATE, 429, -32005, "Too Many Requests", "{\"rate\":{\"allowed_rps\":{limit},\"backoff_seconds\":1}}", NULL, NULL},
	{"infura", WORDS_FUTURE, 0, -32000, "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.", NULL, NULL, NULL},
	{"infura", WORDS_UNKNOWN, 0, -32000, "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.", NULL, NULL, NULL},

	{"quicknode", WORDS_RANGE, 413, -32614, "eth_getLogs is limited to a {limit} range", NULL, NULL, NULL},
	{"quicknode", WORDS_RESULTS, 413, -32614, "eth_getLogs response exceeds {limit} logs, narrow the block range", NULL, NULL, NULL},
	{"quicknode", WORDS_TIMEOUT, 0, -32000, "Request timed out", NULL, NULL, NULL},
	{"quicknode", WORDS_RATE, 429, -32007, "{limit}/second request limit reached - reduce calls per second or upgrade your account at quicknode.com", NULL, "Retry-After: 1\r\n", NULL},
	{"quicknode", WORDS_HISTORY, 0, -32000, "missing trie node (pruned node; use an archive endpoint)", NULL, NULL, NULL},

	{"ankr", WORDS_RANGE, 0, -32600, "block range is too wide", NULL, NULL, NULL},
	{"ankr", WORDS_RESULTS, 0, -32062, "query returned too many results", NULL, NULL, NULL},
	{"ankr", WORDS_RATE, 429, -32090, "Too many requests, reason: call rate limit exhausted, retry in 1s", NULL, NULL, NULL},
	{"ankr", WORDS_BATCH, 0, -32062, "Batch size is too large", NULL, NULL, NULL},

	{"cloudflare", WORDS_RANGE, 0, -32047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: {limit}", NULL, NULL, NULL},
	{"cloudflare", WORDS_RESULTS, 0, -32046, "Cannot fulfill request", NULL, NULL, NULL},
	{"cloudflare", WORDS_TIMEOUT, 524, 0, NULL, NULL, "Content-Type: text/html\r\n", "<!DOCTYPE html><html><head><title>524: A timeout occurred</title></head><body>error code: 524</body></html>"},
	{"cloudflare", WORDS_RATE, 429, 0, NULL, NULL, "Content-Type: text/html\r\nRetry-After: 1\r\n", "<!DOCTYPE html><html><head><title>Access denied</title></head><body>error code: 1015</body></html>"},

	{"drpc", WORDS_RANGE, 400, 35, "ranges over {limit} blocks are not supported on freetier", NULL, NULL, NULL},
	{"drpc", WORDS_RESULTS, 400, -32602, "query exceeds max results {limit}, retry with the range {from}-{upto}", NULL, NULL, NULL},
	{"drpc", WORDS_TIMEOUT, 408, 30, "Request timeout on the free tier, please upgrade your tier to the paid one", NULL, NULL, NULL},
	{"drpc", WORDS_RATE, 429, 15, "Too many request, try again later", NULL, NULL, NULL},
	{"drpc", WORDS_BATCH, 500, 31, "Batch of more than {limit} requests are not allowed on free tier, to use batch of larger size please upgrade your tier to the paid one", NULL, NULL, NULL},

	{"blast", WORDS_RANGE, 0, -32600, "block range limit exceeded", NULL, NULL, NULL},
	{"blast", WORDS_RESULTS, 0, -32000, "query returned more than {limit} results", NULL, NULL, NULL},
	{"blast", WORDS_RATE, 429, -32097, "Rate limit reached", NULL, "Retry-After: 1\r\n", NULL},

	{"chainstack", WORDS_RANGE, 0, -32600, "Block range limit exceeded. See more details at https://docs.chainstack.com/docs/limits#evm-range-limits", NULL, NULL, NULL},
	{"chainstack", WORDS_RATE, 429, -32005, "You've exceeded the RPS limit available on the current plan.", NULL, "Retry-After: 1\r\n", NULL},
	{"chainstack", WORDS_HISTORY, 403, -32002, "Archive, Debug and Trace requests are not available on your current plan.", NULL, NULL, NULL},

	{"bsc", WORDS_RANGE, 0, -32005, "limit exceeded", NULL, NULL, NULL},
	{"bsc", WORDS_RESULTS, 0, -32005, "limit exceeded", NULL, NULL, NULL},
	{"bsc", WORDS_RATE, 429, -32005, "rate limit exceeded", NULL, NULL, NULL},
	{"bsc", WORDS_HISTORY, 0, -32000, "History has been pruned for this block", NULL, NULL, NULL},

	{"erigon", WORDS_RANGE, 0, -32000, "query block range exceeds server limit", NULL, NULL, NULL},
	{"erigon", WORDS_RESULTS, 0, -32000, "query returned more than {limit} results", NULL, NULL, NULL},
	{"erigon", WORDS_HISTORY, 0, -32000, "history has been pruned for this block {from}", NULL, NULL, NULL},
	{"erigon", WORDS_STATE, 0, -32000, "state at block {from} is pruned", NULL, NULL, NULL},
	{"erigon", WORDS_FUTURE, 0, -32602, "end ({to}) > latest ({head})", NULL, NULL, NULL},
	{"erigon", WORDS_BATCH, 0, -32000, "batch limit {limit} exceeded (can increase by --rpc.batch.limit). Requested batch of size: {count}", NULL, NULL, NULL},

	{"nethermind", WORDS_RANGE, 0, -32005, "block range exceeds the limit of {limit}", NULL, NULL, NULL},
	{"nethermind", WORDS_RESULTS, 0, -32005, "Too many logs requested. Max logs per response is {limit}.", NULL, NULL, NULL},
	{"nethermind", WORDS_TIMEOUT, 0, -32016, "eth_getLogs request was canceled due to enabled timeout.", NULL, NULL, NULL},
	{"nethermind", WORDS_HISTORY, 0, -32000, "Receipt not available for block {from}", NULL, NULL, NULL},
	{"nethermind", WORDS_STATE, 0, -32002, "No state available for block {from}", NULL, NULL, NULL},
	{"nethermind", WORDS_UNKNOWN, 0, -32001, "Block not found", NULL, NULL, NULL},
	{"nethermind", WORDS_FUTURE, 0, -32001, "Block not found", NULL, NULL, NULL},

	{"besu", WORDS_RANGE, 0, -32005, "Requested range exceeds maximum RPC range limit", NULL, NULL, NULL},
	{"besu", WORDS_TIMEOUT, 0, -32603, "Timeout expired", NULL, NULL, NULL},
	{"besu", WORDS_BATCH, 400, -32005, "Number of requests in batch exceeds limit", NULL, NULL, NULL},
	{"besu", WORDS_STATE, 0, -32000, "World state unavailable", NULL, NULL, NULL},
	{"besu", WORDS_UNKNOWN, 0, -32000, "Block not found", NULL, NULL, NULL},

	{"reth", WORDS_RANGE, 0, -32602, "query exceeds max block range {limit}", NULL, NULL, NULL},
	{"reth", WORDS_RESULTS, 0, -32602, "query exceeds max results {limit}, retry with the range {from}-{upto}", NULL, NULL, NULL},
	{"reth", WORDS_BATCH, 0, -32010, "The batch request was too large", "\"Exceeded max limit of {limit}\"", NULL, NULL},
	{"reth", WORDS_UNKNOWN, 0, -32001, "unknown block", NULL, NULL, NULL},
	{"reth", WORDS_STATE, 0, -32000, "state at block #{from} is pruned", NULL, NULL, NULL},
	{"reth", WORDS_HISTORY, 0, 4444, "pruned history unavailable", NULL, NULL, NULL},

	{"polygon", WORDS_RANGE, 0, -32600, "Block range is too large", NULL, NULL, NULL},
	{"polygon", WORDS_RESULTS, 0, -32000, "response size should not greater than {limit} results", NULL, NULL, NULL},
	{"polygon", WORDS_HISTORY, 0, -32000, "missing trie node", NULL, NULL, NULL},

	{"zksync", WORDS_RANGE, 0, -32602, "Query returned more than {limit} results. Try with this block range [{from.hex}, {upto.hex}].", NULL, NULL, NULL},
	{"zksync", WORDS_RESULTS, 0, -32602, "Query returned more than {limit} results. Try with this block range [{from.hex}, {upto.hex}].", NULL, NULL, NULL},
	{"zksync", WORDS_RATE, 429, -32005, "Too many requests", NULL, NULL, NULL},

	{"optimism", WORDS_RANGE, 0, -32602, "block range greater than {limit} max", NULL, NULL, NULL},
	{"optimism", WORDS_RESULTS, 0, -32020, "backend response too large", NULL, NULL, NULL},
	{"optimism", WORDS_RATE, 429, -32016, "over rate limit", NULL, NULL, NULL},
	{"optimism", WORDS_TIMEOUT, 503, -32019, "block is out of range", NULL, NULL, NULL},
	{"base", WORDS_RANGE, 413, -32614, "eth_getLogs is limited to a {limit} range", NULL, NULL, NULL},
	{"base", WORDS_RATE, 403, -32016, "over rate limit", NULL, NULL, NULL},
	{"arbitrum", WORDS_RANGE, 0, -32602, "eth_getLogs block range too large, max {limit}", NULL, NULL, NULL},
	{"arbitrum", WORDS_RESULTS, 0, -32000, "logs matched by query exceeds limit of {limit}", NULL, NULL, NULL},
	{"llama", WORDS_RANGE, 0, -32602, "query exceeds max block range {limit}", NULL, NULL, NULL},
	{"llama", WORDS_RATE, 429, 0, NULL, NULL, "Content-Type: text/plain\r\nRetry-After: 2\r\n", "Too many requests"},
	{"publicnode", WORDS_RANGE, 403, -32701, "exceed maximum block range: {limit}", NULL, NULL, NULL},
	{"publicnode", WORDS_RATE, 429, -32005, "Too many requests, please retry later", NULL, NULL, NULL},
	{"publicnode", WORDS_HISTORY, 403, -32602, "Archive requests require a personal token. Please provide a valid token", NULL, NULL, NULL},
	{"tenderly", WORDS_RANGE, 400, -32602, "query exceeds max block range", "\"range {range} is over {limit}\"", NULL, NULL},
	{"moralis", WORDS_RANGE, 400, -32005, "eth_getLogs range {range} is over the plan's {limit} blocks", NULL, NULL, NULL},
	{"getblock", WORDS_RESULTS, 200, -32000, "exceed maximum result count", "{\"max\":{limit},\"got\":{count}}", NULL, NULL},
	{"onfinality", WORDS_RATE, 429, -32029, "Too Many Requests, Please apply an OnFinality API key or contact us to receive a higher rate limit", NULL, NULL, NULL},
	{"nginx", WORDS_RESULTS, 413, 0, NULL, NULL, "Content-Type: text/html\r\n", "<html><head><title>413 Request Entity Too Large</title></head><body><center><h1>413 Request Entity Too Large</h1></center><hr><center>nginx</center></body></html>"},
	{"nginx", WORDS_RANGE, 504, 0, NULL, NULL, "Content-Type: text/html\r\n", "<html><head><title>504 Gateway Time-out</title></head><body><center><h1>504 Gateway Time-out</h1></center><hr><center>nginx</center></body></html>"},
	{"nginx", WORDS_TIMEOUT, 504, 0, NULL, NULL, "Content-Type: text/html\r\n", "<html><head><title>504 Gateway Time-out</title></head><body><center><h1>504 Gateway Time-out</h1></center><hr><center>nginx</center></body></html>"},
	{"nginx", WORDS_RATE, 503, 0, NULL, NULL, "Content-Type: text/html\r\n", "<html><head><title>503 Service Temporarily Unavailable</title></head><body><center><h1>503 Service Temporarily Unavailable</h1></center><hr><center>nginx</center></body></html>"},
};
/* clang-format on */
enum { TABLE = sizeof table / sizeof *table };

const struct words *words_get(const char *who, enum words_kind k)
{
	const struct words *plain = NULL;
	for (size_t i = 0; i < TABLE; i++) {
		if (table[i].kind != k)
			continue;
		if (text_is(table[i].who, who))
			return &table[i];
		if (text_is(table[i].who, "geth"))
			plain = &table[i];
	}
	return plain;
}

bool words_known(const char *who)
{
	for (size_t i = 0; i < TABLE; i++)
		if (text_is(table[i].who, who))
			return true;
	return false;
}

void words_list(struct buf *out)
{
	buf_char(out, '{');
	for (size_t i = 0; i < TABLE; i++) {
		bool same = i > 0 && text_is(table[i].who, table[i - 1].who);
		if (same)
			buf_printf(out, ",\"%s\"", kinds[table[i].kind]);
		else
			buf_printf(out, "%s\"%s\":[\"%s\"", i ? "]," : "", table[i].who, kinds[table[i].kind]);
	}
	buf_text(out, "]}");
}

static bool fill_one(struct buf *out, struct str name, const struct words_numbers *n)
{
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"from", n->from}, {"to", n->to}, {"range", n->range}, {"limit", n->limit},
		{"count", n->count}, {"head", n->head}, {"upto", n->upto}, {"first", n->first}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char hex[24];
		snprintf(hex, sizeof hex, "%s.hex", all[i].name);
		if (str_is(name, all[i].name) || str_is(name, hex)) {
			buf_printf(out, str_is(name, hex) ? "0x%llx" : "%llu", (unsigned long long)all[i].value);
			return true;
		}
	}
	return false;
}

void words_fill(struct buf *out, const char *template, const struct words_numbers *n)
{
	while (*template) {
		const char *end = *template == '{' ? strchr(template, '}') : NULL;
		if (end && fill_one(out, (struct str){template + 1, (size_t)(end - template - 1)}, n))
			template = end + 1;
		else
			buf_char(out, *template ++);
	}
}
