/* hand_check: is what came back the transaction that was asked, signed by the account that was asked? Pure.
 *
 * The answer of a program or server is not trusted: it is decoded, compared field by field, its sender
 * recovered, and encoded anew from what was asked. Attackers: whoever answers. */
#ifndef FAIRLEAD_SUBMITTER_HAND_CHECK_H
#define FAIRLEAD_SUBMITTER_HAND_CHECK_H

#include "submitter/hand.h"

/* hex: 65 bytes r ‖ s ‖ v, v being 0, 1, 27 or 28; or 64 bytes r ‖ s, whose parity is found here. s in the
 * lower half (EIP-2). Fills raw (in a) and hash of s. */
bool hand_check_signature(
	struct signing *s, const uint8_t address[20], struct arena *a, struct str hex, struct err *e);
/* hex: the whole signed transaction. */
bool hand_check_raw(
	struct signing *s, const uint8_t address[20], struct arena *a, struct str hex, struct err *e);

#endif
