#include "common/io/ws_upgrade.h"
#include "common/base/mem.h"
#include "common/io/http_parse.h"

#include <sys/random.h>

#include <openssl/evp.h>

void ws_upgrade_key(char key[WS_KEY_N + 1])
{
	unsigned char nonce[16];
	must(getrandom(nonce, sizeof nonce, 0) == sizeof nonce);
	EVP_EncodeBlock((unsigned char *)key, nonce, sizeof nonce);
}

static void put_login(struct buf *b, const char *login)
{
	char text[4 * (sizeof((struct endpoint *)0)->login / 3 + 1) + 1];
	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)login, (int)strlen(login));
	buf_printf(b, "Authorization: Basic %s\r\n", text);
}

void ws_upgrade_ask(struct buf *b, const struct endpoint *at, const char *key)
{
	buf_printf(b, "GET %s HTTP/1.1\r\nHost: ", at->path);
	if (at->port != (at->tls ? 443 : 80))
		buf_text(b, at->name);
	else
		buf_printf(b, strchr(at->host, ':') ? "[%s]" : "%s", at->host);
	buf_printf(b,
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: "
		"13\r\n"
		"User-Agent: fairlead/" FAIRLEAD_VERSION "\r\n",
		key);
	if (at->login[0])
		put_login(b, at->login);
	buf_text(b, "\r\n");
}

struct answer {
	struct str name, accept; /* name: of the field that is being read */
	bool upgrade, connection, unasked;
	int status;
};

static int on_field(llhttp_t *ll, const char *at, size_t n)
{
	struct answer *a = ll->data;
	a->name = (struct str){at, n};
	return 0;
}

static int on_value(llhttp_t *ll, const char *at, size_t n)
{
	struct answer *a = ll->data;
	struct str value = {at, n};
	while (value.n && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
		value.n--;
	if (http_word_is(a->name, "Upgrade"))
		a->upgrade |= http_list_has(value, "websocket");
	else if (http_word_is(a->name, "Connection"))
		a->connection |= http_list_has(value, "upgrade");
	else if (http_word_is(a->name, "Sec-WebSocket-Accept"))
		a->accept = value;
	else if (http_word_is(a->name, "Sec-WebSocket-Extensions") ||
			 http_word_is(a->name, "Sec-WebSocket-Protocol"))
		a->unasked |= value.n > 0;
	return 0;
}

static int on_head_end(llhttp_t *ll)
{
	struct answer *a = ll->data;
	a->status = llhttp_get_status_code(ll);
	return HPE_PAUSED;
}

bool ws_upgrade_granted(struct str head, const char *key, struct err *e)
{
	struct answer a = {0};
	char want[32];
	llhttp_settings_t fn;
	llhttp_t ll;
	llhttp_settings_init(&fn);
	fn.on_header_field = on_field;
	fn.on_header_value = on_value;
	fn.on_headers_complete = on_head_end;
	llhttp_init(&ll, HTTP_RESPONSE, &fn);
	ll.data = &a;
	llhttp_execute(&ll, head.p, head.n);
	ws_accept_of(want, key);
	if (!a.status)
		return err_set(e, ERR_MALFORMED, "its answer is no HTTP");
	if (a.status != 101) {
		err_put(e, ERR_TRANSIENT, "HTTP status %d", a.status);
		e->code = a.status;
		return false;
	}
	if (!a.upgrade || !a.connection)
		return err_set(e, ERR_MALFORMED, "its answer names no WebSocket");
	if (!str_is(a.accept, want))
		return err_set(e, ERR_MALFORMED, "it answered another key");
	if (a.unasked)
		return err_set(e, ERR_MALFORMED, "it answered with an extension that was not asked for");
	return true;
}
