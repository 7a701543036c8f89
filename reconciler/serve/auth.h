/* auth: who may (serve.auth). A bearer token, compared in constant time; or a JWT (RFC 7519, RFC 7515):
 * HS256, EdDSA (Ed25519), ES256K, which one is the key's to say and never the token's. An empty secret
 * refuses everybody.
 *
 * A jwt secret is the shared key itself (HS256), "ed25519:" or "es256k:" and the public key in hex (32 bytes;
 * 33 or 65 bytes), or a PEM of such a public key. */
#ifndef FAIRLEAD_SERVE_AUTH_H
#define FAIRLEAD_SERVE_AUTH_H

#include "common/app/config.h"
#include "reconciler/serve/names.h"

struct auth_key; /* one auth_decl, made ready */
/* NULL: *e says what of it can't be used, never the secret. An empty one is fine and refuses. */
struct auth_key *auth_key_new(const struct auth_decl *d, struct err *e);
void auth_key_free(struct auth_key *k);

/* authorization: the header's value; p == NULL: none. now_s: Unix time. true: claims of a JWT are put into
 * names as auth.<claim>. false: why says what is wrong with it, for the peer: no secret, nothing that helps
 * to guess. */
bool auth_let_in(const struct auth_key *k, struct str authorization, int64_t now_s, struct serve_names *names,
	const char **why);

#endif
