/* log_stream: an eth_getLogs result, log by log, as its text arrives: no document tree, no array, no
 * allocation per log. What is checked, and what is malformed, is as logs_parse says (logs.h).
 *
 * Whoever parses the text (common/io) calls log_stream_sax with the stream as ctx. */
#ifndef FAIRLEAD_EVM_LOG_STREAM_H
#define FAIRLEAD_EVM_LOG_STREAM_H

#include "common/base/sax.h"
#include "common/evm/logs.h"

struct log_stream;
/* each: gets every log in the order of the answer, complete and checked. The log and its data are the
 * stream's and valid during the call; each may change the log. false: no more is wanted, and nothing more is
 * given. */
struct log_stream *log_stream_new(bool (*each)(void *arg, struct log *log), void *arg);
void log_stream_free(struct log_stream *s); /* NULL: nothing */
extern const struct sax log_stream_sax;     /* ctx: struct log_stream * */

/* Was it one whole array, taken to its end? false: *e says what was wrong (malformed; the index and the
 * field), or is left as it was where `each` said false. */
bool log_stream_end(const struct log_stream *s, struct err *e);
void log_stream_reset(struct log_stream *s); /* for the next answer */

#endif
