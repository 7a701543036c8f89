/* sax: what a streaming JSON parser says, in the order of the text. Whoever parses (common/io) and whoever
 * understands (common/evm) meet here, so that a huge answer is read once, as it arrives, and never kept.
 *
 * Each function gets ctx; false: no more is wanted of this text (the listener to the events remembers why).
 * Texts are borrowed for the call; strings and keys have their escapes undone, numbers are as written. */
#ifndef FAIRLEAD_BASE_SAX_H
#define FAIRLEAD_BASE_SAX_H

#include "common/base/str.h"

struct sax {
	bool (*on_null)(void *ctx);
	bool (*on_bool)(void *ctx, bool v);
	bool (*on_number)(void *ctx, struct str text);
	bool (*on_string)(void *ctx, struct str text);
	bool (*on_open_map)(void *ctx);
	bool (*on_key)(void *ctx, struct str name);
	bool (*on_close_map)(void *ctx);
	bool (*on_open_array)(void *ctx);
	bool (*on_close_array)(void *ctx);
};

#endif
