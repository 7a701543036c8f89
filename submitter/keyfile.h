/* keyfile: what a key file and its passfile say, read once at start: hex, or a keystore
 * (common/evm/keystore.h).
 *
 * A secret that others can read is none, and a key that others can put in its place is not ours: both are
 * refused, with the command that mends it. Attackers: other accounts of the same machine. */
#ifndef FAIRLEAD_SUBMITTER_KEYFILE_H
#define FAIRLEAD_SUBMITTER_KEYFILE_H

#include "common/evm/keystore.h"

enum { KEYFILE_MAX = 64 << 10, PASSPHRASE_MAX = 1024 };
struct keyfile {
	const char *path;      /* borrowed */
	struct key *key;       /* of hex: owned, until it is taken */
	struct keystore store; /* else */
	char *pass;            /* of a keystore: guarded memory, npass bytes */
	size_t npass;
};
/* passfile: NULL where none is named. false: *e begins with the file's path, out is empty. */
bool keyfile_read(struct keyfile *out, const char *path, const char *passfile, struct err *e);
/* A keystore's key (slow, keystore.h); the error begins with the file's path. May run on a thread of its own.
 */
struct key *keyfile_open(const struct keyfile *f, struct err *e);
void keyfile_fini(struct keyfile *f); /* wipes */

#endif
