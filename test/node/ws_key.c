#include "test/node/ws_key.h"

#include <libwebsockets.h>

/* The key ‖ a fixed text, SHA-1, base64. */
void ws_key_accept(char out[40], struct str key)
{
	struct buf b = {0};
	unsigned char digest[20];
	buf_str(&b, key);
	buf_text(&b, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
	lws_SHA1((unsigned char *)b.p, b.n, digest);
	lws_b64_encode_string((char *)digest, 20, out, 40);
	buf_fini(&b);
}
