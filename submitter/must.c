#include "submitter/must.h"

#include "common/base/mem.h"
#include "common/evm/logs.h"
#include "common/io/log.h"
#include "submitter/sender.h"

#include <stdio.h>
#include <stdlib.h>

void must_put(struct sender *s, struct rpc_request *r, const char *block)
{
	const struct call *c = &s->signer->must.left;
	struct arena a = {0};
	struct buf data = {0}, text = {0};
	struct err e = {0};
	char hex[41];
	if (!call_encode(&a, c, s->names, &data, &e))
		log_bug("must", "must: can't be put into a call", F_STR("reason", e.text));
	buf_hex(&text, (const uint8_t *)data.p, data.n);
	hex_to(hex, c->contract->addresses[0], 20);
	rpc_call(r, "eth_call", "[{\"to\":\"0x%s\",\"data\":\"0x%s\"},%s]", hex, text.p ? text.p : "", block);
	buf_fini(&data);
	buf_fini(&text);
	arena_fini(&a);
}

/* For people: an address with its checksum. */
static void put_value(struct buf *out, struct str value)
{
	uint8_t address[20];
	char eip55[ADDRESS_TEXT];
	if (value.n == 42 && address_from_text(address, value, NULL))
		address_to_eip55(eip55, address), value = str_of(eip55);
	buf_printf(out, "%.*s", (int)(value.n < 190 ? value.n : 190), value.p);
}

static void say_what_fails(struct sender *s, struct arena *a, struct bytes ret, char why[MUST_TEXT])
{
	const struct check *k = &s->signer->must;
	struct str got = {0}, want = STR("true");
	struct buf text = {0};
	struct err e = {0};
	if (!call_result_text(a, &k->left, ret, &got, &e))
		got = STR("unreadable");
	if (k->has_right && !call_text(a, &k->right, NULL, s->names, &want, &e))
		want = STR("unreadable");
	buf_printf(&text, "Signer %s (%s) may not send: %s.%s() is ", s->signer->name, s->address,
		k->left.contract->name, k->left.fn->name);
	put_value(&text, got);
	buf_text(&text, ", it must be ");
	put_value(&text, want);
	snprintf(why, MUST_TEXT, "%s", text.p);
	buf_fini(&text);
}

enum must_answer must_judge(struct sender *s, const struct rpc_answer *a, char why[MUST_TEXT])
{
	const struct check *k = &s->signer->must;
	struct arena mem = {0};
	struct bytes ret = {0};
	struct buf data = {0};
	struct err e = {0};
	bool holds = false;
	enum must_answer out = MUST_FAILS;
	if (rpc_is_revert(a, &data)) {
		snprintf(why, MUST_TEXT,
			"must: of signer %s can't be asked: %s.%s() reverts; is the contract the right one?",
			s->signer->name, k->left.contract->name, k->left.fn->name);
	} else if (!a->ok) {
		snprintf(why, MUST_TEXT, "%.*s", (int)(a->message.n < 400 ? a->message.n : 400), a->message.p);
		out = MUST_UNKNOWN;
	} else if (!data_parse(&mem, a->result, &ret, &e) || !check_holds(&mem, k, ret, s->names, &holds, &e)) {
		snprintf(why, MUST_TEXT, "must: of signer %s can't be read: %.400s", s->signer->name, e.text);
	} else if (holds) {
		out = MUST_HOLDS;
	} else {
		say_what_fails(s, &mem, ret, why);
	}
	buf_fini(&data);
	arena_fini(&mem);
	return out;
}

/* ── again, while a lane is blocked ── */

struct again {
	struct sender *s;
	uint64_t era;
};

static void on_again(void *arg, const struct rpc_reply *r)
{
	struct again *q = arg;
	struct sender *s = q->s;
	char why[MUST_TEXT] = "";
	s->must_asked = false;
	if (r->ok && q->era == s->era && s->blocked[0]) {
		bool fails = must_judge(s, &r->answers[0], why) == MUST_FAILS;
		if (fails && strcmp(s->blocked_must, why) != 0)
			log_odd("lane.blocked", "must: of the signer does not hold any more",
				F_STR("signer", s->signer->name), F_STR("reason", why));
		snprintf(s->blocked_must, sizeof s->blocked_must, "%s", fails ? why : "");
	}
	free(q);
	sender_drive(s);
}

void must_ask(struct sender *s)
{
	char block[100];
	if (!s->signer->has_must || s->must_asked || s->must_head == s->head.number)
		return;
	struct again *q = mem_alloc(sizeof *q);
	struct rpc_request *r = rpc_request(s->rpc);
	*q = (struct again){s, s->era};
	s->must_asked = true;
	s->must_head = s->head.number;
	feed_block(s, block);
	must_put(s, r, block);
	rpc_send(r, on_again, q);
}
