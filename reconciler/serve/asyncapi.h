/* asyncapi: the topics as a document of AsyncAPI 3.0, for people and generators: one channel a path of
 * serve.ws, one message a publish: of the rules and routes, and what a peer may say. Pure but for reading the
 * rows of fairlead.topic. */
#ifndef FAIRLEAD_SERVE_ASYNCAPI_H
#define FAIRLEAD_SERVE_ASYNCAPI_H

#include "common/ledger/messages.h"

struct asyncapi;
struct asyncapi *asyncapi_new(const struct config *c); /* what the file says, until the rows are there */
/* rows: the answer to messages_topics, statement 0. */
void asyncapi_make(struct asyncapi *a, const struct pg_reply *rows);
struct str asyncapi_text(const struct asyncapi *a); /* until the next asyncapi_make */
void asyncapi_free(struct asyncapi *a);

#endif
