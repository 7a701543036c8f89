/* asset: the files of the pages (*.html, *.css, *.js beside the sources), carried by the program as arrays
 * that make writes, and their answer: what a page may load and ask is this server alone. */
#ifndef FAIRLEAD_SERVE_ASSET_H
#define FAIRLEAD_SERVE_ASSET_H

#include "reconciler/serve/visit.h"

struct asset {
	const char *name; /* "docs.html": without its folder */
	const unsigned char *bytes;
	size_t n;
};
extern const struct asset assets[]; /* ends with a name of NULL */

/* Answers with that file (it must be there), or 304. Kept by browsers, asked again each time (ETag). */
void asset_answer(struct visit *v, const char *name);

#endif
