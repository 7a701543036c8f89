/* A Web3Signer (Consensys) by its eth1 HTTP API:
 *   GET  /api/v1/eth1/publicKeys           ["0x<64 bytes, no prefix>", …]
 *   POST /api/v1/eth1/sign/<public key>    {"data":"0x…"} → 0x r ‖ s ‖ v as text; it signs keccak256(data)
 * 404: it has no such key. Attackers: the server, or who stands between; its answers are held against the
 * questions. */
#include "common/base/mem.h"
#include "common/evm/keccak.h"
#include "common/io/fetch.h"
#include "submitter/hand_in.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_HEX = 128 };
struct asked {
	struct hand *h;
	size_t i;
	struct fetch *fetch; /* NULL: not under way */
};
struct server {
	struct fetcher *fetcher;
	struct asked accounts, *signings;
	size_t n;
	bool has_key;
	char key[KEY_HEX + 1]; /* the identifier of our account there */
};

/* ── answers ── */

static void fail(struct hand *h, enum err_class class, const char *text)
{
	struct err e = {0};
	const struct server *v = h->side;
	err_put(&e, class, "%s %s", fetcher_name(v->fetcher), text);
	remote_failed(h, &e, true);
}

static bool good(struct hand *h, const struct fetch_reply *r)
{
	char text[80];
	if (!r->ok) {
		remote_failed(h, &r->err, true);
		return false;
	}
	if (r->status == 200)
		return true;
	snprintf(text, sizeof text, "answered HTTP status %ld%s", r->status,
		r->status == 404 ? ": it does not have that key" : "");
	fail(h, ERR_TRANSIENT, text);
	return false;
}

/* 64 bytes are x ‖ y; 65 begin with 4 (SEC 1). The account is the last 20 bytes of their hash. */
static bool account_of(uint8_t out[20], char key[KEY_HEX + 1], const char *text)
{
	uint8_t point[65], hash[32];
	if (hex_from(point, 65, str_of(text)) ? point[0] != 4 : !hex_from(point + 1, 64, str_of(text)))
		return false;
	keccak256(hash, point + 1, 64);
	memcpy(out, hash + 12, 20);
	hex_to(key, point + 1, 64);
	return true;
}

static void take_accounts(struct hand *h, const cJSON *list)
{
	struct server *v = h->side;
	size_t n = 0, size = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
	uint8_t(*out)[20] = mem_alloc((size + 1) * sizeof *out);
	char key[KEY_HEX + 1];
	bool fine = cJSON_IsArray(list) && size <= HAND_ACCOUNTS_MAX;
	v->has_key = false;
	for (const cJSON *one = fine ? list->child : NULL; one && fine; one = one->next) {
		fine = cJSON_IsString(one) && account_of(out[n], key, one->valuestring);
		if (fine && (size == 1 || (h->known && memcmp(out[n], h->address, 20) == 0))) {
			memcpy(v->key, key, sizeof key);
			v->has_key = true;
		}
		n++;
	}
	if (fine)
		remote_accounts(h, (const uint8_t(*)[20])out, n);
	else
		fail(h, ERR_MALFORMED, "answered no list of public keys");
	free(out);
}

static void on_accounts(void *arg, const struct fetch_reply *r)
{
	struct asked *a = arg;
	a->fetch = NULL;
	if (!good(a->h, r))
		return;
	cJSON *list = cJSON_ParseWithLength(r->body.p, r->body.n);
	take_accounts(a->h, list);
	cJSON_Delete(list);
}

static struct str trimmed(struct str s)
{
	while (s.n && memchr(" \t\r\n\"", s.p[0], 5))
		s = (struct str){s.p + 1, s.n - 1};
	while (s.n && memchr(" \t\r\n\"", s.p[s.n - 1], 5))
		s.n--;
	return s;
}

static void on_signature(void *arg, const struct fetch_reply *r)
{
	struct asked *a = arg;
	a->fetch = NULL;
	if (r->ok && (r->status == 429 || r->status == 503))
		remote_throttled(a->h, a->i, r->retry_after_ms);
	else if (good(a->h, r))
		remote_signature(a->h, a->i, trimmed(r->body));
}

/* ── questions ── */

static void ask_accounts(struct hand *h)
{
	struct server *v = h->side;
	v->accounts = (struct asked){.h = h};
	v->accounts.fetch = fetch_start(v->fetcher, "/api/v1/eth1/publicKeys", NULL, on_accounts, &v->accounts);
}

static void begin(struct hand *h)
{
	struct server *v = h->side;
	free(v->signings);
	v->n = h->q.n;
	v->signings = mem_alloc(v->n * sizeof *v->signings);
}

static void ask_sign(struct hand *h, size_t i)
{
	struct server *v = h->side;
	struct buf path = {0}, body = {0}, data = {0};
	must(v->has_key);
	tx_encode(&h->q.list[i].tx, NULL, &data);
	buf_printf(&path, "/api/v1/eth1/sign/0x%s", v->key);
	buf_text(&body, "{\"data\":\"0x");
	buf_hex(&body, (const uint8_t *)data.p, data.n);
	buf_text(&body, "\"}");
	v->signings[i] = (struct asked){.h = h, .i = i};
	v->signings[i].fetch = fetch_start(v->fetcher, path.p, body.p, on_signature, &v->signings[i]);
	buf_fini(&path);
	buf_fini(&body);
	buf_fini(&data);
}

static void cancel(struct asked *a)
{
	if (a->fetch)
		fetch_cancel(a->fetch);
	a->fetch = NULL;
}

static void drop(struct hand *h, bool suspect)
{
	struct server *v = h->side;
	(void)suspect; /* connections are curl's; its accounts are asked anew by themselves */
	cancel(&v->accounts);
	for (size_t i = 0; i < v->n; i++)
		cancel(&v->signings[i]);
}

static void close_server(struct hand *h)
{
	struct server *v = h->side;
	fetcher_close(v->fetcher);
	free(v->signings);
	free(v);
}

bool hand_web3_open(struct hand *h, struct err *e)
{
	static const struct transport web3signer = {.what = "the Web3Signer",
		.most = FETCH_CONNECTIONS,
		.ask_accounts = ask_accounts,
		.begin = begin,
		.ask_sign = ask_sign,
		.drop = drop,
		.close = close_server};
	struct fetcher *f = fetcher_open(h->o.loop, h->o.decl->url, h->o.patience_ms, e);
	if (!f)
		return err_prefix(e, "web3signer");
	struct server *v = mem_alloc(sizeof *v);
	v->fetcher = f;
	h->io = &web3signer;
	h->side = v;
	return true;
}
