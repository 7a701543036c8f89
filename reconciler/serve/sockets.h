/* sockets: the paths of serve.ws: WebSocket, and server-sent events for who asks without an upgrade; both are
 * peers of one hub. Also AsyncAPI, which tells of them.
 *
 * A stream (EventSource, curl -N) says in its URL what it wants: ?topics=a,b&where.lockId=5&from=120; nothing
 * said: all topics from now on. Last-Event-ID is from. */
#ifndef FAIRLEAD_SERVE_SOCKETS_H
#define FAIRLEAD_SERVE_SOCKETS_H

#include "common/fleet/member.h"
#include "reconciler/serve/door.h"

struct sockets;
/* Before door_listen: takes its paths. NULL: the file has none and publishes nothing. */
struct sockets *sockets_open(struct member *m, struct door *d);
void sockets_start(struct sockets *s); /* PostgreSQL is there and installed; NULL: nothing */
void sockets_drain(struct sockets *s); /* reads no more; the server's own drain says goodbye to the peers */
/* Before door_close. Says 1001 to all that are left. NULL: nothing. */
void sockets_close(struct sockets *s);

#endif
