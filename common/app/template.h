/* template: a text with {names} (GRAMMAR §1, kind text). {{ is a brace. A ${VAR} is put in as text, never
 * read again. */
#ifndef FAIRLEAD_APP_TEMPLATE_H
#define FAIRLEAD_APP_TEMPLATE_H

#include "common/app/config.h"
#include "common/app/scalar.h"

/* s is expanded. Mistakes are added to ps; what could be read is returned. */
const struct template *template_parse(struct arena *a, const struct scalar *s, struct problems *ps);
/* A name at text[from …): letters, digits, _ with a letter or _ first, one .member; its length, or 0. */
size_t name_length(struct str text, size_t from);

#endif
