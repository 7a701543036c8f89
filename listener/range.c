#include "listener/range.h"

void range_init(struct range *r, int64_t ceiling)
{
	*r = (struct range){.now = ceiling > 0 ? ceiling : 1, .ceiling = ceiling > 0 ? ceiling : 1};
}

void range_refused(struct range *r)
{
	r->now = r->now > 1 ? r->now / 2 : 1;
	r->good = 0;
}

void range_fits(struct range *r, int64_t n)
{
	if (n < r->now / 2)
		r->now = 2 * n;
	r->good = 0;
}

void range_ok(struct range *r)
{
	if (r->now == r->ceiling || ++r->good < 3)
		return;
	r->now = r->now > r->ceiling / 2 ? r->ceiling : r->now * 2;
	r->good = 0;
}
