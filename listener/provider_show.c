/* What is stored of endpoints, and what metrics and /status show. */
#include "listener/provider_in.h"

#include "common/base/mem.h"

#include <inttypes.h>
#include <stdio.h>

enum { SAVE_MS = 3000, SAVE_LIES_MS = 500, SAVE_IDLE_MS = 15000 };

static const char *role_words(unsigned roles)
{
	static const char *const words[] = {"", "read", "write", "read, write", "archive", "read, archive",
		"write, archive", "read, write, archive"};
	return words[roles & (ENDPOINT_READ | ENDPOINT_WRITE | ENDPOINT_ARCHIVE)];
}

/* ── rows ── */

void providers_load(struct providers *ps, const struct pg_reply *r, int stmt)
{
	for (int row = 0; row < endpoints_loaded(r, stmt); row++) {
		struct endpoint_row e;
		if (!endpoints_loaded_row(r, stmt, row, &e))
			continue;
		for (size_t i = 0; i < ps->n; i++) {
			struct provider *p = &ps->all[i];
			if (strcmp(p->name, e.name) != 0 || p->learner.version != p->seen_version)
				continue; /* what was learned since and not stored yet is newer */
			p->learner.learned = (struct learned){.range_cap = e.range_cap,
				.results_cap = e.results_cap,
				.pruned_below = e.pruned_below,
				.calls_cap = e.calls_cap,
				.filter_cap = e.filter_cap};
		}
	}
}

bool providers_dirty(const struct providers *ps)
{
	uint64_t since = loop_now_ms(ps->loop) - ps->saved_ms;
	bool learned = false, moved = false, lied = false;
	if (ps->saving || !ps->begun)
		return false;
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = &ps->all[i];
		learned |= p->learner.version != p->seen_version;
		lied |= p->lies != p->told_lies;
		moved |= p->requests != p->told_requests || p->failures != p->told_failures;
	}
	return learned || (lied && since >= SAVE_LIES_MS) ||
		   (ps->changed && (ps->saved_ms == 0 || since >= SAVE_MS)) || (moved && since >= SAVE_IDLE_MS);
}

static void row_of(struct provider *p, struct endpoint_row *e)
{
	const struct heads_state *h = provider_heads(p);
	const struct learned *l = &p->learner.learned;
	*e = (struct endpoint_row){.place = p->place,
		.role = role_words(p->decl->roles),
		.state = provider_state_name(p->state),
		.range_cap = l->range_cap,
		.results_cap = l->results_cap,
		.pruned_below = l->pruned_below,
		.calls_cap = l->calls_cap,
		.filter_cap = l->filter_cap,
		.head = h->heard ? (int64_t)h->head : -1,
		.lag = provider_lag(p),
		.latency_us = p->latency_us > 0 ? (int64_t)p->latency_us : -1,
		.requests = (int64_t)(p->requests - p->told_requests),
		.failures = (int64_t)(p->failures - p->told_failures),
		.lies = (int64_t)(p->lies - p->told_lies),
		.error = p->error[0] ? p->error : NULL};
	memcpy(e->name, p->name, sizeof e->name);
	p->saving[0] = p->requests;
	p->saving[1] = p->failures;
	p->saving[2] = p->lies;
	p->saving_version = p->learner.version;
}

void providers_save(struct providers *ps, struct pg_unit *u, int chain)
{
	struct arena a = {0};
	struct endpoint_row *rows = arena_alloc(&a, ps->n * sizeof *rows);
	for (size_t i = 0; i < ps->n; i++) {
		row_of(&ps->all[i], &rows[i]);
		provider_metrics(&ps->all[i]);
	}
	endpoints_save(u, chain, rows, ps->n);
	arena_fini(&a);
	ps->saving = true;
	ps->changed = false;
	ps->saved_ms = loop_now_ms(ps->loop);
}

void providers_saved(struct providers *ps, bool ok)
{
	ps->saving = false;
	ps->changed |= !ok;
	for (size_t i = 0; ok && i < ps->n; i++) {
		struct provider *p = &ps->all[i];
		p->told_requests = p->saving[0];
		p->told_failures = p->saving[1];
		p->told_lies = p->saving[2];
		p->seen_version = p->saving_version;
	}
}

/* ── metrics and /status ── */

static void make(struct provider *p)
{
	char labels[ENDPOINT_NAME + 120];
	snprintf(labels, sizeof labels, "chain=\"%s\",endpoint=\"%s\"", p->ps->chain->name, p->name);
	p->m_head =
		metric(METRIC_GAUGE, "fairlead_endpoint_head", "Newest block that the endpoint showed", labels);
	p->m_lag =
		metric(METRIC_GAUGE, "fairlead_endpoint_lag", "Blocks behind the best endpoint of its chain", labels);
	p->m_latency =
		metric(METRIC_GAUGE, "fairlead_endpoint_latency_seconds", "What an answer usually takes", labels);
	p->m_requests =
		metric(METRIC_COUNTER, "fairlead_endpoint_requests_total", "Requests sent to the endpoint", labels);
	p->m_lies = metric(METRIC_COUNTER, "fairlead_endpoint_lies_total",
		"Answers that contradicted themselves or another endpoint", labels);
	p->m_range = metric(METRIC_GAUGE, "fairlead_endpoint_range", "Blocks that are asked for at once", labels);
	p->m_state = metric(METRIC_GAUGE, "fairlead_endpoint_up",
		"1: asked; 0: resting, excluded, or not yet known to serve the right chain", labels);
}

void provider_metrics(struct provider *p)
{
	const struct heads_state *h = provider_heads(p);
	if (!p->m_head)
		make(p);
	if (h->heard) {
		metric_set(p->m_head, (double)h->head);
		metric_set(p->m_lag, (double)provider_lag(p));
	}
	metric_set(p->m_latency, (double)p->latency_us / 1e6);
	metric_add(p->m_requests, (int64_t)(p->requests - (uint64_t)metric_get(p->m_requests)));
	metric_set(p->m_range, (double)learner_blocks(&p->learner, INT64_MAX));
	metric_set(p->m_state, p->state == PROVIDER_WELL);
}

void providers_status(struct providers *ps, struct buf *out)
{
	buf_char(out, '[');
	for (size_t i = 0; i < ps->n; i++) {
		struct provider *p = &ps->all[i];
		const struct heads_state *h = provider_heads(p);
		provider_metrics(p);
		buf_text(out, i ? ",{\"endpoint\":" : "{\"endpoint\":");
		buf_json(out, str_of(p->name));
		buf_printf(out,
			",\"state\":\"%s\",\"head\":%" PRId64 ",\"lag\":%" PRId64 ",\"latency_us\":%" PRIu64
			",\"in_flight\":%u,\"range\":%" PRId64 ",\"requests\":%" PRIu64 ",\"failures\":%" PRIu64
			",\"lies\":%" PRIu64 ",\"websocket\":%s}",
			provider_state_name(p->state), h->heard ? (int64_t)h->head : -1, provider_lag(p), p->latency_us,
			p->in_flight, learner_blocks(&p->learner, INT64_MAX), p->requests, p->failures, p->lies,
			h->ws_up ? "true" : "false");
	}
	buf_char(out, ']');
}
