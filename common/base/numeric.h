/* numeric: whole numbers as PostgreSQL sends and takes a numeric in binary: exact (INV-12).
 *
 * numeric_send, numeric_recv: four int16 (how many digits, weight of the first, sign, digits behind the
 * point), then the digits, base 10000, the most significant first, without zeros at either end; all
 * big-endian. */
#ifndef FAIRLEAD_BASE_NUMERIC_H
#define FAIRLEAD_BASE_NUMERIC_H

#include "common/base/u256.h"

enum { NUMERIC_MAX = 8 + 2 * 20 };
/* Writes |a| with its sign; how many bytes. */
size_t numeric_of_u256(uint8_t out[NUMERIC_MAX], struct u256 a, bool negative);

#endif
