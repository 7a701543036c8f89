#include "submitter/hand.h"

#include "common/base/mem.h"

#include <stdlib.h>

struct hand {
	struct key *key; /* owned */
};

struct hand *hand_of_key(struct key *k)
{
	struct hand *h = mem_alloc(sizeof *h);
	h->key = k;
	return h;
}

const uint8_t *hand_address(const struct hand *h)
{
	return key_address(h->key);
}

void hand_sign(struct hand *h, struct arena *a, struct signing *list, size_t n, hand_done done, void *arg)
{
	struct buf raw = {0};
	for (size_t i = 0; i < n; i++) {
		buf_clear(&raw);
		tx_sign(&list[i].tx, h->key, &raw, list[i].hash);
		list[i].raw = arena_copy(a, raw.p, raw.n);
		list[i].nraw = raw.n;
	}
	buf_fini(&raw);
	done(arg, true, NULL);
}

void hand_free(struct hand *h)
{
	if (!h)
		return;
	key_free(h->key);
	free(h);
}
