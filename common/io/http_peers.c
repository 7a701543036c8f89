#include "common/base/mem.h"
#include "common/io/http_in.h"

#include <stdlib.h>

enum { BUCKETS = 1024 };

struct http_peer_count {
	struct http_peer_count *next;
	uint8_t address[16];
	int n;
};
struct http_peers {
	struct http_peer_count *bucket[BUCKETS];
	uint64_t seed;
};

struct http_peers *http_peers_new(void)
{
	struct http_peers *p = mem_alloc(sizeof *p);
	p->seed = clock_mono_us() * 0x9e3779b97f4a7c15u | 1;
	return p;
}

static struct http_peer_count **bucket_of(struct http_peers *p, const uint8_t a[16])
{
	uint64_t h = p->seed;
	for (int i = 0; i < 16; i++)
		h = (h ^ a[i]) * 0x100000001b3u;
	return &p->bucket[(h ^ h >> 32) % BUCKETS];
}

struct http_peer_count *http_peers_add(struct http_peers *p, const uint8_t a[16], int *n)
{
	struct http_peer_count **at = bucket_of(p, a), *c = *at;
	while (c && memcmp(c->address, a, 16) != 0)
		c = c->next;
	if (!c) {
		c = mem_alloc(sizeof *c);
		memcpy(c->address, a, 16);
		c->next = *at;
		*at = c;
	}
	*n = ++c->n;
	return c;
}

void http_peers_drop(struct http_peers *p, struct http_peer_count *c)
{
	if (!c || --c->n)
		return;
	struct http_peer_count **at = bucket_of(p, c->address);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c);
}

void http_peers_free(struct http_peers *p)
{
	if (!p)
		return;
	for (int i = 0; i < BUCKETS; i++)
		must(!p->bucket[i]);
	free(p);
}
