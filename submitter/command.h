/* command: what a person does to batches and items from a shell while the fleet runs: --cancel --resend
 * --drop --retry --freeze --thaw
 * --explain. PostgreSQL alone is asked: no key is read and no lane taken. Each is done once;
 * said again it answers with what stands.
 *
 * Exit codes: 0 said what was done, or what stands · 1 there is no such thing · 64 the words are wrong ·
 * 75 PostgreSQL does not answer: try again · 78 the file or the database is not the right one. */
#ifndef FAIRLEAD_SUBMITTER_COMMAND_H
#define FAIRLEAD_SUBMITTER_COMMAND_H

#include "common/fleet/member.h"

extern const struct option_decl command_options[]; /* of --help; a zero flag ends */
extern const char command_notes[];
int command_main(void *arg, struct member *m);

#endif
