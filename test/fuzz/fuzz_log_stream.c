#include "common/evm/log_stream.h"
#include "test/unit/evm/sax_text.h"

/* Any text as an eth_getLogs result that arrives in pieces: whatever the pieces, it gives what the whole text
 * gives, or fails where that fails. The first byte is the size of a piece. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taken {
	const struct log *logs;
	size_t n, i;
};

static bool take(void *arg, struct log *l)
{
	struct taken *t = arg;
	if (!t->logs)
		return true; /* the whole text is refused somewhere behind */
	must(t->i < t->n);
	const struct log *w = &t->logs[t->i++];
	must(memcmp(l->address, w->address, 20) == 0 && l->ntopics == w->ntopics &&
		 memcmp(l->topics, w->topics, sizeof l->topics) == 0);
	must(l->data.n == w->data.n && (l->data.n == 0 || memcmp(l->data.p, w->data.p, l->data.n) == 0));
	must(l->block == w->block && l->tx_index == w->tx_index && l->log_index == w->log_index);
	must(memcmp(l->block_hash, w->block_hash, 32) == 0 && memcmp(l->tx_hash, w->tx_hash, 32) == 0);
	must(l->removed == w->removed && l->has_time == w->has_time && l->time == w->time);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct taken t = {0};
	struct log *logs;
	struct err whole = {0}, pieces = {0};
	if (size == 0)
		return 0;
	struct str json = {(const char *)data + 1, size - 1};
	bool ok = logs_parse(&a, json, &logs, &t.n, &whole);
	if (ok)
		t.logs = logs;
	struct log_stream *s = log_stream_new(take, &t);
	for (int round = 0; round < 2; round++) { /* the second on a stream that has seen the first */
		t.i = 0;
		bool fed = sax_text_feed(&log_stream_sax, s, json, round ? json.n + 1 : data[0] + 1u);
		bool end = log_stream_end(s, &pieces);
		must((fed && end) == ok);
		must(!ok || (t.i == t.n));
		if (!end)
			must(pieces.class == ERR_MALFORMED && pieces.text[0]);
		log_stream_reset(s);
	}
	log_stream_free(s);
	arena_fini(&a);
	return 0;
}
