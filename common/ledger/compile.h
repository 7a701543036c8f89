/* compile: the rules of an application become PL/pgSQL functions in schema fairlead_app (DESIGN §3 "Rules
 * compile to SQL").
 *
 * Called by install inside its transaction, when the tables of the engine, the typed tables of the declared
 * events, the files.* tables and the application's own tables all stand. Blocking. Every sql of the rules,
 * batches and compares is prepared by PostgreSQL itself with each occurrence of a name as its own untyped
 * parameter, so types are what PostgreSQL infers in that place (model A6), and what it refuses becomes a
 * problem at its place in the YAML file.
 *
 * What stands afterwards (every function of the schema is dropped and made again; beside them it holds one
 * table, compared, where rows of compare rules wait to be taken in pages):
 * - apply_<chain>, a run of events of lane apply:<chain> for rules `at: seen`
 * - history_<chain>, the same for one of the chain's histories (history.h) and all rules
 * - final_<chain>, the same for rules `at: final`; made only where there are some
 * - unpark_<chain>, events that wait in a rule (let … else: park) are tried again; made only where there are
 * some
 * - happen_<chain>, what happened beside the log (sql/012); made only where a rule names such
 * - bury_<chain>, one poison event is put aside
 * - cut_<batch>, waiting items become batches
 * - unpark_<batch>, parked items whose let now has another row wait again
 * - peek_<batch>, how many items wait, since when
 * - read_<rule>, fix_<rule>, missing_<rule>, for a rule `every: … compare:`
 *
 * rules.h calls them. The text of each depends on the configuration and the tables only: it is the same each
 * time. */
#ifndef FAIRLEAD_LEDGER_COMPILE_H
#define FAIRLEAD_LEDGER_COMPILE_H

#include "common/app/config.h"
#include "common/base/err.h"

#include <libpq-fe.h>

/* false: *e is set (the connection failed, or PostgreSQL refused text of ours): the transaction is of no use
 * any more. true with ps longer than before: the configuration is wrong and nothing was made; the transaction
 * is still good. */
bool compile_application(const struct config *c, PGconn *conn, struct problems *ps, struct err *e);

#endif
