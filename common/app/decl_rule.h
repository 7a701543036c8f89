/* decl_rule: what decl_rule.c and decl_trigger.c share; nobody else includes it. */
#ifndef FAIRLEAD_APP_DECL_RULE_H
#define FAIRLEAD_APP_DECL_RULE_H

#include "common/app/decl.h"

struct making {
	struct loading *l;
	const struct value *v;
	struct rule_decl *rule;
	const struct event_decl **events;
	struct trigger_decl *triggers;
	struct scope *scopes; /* one an event, one a trigger; a clock has one */
	size_t nscopes;
	bool bad; /* a trigger is wrong: names can't be known */
};

/* One word of on: adds its events or its trigger to the rule. */
void rule_trigger(struct making *m, const struct value *t);
/* m->scopes, from the rule's events and triggers. */
void rule_scopes(struct making *m);
/* "C has no event Ee; did you mean E?", or without an owner "no contract is named D". The rule's names are
 * not known then. words ends with NULL. */
void rule_unknown(struct making *m, struct pos at, const char *fmt, const char *owner, const char *word,
	const char *const *words);

#endif
