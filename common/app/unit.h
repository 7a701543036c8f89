/* unit: numbers as people write them, read exactly (GRAMMAR §3, INV-12). Each reader says in e->text what is
 * wrong and how it would be right; near: the right spelling inside that text, or "". */
#ifndef FAIRLEAD_APP_UNIT_H
#define FAIRLEAD_APP_UNIT_H

#include "common/base/err.h"
#include "common/base/u256.h"

struct unit_error {
	char text[320], near[96];
};
struct rate {
	uint64_t count, per_ms;
};
struct ratio {
	uint64_t num, den; /* in lowest terms, den > 0 */
};
bool unit_number(struct str s, uint64_t *v, struct unit_error *e);
bool unit_bool(struct str s, bool *v, struct unit_error *e);
bool unit_duration(struct str s, uint64_t *ms, struct unit_error *e);     /* "250ms" "7d" "0" */
bool unit_rate(struct str s, struct rate *r, struct unit_error *e);       /* "100/m" */
bool unit_ratio(struct str s, struct ratio *r, struct unit_error *e);     /* "1.2" = 6/5 */
bool unit_percent(struct str s, uint64_t *percent, struct unit_error *e); /* "5%", 0 to 100 */
/* "100 gwei" → wei, "0.5 sol" → lamports. solana: says which of the two it was. */
bool unit_amount(struct str s, struct u256 *v, bool *solana, struct unit_error *e);
void unit_duration_text(char out[32], uint64_t ms); /* in the largest unit that divides it */

#endif
