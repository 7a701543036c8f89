/* redis_url: where a Redis is and how to log in there, from its URL. Pure. */
#ifndef FAIRLEAD_IO_REDIS_URL_H
#define FAIRLEAD_IO_REDIS_URL_H

#include "common/base/err.h"

#include <stdint.h>

struct redis_url {
	char *path; /* unix socket; NULL: host and port */
	char *host;
	char *user, *password; /* NULL: none */
	int port;
	int64_t db;
};
/* Forms: redis://[user:password@]host[:port][/db], unix:/path[?db=n], unix://…, /path. %xx is decoded in user
 * and password. false: *e names what is wrong without showing credentials. Fill a zeroed struct; fini either
 * way. */
bool redis_url_parse(struct redis_url *u, const char *url, struct err *e);
void redis_url_fini(struct redis_url *u);

#endif
