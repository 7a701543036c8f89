/* A program that signs: it reads a question a line on its standard input and writes an answer a line, in any
 * order (deploy/signers/README.md is the protocol). It is started by the keeper, and again whenever it ended,
 * sent what is no answer, or said nothing for too long. Attackers: the program; its answers are held against
 * the questions. */
#include "common/base/mem.h"
#include "common/evm/address.h"
#include "common/io/lines.h"
#include "common/io/log.h"
#include "submitter/hand_in.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 100 };
struct program {
	struct lines *lines; /* NULL: it is not started */
	uint64_t next;       /* number of the next question */
	uint64_t accounts;   /* of the question for accounts; 0: not asked */
	uint64_t *numbers;   /* of each signing of the request, n of them */
	size_t n;
	struct timer *later;
	struct err failed;
};

/* ── answers ── */

static void fail(struct hand *h, enum err_class class, const char *text)
{
	struct err e = {0};
	err_put(&e, class, "%s", text);
	remote_failed(h, &e, true);
}

static struct str text_of(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
	return cJSON_IsString(v) ? str_of(v->valuestring) : (struct str){0};
}

static void take_accounts(struct hand *h, const cJSON *o)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "addresses"), *one;
	struct str single = text_of(o, "address");
	size_t n = 0, size = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
	uint8_t(*out)[20] = mem_alloc((size + 1) * sizeof *out);
	bool good = single.p || cJSON_IsArray(list);
	if (single.p)
		good = address_from_text(out[n++], single, NULL);
	for (one = size && size <= HAND_ACCOUNTS_MAX && !single.p ? list->child : NULL; one; one = one->next)
		good = good && cJSON_IsString(one) && address_from_text(out[n++], str_of(one->valuestring), NULL);
	if (good)
		remote_accounts(h, (const uint8_t(*)[20])out, n);
	else
		fail(h, ERR_MALFORMED,
			"asked for its accounts it named none: {\"address\": \"0x…\"} or {\"addresses\": […]}");
	free(out);
}

static void take_error(struct hand *h, const cJSON *o, struct str text, size_t i)
{
	const cJSON *wait = cJSON_GetObjectItemCaseSensitive(o, "wait");
	struct err e = {0};
	if (i != SIZE_MAX && cJSON_IsNumber(wait) && wait->valuedouble >= 0 && wait->valuedouble <= 60000) {
		remote_throttled(h, i, (uint64_t)wait->valuedouble);
		return;
	}
	err_put(&e, ERR_TRANSIENT, "it says: %.*s", (int)(text.n > 200 ? 200 : text.n), text.p);
	remote_failed(h, &e, false);
}

static void take_answer(struct hand *h, const cJSON *o, uint64_t number)
{
	struct program *p = h->side;
	struct str error = text_of(o, "error"), signature = text_of(o, "signature"), raw = text_of(o, "raw");
	size_t i = SIZE_MAX;
	for (size_t k = 0; k < p->n && i == SIZE_MAX; k++)
		if (p->numbers[k] == number)
			i = k;
	if (number >= p->next || number == 0)
		fail(h, ERR_MALFORMED, "it answered a question that was not asked");
	else if (error.p && (i != SIZE_MAX || number == p->accounts))
		take_error(h, o, error, i);
	else if (number == p->accounts)
		take_accounts(h, o);
	else if (i != SIZE_MAX && raw.p)
		remote_raw(h, i, raw);
	else if (i != SIZE_MAX && signature.p)
		remote_signature(h, i, signature);
	else if (i != SIZE_MAX)
		fail(h, ERR_MALFORMED, "its answer has none of signature, raw and error");
	/* else: of a request that was given up */
}

/* What it says is not quoted: it may hold what nobody should read. */
static void on_line(void *arg, struct str line)
{
	struct hand *h = arg;
	cJSON *o = cJSON_ParseWithLength(line.p, line.n);
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(o, "id");
	struct str fatal = text_of(o, "fatal");
	if (!cJSON_IsObject(o))
		fail(h, ERR_MALFORMED, "it sent a line that is no JSON object");
	else if (fatal.p)
		fail(h, ERR_TRANSIENT, fatal.p);
	else if (!cJSON_IsNumber(id) || !(id->valuedouble >= 1 && id->valuedouble < 9e15))
		fail(h, ERR_MALFORMED, "it sent an answer without the id of its question");
	else
		take_answer(h, o, (uint64_t)id->valuedouble);
	cJSON_Delete(o);
}

static void on_end(void *arg, const char *why)
{
	fail(arg, ERR_TRANSIENT, why);
}

/* ── questions ── */

static void on_not_started(void *arg)
{
	struct hand *h = arg;
	struct program *p = h->side;
	struct err e = p->failed;
	remote_failed(h, &e, true);
}

static bool start(struct hand *h)
{
	struct program *p = h->side;
	const struct key_decl *d = h->o.decl;
	const struct lines_events ev = {.on_line = on_line, .on_end = on_end, .arg = h};
	if (p->lines)
		return true;
	int fd = keeper_spawn(h->o.keeper, h->o.slot, d->exec, d->nexec, d->folder, &p->failed);
	if (fd < 0) {
		timer_start(h->o.loop, &p->later, 0, on_not_started, h);
		return false;
	}
	p->lines = lines_open(h->o.loop, fd, &ev);
	log_info("hand.started", "A program that signs is started", F_STR("signer", h->name),
		F_STR("program", d->exec[0]));
	return true;
}

static void ask_accounts(struct hand *h)
{
	struct program *p = h->side;
	struct buf b = {0};
	if (!start(h))
		return;
	p->accounts = p->next++;
	buf_printf(&b, "{\"id\":%" PRIu64 ",\"method\":\"addresses\"}", p->accounts);
	lines_put(p->lines, (struct str){b.p, b.n});
	buf_fini(&b);
}

static void put_amount(struct buf *b, const char *name, struct u256 v)
{
	char hex[67];
	uint8_t be[32];
	size_t skip = 0;
	u256_to_be(be, v);
	hex_to(hex, be, 32);
	while (skip < 63 && hex[skip] == '0')
		skip++;
	buf_printf(b, ",\"%s\":\"0x%s\"", name, hex + skip);
}

static void put_hex(struct buf *b, const char *name, const void *p, size_t n)
{
	buf_printf(b, ",\"%s\":\"0x", name);
	buf_hex(b, (const uint8_t *)p, n);
	buf_char(b, '"');
}

/* As JSON-RPC writes a transaction, for programs that check it. */
static void put_tx(struct buf *b, const struct tx *t)
{
	buf_printf(b, ",\"tx\":{\"type\":\"0x%x\"", (unsigned)t->type);
	put_amount(b, "chainId", u256_of(t->chain_id));
	put_amount(b, "nonce", u256_of(t->nonce));
	put_hex(b, "to", t->to, t->create ? 0 : 20);
	put_amount(b, "value", t->value);
	put_amount(b, "gas", u256_of(t->gas));
	put_amount(b, t->type == TX_FEE_MARKET ? "maxFeePerGas" : "gasPrice", t->fee);
	if (t->type == TX_FEE_MARKET)
		put_amount(b, "maxPriorityFeePerGas", t->tip);
	put_hex(b, "data", t->data.p, t->data.n);
	buf_char(b, '}');
}

/* Numbers are never used twice: an answer to what was given up finds nothing. */
static void begin(struct hand *h)
{
	struct program *p = h->side;
	free(p->numbers);
	p->n = h->q.n;
	p->numbers = mem_alloc(p->n * sizeof *p->numbers);
}

static void ask_sign(struct hand *h, size_t i)
{
	struct program *p = h->side;
	const struct tx *t = &h->q.list[i].tx;
	struct buf b = {0}, unsigned_tx = {0};
	uint8_t digest[32];
	p->numbers[i] = p->next++;
	tx_digest(t, digest);
	tx_encode(t, NULL, &unsigned_tx);
	buf_printf(&b, "{\"id\":%" PRIu64 ",\"method\":\"sign\"", p->numbers[i]);
	put_hex(&b, "address", h->address, 20);
	put_hex(&b, "hash", digest, 32);
	put_hex(&b, "unsigned", unsigned_tx.p, unsigned_tx.n);
	put_tx(&b, t);
	buf_char(&b, '}');
	lines_put(p->lines, (struct str){b.p, b.n});
	buf_fini(&b);
	buf_fini(&unsigned_tx);
}

static void drop(struct hand *h, bool suspect)
{
	struct program *p = h->side;
	p->n = 0;
	p->accounts = 0;
	timer_stop(&p->later);
	if (suspect) {
		lines_close(p->lines);
		p->lines = NULL;
	}
}

static void close_program(struct hand *h)
{
	struct program *p = h->side;
	lines_close(p->lines);
	timer_free(&p->later);
	free(p->numbers);
	free(p);
}

bool hand_exec_open(struct hand *h, struct err *e)
{
	static const struct transport program = {.what = "the program that signs",
		.most = AT_ONCE,
		.names_final = true,
		.ask_accounts = ask_accounts,
		.begin = begin,
		.ask_sign = ask_sign,
		.drop = drop,
		.close = close_program};
	struct program *p = mem_alloc(sizeof *p);
	if (h->o.slot >= KEEPER_SLOTS) {
		free(p);
		return err_set(
			e, ERR_REJECTED, "there are more than %d accounts that programs sign for", KEEPER_SLOTS);
	}
	must(h->o.keeper);
	p->next = 1;
	h->io = &program;
	h->side = p;
	return true;
}
