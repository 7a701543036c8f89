/* range: how many blocks to ask for at once: a ceiling, halved when refused, grown again by success. Pure. */
#ifndef FAIRLEAD_LISTENER_RANGE_H
#define FAIRLEAD_LISTENER_RANGE_H

#include <stdint.h>

struct range {
	int64_t now, ceiling;
	int good; /* answers in a row since the last change */
};
void range_init(struct range *r, int64_t ceiling);
void range_refused(struct range *r); /* halves; the floor is one block */
void range_ok(struct range *r);      /* doubles after every third good answer, up to the ceiling */
/* n of now could be used: not many more are asked for next time. */
void range_fits(struct range *r, int64_t n);

#endif
