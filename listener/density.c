#include "listener/density.h"

enum {
	GAS_A_LOG = 20000, /* of a transaction that writes a little and says so; many cost more, few less */
	BYTES_A_LOG = 700, /* of JSON */
	PART = 256,
	PART_FIRST = 10 * PART, /* where transactions do little but write logs, one costs 2,000 */
	PART_MOST = 1000 * PART,
	PART_FALLS = 8, /* in one answer, to so much of it at most */
};

void density_guess(
	const struct filter *f, const struct block_header *h, size_t n, uint64_t *logs, uint64_t *bytes)
{
	*logs = 0;
	for (size_t i = 0; i < n; i++)
		if (filter_bloom(f, h[i].bloom))
			*logs += 1 + h[i].gas_used / GAS_A_LOG;
	*bytes = *logs * BYTES_A_LOG;
}

static uint64_t part_of(const struct density_seen *d)
{
	return d->part > 0 ? d->part : PART_FIRST;
}

size_t density_fit(const struct density_seen *d, const struct filter *f, const struct block_header *h,
	size_t n, uint64_t bytes)
{
	uint64_t left = bytes * PART / part_of(d);
	for (size_t i = 0; i < n; i++) {
		uint64_t logs, guess;
		density_guess(f, &h[i], 1, &logs, &guess);
		if (guess > left)
			return i > 0 ? i : 1;
		left -= guess;
	}
	return n;
}

void density_saw(
	struct density_seen *d, const struct filter *f, const struct block_header *h, size_t n, uint64_t bytes)
{
	uint64_t logs, guess, part = part_of(d) / PART_FALLS;
	density_guess(f, h, n, &logs, &guess);
	if (guess == 0)
		return;
	if (bytes / guess >= PART_MOST / PART)
		part = PART_MOST;
	else if (bytes * PART / guess > part)
		part = bytes * PART / guess;
	d->part = part > 0 ? (uint32_t)part : 1;
}
