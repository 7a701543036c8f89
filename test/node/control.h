/* control: the commands of a script. Each is a member of a JSON object: its name, then its options. README.md
 * is their page. */
#ifndef FAIRLEAD_TEST_NODE_CONTROL_H
#define FAIRLEAD_TEST_NODE_CONTROL_H

#include "test/node/net.h"

/* Carries out one command; what it answers is appended to out (null when nothing is). */
typedef bool (*command_fn)(struct world *w, const cJSON *o, struct buf *out, struct err *e);
struct command {
	const char *name;
	command_fn fn;
};
extern const struct command chain_commands[], endpoint_commands[], memory_commands[]; /* up to a NULL name */

/* The endpoints that `on` names: a number, a list, or all when it isn't there. */
struct chosen {
	struct endpoint *list[ENDPOINTS_MOST];
	size_t n;
};
bool control_on(struct world *w, const cJSON *o, struct chosen *out, struct err *e);
/* Refuses members that no command knows: a typo must not be a silent nothing. names: separated by blanks. */
bool control_known(const cJSON *o, const char *names, struct err *e);
struct branch *control_branch(struct world *w, const cJSON *o, struct err *e);
void control_put_head(struct buf *out, const struct branch *b);

#endif
