#include "reconciler/serve/topics_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ── peers ── */

void hub_enter(struct hub *h)
{
	h->deep++;
}

void hub_exit(struct hub *h)
{
	if (--h->deep || !h->gone)
		return;
	h->gone = 0;
	for (struct hub_peer *p = h->peers, *next; p; p = next) {
		next = p->next;
		if (!p->closed)
			continue;
		if (p->prev)
			p->prev->next = next;
		else
			h->peers = next;
		if (next)
			next->prev = p->prev;
		free(p);
	}
}

static void forget(struct hub_peer *p)
{
	if (p->closed)
		return;
	while (p->subs)
		sub_drop(p->subs);
	p->closed = true;
	p->hub->npeers--;
	p->hub->gone++;
}

static void peer_close(struct hub_peer *p, int code, const char *reason)
{
	if (p->closed)
		return;
	forget(p);
	p->kind->close(p->arg, code, reason);
}

static void too_slow(struct hub_peer *p)
{
	char reason[120];
	snprintf(reason, sizeof reason,
		"you read too slowly: %zu KiB wait; connect again and resume from %" PRId64,
		p->kind->unsent(p->arg) >> 10, p->hub->newest - 1);
	peer_close(p, 1008, reason);
}

static void give(struct hub_peer *p, struct sent *m)
{
	p->kind->send(p->arg, sent_encoded(m, p->kind));
}

void peer_text(struct hub_peer *p, const struct buf *json)
{
	const struct hub_text t = {0, {0}, {json->p, json->n}};
	if (p->closed)
		return;
	void *e = p->kind->encode(&t);
	p->kind->send(p->arg, e);
	p->kind->drop(e);
}

struct hub_peer *hub_join(struct hub *h, const struct ws_decl *path, const struct hub_kind *kind, void *peer)
{
	struct hub_peer *p = mem_alloc(sizeof *p);
	must(kind->index >= 0 && kind->index < HUB_KINDS);
	*p = (struct hub_peer){.hub = h, .path = path, .kind = kind, .arg = peer, .next = h->peers};
	if (h->peers)
		h->peers->prev = p;
	h->peers = p;
	h->npeers++;
	return p;
}

void hub_leave(struct hub_peer *p)
{
	struct hub *h = p->hub;
	hub_enter(h);
	forget(p);
	hub_exit(h);
}

/* ── subscriptions ── */

struct sub *sub_add(struct hub_peer *p, const struct hub_want *want)
{
	size_t bytes = sizeof(struct sub) + want->ntopics * sizeof(char *) + want->nwhere * sizeof *want->where;
	for (size_t i = 0; i < want->ntopics; i++)
		bytes += strlen(want->topics[i]) + 1;
	for (size_t i = 0; i < want->nwhere; i++)
		bytes += strlen(want->where[i].field) + strlen(want->where[i].value) + 2;
	struct sub *s = mem_alloc(bytes);
	s->topics = (const char **)(s + 1);
	s->where = (struct message_where *)(s->topics + want->ntopics);
	char *text = (char *)(s->where + want->nwhere);
	for (; s->ntopics < want->ntopics; s->ntopics++)
		text = stpcpy((char *)(uintptr_t)(s->topics[s->ntopics] = text), want->topics[s->ntopics]) + 1;
	for (; s->nwhere < want->nwhere; s->nwhere++) {
		text =
			stpcpy((char *)(uintptr_t)(s->where[s->nwhere].field = text), want->where[s->nwhere].field) + 1;
		text =
			stpcpy((char *)(uintptr_t)(s->where[s->nwhere].value = text), want->where[s->nwhere].value) + 1;
	}
	s->peer = p;
	s->cursor = want->from;
	s->next = p->subs;
	p->subs = s;
	p->nsubs++;
	return s;
}

void sub_drop(struct sub *s)
{
	struct hub_peer *p = s->peer;
	struct hub *h = p->hub;
	struct sub **at = &p->subs;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	p->nsubs--;
	if (s->waits) {
		struct sub **row = &h->row;
		while (*row != s)
			row = &(*row)->after;
		*row = s->after;
		if (!*row)
			h->row_end = row;
	}
	if (h->reading == s)
		h->reading = NULL;
	free(s);
}

static void read_next(struct hub *h)
{
	struct sub *s = h->row;
	if (h->is_reading || !s)
		return;
	h->row = s->after;
	if (!h->row)
		h->row_end = &h->row;
	s->waits = false;
	h->reading = s;
	h->is_reading = true;
	/* the filter's words live in s, which may go meanwhile: whoever asks copies them into its statement at
	 * once */
	h->read = (struct hub_read){
		s->cursor, h->newest, {(const char *const *)s->topics, s->ntopics, s->where, s->nwhere}};
	h->o.read(h->o.arg, &h->read);
}

static void ask(struct sub *s)
{
	struct hub *h = s->peer->hub;
	if (s->waits || h->reading == s)
		return;
	s->waits = true;
	s->after = NULL;
	*h->row_end = s;
	h->row_end = &s->after;
	read_next(h);
}

static bool lies_in_ring(const struct hub *h, int64_t seq)
{
	return seq > h->newest - (int64_t)h->count && seq <= h->newest;
}

static struct sent *ring_at(const struct hub *h, int64_t seq)
{
	size_t i = (size_t)(seq - (h->newest - (int64_t)h->count + 1));
	return h->ring[(h->first + i) % HUB_RING];
}

static bool is_full(const struct hub_peer *p)
{
	return p->kind->unsent(p->arg) > HUB_PAUSE_BYTES;
}

/* false: the subscription is gone. */
static bool not_there(struct sub *s, int64_t go_on_from)
{
	bool stays = s->peer->kind->goes_on;
	say_not_there(s);
	if (stays)
		s->cursor = go_on_from;
	else
		sub_drop(s);
	return stays;
}

/* As far as the ring and the peer's line let it. */
void sub_go_on(struct sub *s)
{
	struct hub_peer *p = s->peer;
	struct hub *h = p->hub;
	if (s->live || s->waits || h->reading == s || h->newest < 0)
		return;
	if (s->cursor < 0)
		s->cursor = h->newest; /* from now on, asked before it was known where that is */
	if (s->cursor > h->newest && !not_there(s, h->newest))
		return;
	bool near = s->cursor == h->newest || lies_in_ring(h, s->cursor + 1);
	if (near && !s->confirmed)
		say_subscribed(s);
	for (; s->cursor < h->newest && lies_in_ring(h, s->cursor + 1) && !is_full(p); s->cursor++) {
		struct sent *m = ring_at(h, s->cursor + 1);
		if (sent_is_for(m, s))
			give(p, m);
	}
	if (s->cursor == h->newest)
		s->live = true;
	else if (!lies_in_ring(h, s->cursor + 1) && !is_full(p))
		ask(s);
}

/* ── the log ── */

static void ring_clear(struct hub *h)
{
	for (size_t i = 0; i < h->count; i++)
		sent_free(h->ring[(h->first + i) % HUB_RING]);
	h->count = h->bytes = 0;
}

static void ring_push(struct hub *h, struct sent *m)
{
	while (h->count && (h->count == HUB_RING || h->bytes + m->bytes > HUB_RING_BYTES)) {
		h->bytes -= h->ring[h->first]->bytes;
		sent_free(h->ring[h->first]);
		h->first = (h->first + 1) % HUB_RING;
		h->count--;
	}
	h->ring[(h->first + h->count++) % HUB_RING] = m;
	h->bytes += m->bytes;
}

int64_t hub_newest(const struct hub *h)
{
	return h->newest;
}

static void go_on_from(struct hub *h, int64_t newest, bool lost)
{
	ring_clear(h);
	h->newest = newest;
	for (struct hub_peer *p = h->peers; p; p = p->next)
		for (struct sub *s = p->subs; s; s = s->next) {
			s->live = s->live && lost;
			if (lost)
				s->cursor = newest;
		}
	hub_go_on(h);
}

void hub_recent(struct hub *h, const struct message *m)
{
	must(h->newest < 0);
	ring_push(h, sent_new(m));
}

void hub_ends(struct hub *h, int64_t newest, int64_t oldest)
{
	bool first = h->newest < 0;
	h->oldest = oldest;
	if (first)
		h->newest = newest;
	if (first && h->count && h->ring[(h->first + h->count - 1) % HUB_RING]->seq != newest)
		ring_clear(h);
	if (newest < h->newest)
		go_on_from(h, newest, true);
	else if (first)
		hub_go_on(h);
}

void hub_skip(struct hub *h, int64_t newest)
{
	must(newest >= h->newest);
	go_on_from(h, newest, false);
}

/* One message to a peer, whichever of its subscriptions it is for. */
static void to_peer(struct hub_peer *p, struct sent *m)
{
	bool wanted = false;
	for (struct sub *s = p->subs; s; s = s->next) {
		if (!s->live)
			continue;
		wanted = wanted || sent_is_for(m, s);
		s->cursor = m->seq;
	}
	if (wanted && p->kind->unsent(p->arg) > HUB_SLOW_BYTES)
		too_slow(p);
	else if (wanted)
		give(p, m);
}

void hub_message(struct hub *h, const struct message *m)
{
	must(h->newest >= 0 && m->seq == h->newest + 1);
	struct sent *s = sent_new(m);
	hub_enter(h);
	ring_push(h, s);
	h->newest = m->seq;
	for (struct hub_peer *p = h->peers; p; p = p->next)
		if (!p->closed)
			to_peer(p, s);
	hub_exit(h);
}

/* Up to which number the peer has it now: a full line takes no more of the page. */
static int64_t took_page(struct sub *s, const struct message *list, size_t n, int64_t upto)
{
	int64_t at = s->cursor;
	if (!s->confirmed)
		say_subscribed(s);
	for (size_t i = 0; i < n; i++) {
		if (is_full(s->peer))
			return at;
		struct sent *m = sent_new(&list[i]);
		if (sent_is_for(m, s))
			give(s->peer, m);
		sent_free(m);
		at = list[i].seq;
	}
	return n == HUB_PAGE ? at : upto;
}

void hub_page(struct hub *h, const struct message *list, size_t n, int64_t oldest)
{
	struct sub *s = h->reading;
	must(h->is_reading);
	hub_enter(h);
	h->reading = NULL;
	h->is_reading = false;
	h->oldest = oldest;
	if (s && (s->cursor + 1 >= oldest || not_there(s, oldest - 1))) {
		s->cursor = took_page(s, list, n, h->read.upto);
		if (s->cursor > h->newest) /* it went back meanwhile */
			s->cursor = h->newest;
		sub_go_on(s);
	}
	read_next(h);
	hub_exit(h);
}

void hub_page_failed(struct hub *h)
{
	must(h->is_reading);
	h->reading = NULL;
	h->is_reading = false;
}

static bool is_behind(const struct hub_peer *p)
{
	for (const struct sub *s = p->subs; s; s = s->next)
		if (!s->live)
			return true;
	return false;
}

bool hub_go_on(struct hub *h)
{
	bool behind = false;
	hub_enter(h);
	for (struct hub_peer *p = h->peers; p; p = p->next)
		for (struct sub *s = p->subs, *next; s && !p->closed; s = next) {
			next = s->next;
			sub_go_on(s);
			behind |= is_behind(p);
		}
	read_next(h);
	hub_exit(h);
	return behind;
}

void hub_close_all(struct hub *h, const char *reason)
{
	hub_enter(h);
	for (struct hub_peer *p = h->peers; p; p = p->next)
		peer_close(p, 1001, reason);
	hub_exit(h);
}

size_t hub_peers(const struct hub *h)
{
	return h->npeers;
}

struct hub *hub_new(const struct hub_options *o)
{
	struct hub *h = mem_alloc(sizeof *h);
	h->o = *o;
	h->newest = -1;
	h->oldest = 1;
	h->row_end = &h->row;
	return h;
}

void hub_free(struct hub *h)
{
	must(h->npeers == 0);
	ring_clear(h);
	arena_fini(&h->mem);
	free(h);
}
