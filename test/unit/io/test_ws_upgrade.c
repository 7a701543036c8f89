#include "common/io/ws_upgrade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KEY    "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, section 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void the_request_names_the_host_as_the_url_does(void **state)
{
	(void)state;
	static const char *const is[][2] = {
		{"ws://a.test/x?key=1", "GET /x?key=1 HTTP/1.1\r\nHost: a.test\r\n"},
		{"ws://a.test:81", "GET / HTTP/1.1\r\nHost: a.test:81\r\n"},
		{"wss://a.test:443/", "GET / HTTP/1.1\r\nHost: a.test\r\n"},
		{"wss://a.test:80/", "GET / HTTP/1.1\r\nHost: a.test:80\r\n"},
		{"ws://[::1]/", "GET / HTTP/1.1\r\nHost: [::1]\r\n"},
		{"ws://[::1]:8546/", "GET / HTTP/1.1\r\nHost: [::1]:8546\r\n"},
	};
	for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
		struct endpoint at;
		struct err e;
		struct buf b = {0};
		if (!endpoint_parse(&at, is[i][0], &e))
			fail_msg("%s", e.text);
		ws_upgrade_ask(&b, &at, KEY);
		if (!text_starts(b.p, is[i][1]))
			fail_msg("%s: %s", is[i][0], b.p);
		assert_non_null(strstr(b.p, "\r\nSec-WebSocket-Key: " KEY "\r\n"));
		assert_null(strstr(b.p, "Authorization"));
		assert_string_equal(b.p + b.n - 4, "\r\n\r\n");
		buf_fini(&b);
	}
}

static void a_login_of_any_length_goes_along(void **state)
{
	(void)state;
	struct endpoint at = {.path = "/", .name = "a:1", .host = "a", .port = 1};
	struct buf b = {0};
	memset(at.login, 'p', sizeof at.login - 1);
	ws_upgrade_ask(&b, &at, KEY);
	const char *login = strstr(b.p, "\r\nAuthorization: Basic cHBw");
	assert_non_null(login);
	assert_int_equal(strcspn(login + 23, "\r"), 340);
	buf_fini(&b);
}

static void a_key_is_another_one_each_time(void **state)
{
	(void)state;
	char a[WS_KEY_N + 1], b[WS_KEY_N + 1];
	ws_upgrade_key(a);
	ws_upgrade_key(b);
	assert_int_equal(strlen(a), WS_KEY_N);
	assert_string_not_equal(a, b);
}

static void what_grants_it_and_what_does_not(void **state)
{
	(void)state;
	static const struct {
		const char *head, *why; /* NULL: granted */
		int code;
	} is[] = {
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
			NULL, 0},
		{"HTTP/1.1 101 \r\nSEC-WEBSOCKET-ACCEPT: \t" ACCEPT " \r\nconnection: keep-alive, UPGRADE\r\n"
		 "upgrade: h2c, WebSocket\r\nSec-WebSocket-Extensions:\r\nServer: x\r\n\r\n",
			NULL, 0},
		{"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP status 403", 403},
		{"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 5\r\n\r\n", "HTTP status 429", 429},
		{"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
		 "\r\n\r\n",
			"HTTP status 200", 200},
		{"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
			"its answer names no WebSocket", 0},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
			"its answer names no WebSocket", 0},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "it answered another key", 0},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
			"it answered another key", 0},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
		 "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
			"it answered with an extension that was not asked for", 0},
		{"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT
		 "\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
			"it answered with an extension that was not asked for", 0},
		{"<html>\r\n\r\n", "its answer is no HTTP", 0},
		{"\r\n\r\n", "its answer is no HTTP", 0},
		{"HTTP/1.1 101 x\r\nUpgrade websocket\r\n\r\n", "its answer is no HTTP", 0},
	};
	for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
		struct err e = {0};
		bool granted = ws_upgrade_granted(str_of(is[i].head), KEY, &e);
		if (granted != !is[i].why || (!granted && !text_is(e.text, is[i].why)))
			fail_msg("%s: %d, %s", is[i].head, granted, e.text);
		assert_int_equal(e.code, is[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_names_the_host_as_the_url_does),
		cmocka_unit_test(a_login_of_any_length_goes_along),
		cmocka_unit_test(a_key_is_another_one_each_time),
		cmocka_unit_test(what_grants_it_and_what_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
