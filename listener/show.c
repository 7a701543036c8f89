/* What people and supervisors see of a reader: metrics, reasons for /readyz, its part of /status. */
#include "common/base/sentence.h"
#include "common/fleet/beat.h"
#include "listener/reader.h"

#include <inttypes.h>
#include <stdio.h>

void reader_metrics(struct reader *r)
{
	char labels[80];
	snprintf(labels, sizeof labels, "chain=\"%s\"", r->chain->name);
	r->m_events = metric(METRIC_COUNTER, "fairlead_events_total", "Events written", labels);
	r->m_blocks = metric(METRIC_COUNTER, "fairlead_blocks_total", "Blocks read and committed", labels);
	r->m_head = metric(METRIC_GAUGE, "fairlead_chain_head", "Newest block that the endpoint showed", labels);
	r->m_done = metric(METRIC_GAUGE, "fairlead_chain_done", "Last block whose events are committed", labels);
	r->m_reorgs = metric(METRIC_COUNTER, "fairlead_reorgs_total", "Reorgs committed", labels);
}

static const char *phase_name(enum reader_phase p)
{
	static const char *const names[] = {
		[READER_OFF] = "spare",
		[READER_LOAD] = "loading",
		[READER_IDENT] = "asking which chain it is",
		[READER_IDLE] = "at the head",
		[READER_PAUSE] = "waiting",
		[READER_FIRST] = "asking where the chain stands",
		[READER_HEADERS] = "reading",
		[READER_LIVE] = "reading",
		[READER_LOGS] = "reading",
		[READER_PROOF] = "proving",
		[READER_FILL] = "catching up",
		[READER_COMMIT] = "writing",
		[READER_HASHES] = "checking for a reorg",
		[READER_RETRACT] = "taking back",
		[READER_RETRY] = "waiting",
		[READER_HALTED] = "halted",
	};
	return names[p];
}

/* One that is excluded, or has not said yet which chain it serves, is not polled and tells nothing. */
static const struct provider *usable(const struct reader *r, size_t i)
{
	const struct provider *p = providers_at(r->providers, i);
	enum provider_state s = provider_state(p);
	return s == PROVIDER_WELL || s == PROVIDER_RESTING ? p : NULL;
}

/* How long every usable endpoint has owed an answer: 0 while one of them answers. */
static uint64_t silent_ms(const struct reader *r)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 0; i < providers_count(r->providers); i++) {
		const struct provider *p = usable(r, i);
		uint64_t ms = p ? provider_silent_ms(p) : UINT64_MAX;
		least = ms < least ? ms : least;
	}
	return least == UINT64_MAX ? 0 : least;
}

static uint32_t polls_failed(const struct reader *r)
{
	uint32_t least = UINT32_MAX;
	for (size_t i = 0; i < providers_count(r->providers); i++) {
		const struct provider *p = usable(r, i);
		uint32_t n = p ? provider_heads(p)->failures : UINT32_MAX;
		least = n < least ? n : least;
	}
	return least == UINT32_MAX ? 0 : least;
}

static bool anybody_well(const struct reader *r)
{
	for (size_t i = 0; i < providers_count(r->providers); i++)
		if (provider_state(providers_at(r->providers, i)) == PROVIDER_WELL)
			return true;
	return false;
}

void reader_reasons(const struct reader *r, struct buf *out)
{
	const char *name = r->chain->name, *nobody = r->providers ? providers_why(r->providers) : "";
	if (!r->providers)
		return; /* draining */
	if (r->phase == READER_OFF)
		lease_reasons(r->lease, out); /* a spare is ready to take over */
	else if (r->why[0])
		buf_printf(out, "chain %s: %s\n", name, r->why);
	else if (nobody[0] && (r->phase == READER_IDENT || !anybody_well(r)))
		buf_printf(out, "chain %s: %s\n", name, nobody);
	else if (r->head < 0)
		buf_printf(out, "chain %s: no head has been heard yet\n", name);
	else if (!r->caught_up)
		buf_printf(out, "chain %s: catching up, %" PRId64 " blocks behind\n", name, r->head - r->row.done);
	else if (silent_ms(r) > 0)
		buf_printf(out, "chain %s: the node has not answered for %" PRIu64 " s\n", name, silent_ms(r) / 1000);
	else if (polls_failed(r) > 0)
		buf_printf(out, "chain %s: Provider error, %u polls in a row failed\n", name, polls_failed(r));
}

void reader_beat(const struct reader *r, struct beat *b)
{
	struct buf why = {0};
	int64_t left = r->head > r->row.done ? r->head - r->row.done : 0;
	const char *nobody = r->providers ? providers_why(r->providers) : "";
	bool spare = r->phase == READER_OFF;
	if (spare && !b->away) {
		beat_plain(b, "standby");
		return;
	}
	if (b->away) {
		reason_code(&why, "wait_pg_reads");
		reason_int(&why, "since", b->away_since);
	} else if (r->phase == READER_HALTED || (nobody[0] && r->providers && !anybody_well(r))) {
		reason_code(&why, "no_endpoint");
		reason_text(&why, "chain", r->chain->name);
		reason_text(&why, "text", r->phase == READER_HALTED ? r->why : nobody);
	} else {
		reason_code(&why, r->caught_up ? "at_head" : "catching_up");
		reason_text(&why, "chain", r->chain->name);
		reason_int(&why, "left", left);
		reason_int(&why, "done", r->row.done);
	}
	beat_doing(b, &why);
	if (!spare) {
		b->holds += b->away ? left : 0;
		beat_chain(b, r->chain->name, r->head, r->row.done);
	}
	buf_fini(&why);
}

void reader_status(const struct reader *r, struct buf *out)
{
	bool ws = false;
	uint32_t reconnects = 0;
	for (size_t i = 0; r->providers && i < providers_count(r->providers); i++) {
		const struct heads_state *h = provider_heads(providers_at(r->providers, i));
		ws = ws || h->ws_up;
		reconnects += h->reconnects;
	}
	buf_text(out, "{\"chain\":");
	buf_json(out, str_of(r->chain->name));
	buf_printf(out,
		",\"phase\":\"%s\",\"leader\":%s,\"head\":%" PRId64 ",\"done\":%" PRId64 ",\"final\":%" PRId64
		",\"seq\":%" PRId64 ",\"caught_up\":%s,\"websocket\":%s,\"reconnects\":%u,\"endpoints\":",
		phase_name(r->phase), lease_held(r->lease) ? "true" : "false", r->head, r->row.done, r->final.number,
		r->at, r->caught_up ? "true" : "false", ws ? "true" : "false", reconnects);
	if (r->providers)
		providers_status(r->providers, out);
	else
		buf_text(out, "[]");
	if (r->fill) {
		struct fill_stats s;
		fill_stats(r->fill, &s);
		buf_printf(out,
			",\"history\":{\"blocks_s\":%.0f,\"events_s\":%.0f,\"range\":%" PRId64 ",\"left_s\":%" PRId64 "}",
			s.blocks_s, s.events_s, s.range, s.left_s);
	}
	if (r->sweep)
		sweep_status(r->sweep, out);
	if (r->history.n > 0) {
		buf_text(out, ",\"asked_later\":");
		history_status(r, out);
	}
	buf_char(out, '}');
}

void reader_pg_up(struct reader *r)
{
	store_state(r); /* what could not be told while it was away */
}
