#include "reconciler/page/life.h"

#include "common/base/sentence.h"
#include "reconciler/page/put.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum life_state life_state(const struct life *l)
{
	if (text_is(l->state, "parked"))
		return STATE_PARKED;
	if (text_is(l->state, "dead"))
		return STATE_DEAD;
	if (text_is(l->state, "void"))
		return l->marks & MARK_TAKEN ? STATE_TAKEN : STATE_SKIPPED;
	if (text_is(l->state, "already"))
		return STATE_SKIPPED;
	if (text_is(l->state, "done") || text_is(l->closed, "done"))
		return STATE_FINAL;
	if (l->mined_block >= 0)
		return STATE_MINED;
	if (l->nonce >= 0)
		return STATE_SENT;
	return l->batch >= 0 ? STATE_CUT : STATE_COLLECTING;
}

static const char *life_state_name(enum life_state s)
{
	static const char *const names[] = {
		"collecting", "cut", "sent", "mined", "final", "parked", "taken", "skipped", "dead"};
	return names[s];
}

static const char *tone_of(enum life_state s)
{
	static const char *const tones[] = {
		"sea", "sea", "sea", "still", "still", "wait", "gone", "still", "stop"};
	return tones[s];
}

bool life_sentence(const struct life *l, struct buf *out)
{
	switch (life_state(l)) {
	case STATE_PARKED:
		buf_printf(out, "*Parked {@%" PRId64 "}.* ", l->turned >= 0 ? l->turned : l->made);
		break;
	case STATE_DEAD: buf_printf(out, "*Dead {@%" PRId64 "}.* ", l->turned >= 0 ? l->turned : l->made); break;
	case STATE_TAKEN:
		buf_printf(out,
			"*Taken back by the chain.* A reorg removed its event {@%" PRId64 "} ago; nothing was set",
			l->turned >= 0 ? l->turned : l->made);
		return true;
	case STATE_SKIPPED: buf_text(out, "Nothing to do: "); break;
	default: return false;
	}
	if (l->reason[0])
		sentence_put(out, str_of(l->reason), SENTENCE_TEXT);
	else
		buf_text(out, life_state(l) == STATE_SKIPPED ? "it was left out" : "no reason was kept");
	return true;
}

void life_fees(const struct life *l, void (*fn)(void *arg, const char *gwei), void *arg)
{
	const char *p = l->fees;
	while (*p) {
		size_t n = strcspn(p, " ");
		struct u256 wei;
		char gwei[U256_DEC_MAX];
		if (u256_from_dec(&wei, (struct str){p, n})) {
			say_gwei(gwei, sizeof gwei, wei);
			fn(arg, gwei);
		}
		p += n + (p[n] == ' ');
	}
}

static void count_fee(void *arg, const char *gwei)
{
	int *n = arg;
	(void)gwei;
	++*n;
}

/* Its whole sentence, plain. item: "token" */
static void life_say(const struct life *l, const char *item, int64_t now, struct buf *out)
{
	struct buf rich = {0};
	char first = (char)(*item >= 'a' && *item <= 'z' ? *item - 32 : *item), ms[24];
	int fees = 0;
	buf_printf(out, "%c%s %s, ", first, *item ? item + 1 : "", l->key);
	if (life_sentence(l, &rich)) {
		size_t at = out->n;
		sentence_plain(out, (struct str){rich.p, rich.n}, now, "");
		if (out->n > at && out->p[at] >= 'A' && out->p[at] <= 'Z')
			out->p[at] = (char)(out->p[at] + 32);
		buf_fini(&rich);
		return;
	}
	buf_text(out, life_state_name(life_state(l)));
	if (l->mined_block >= 0 && life_state(l) == STATE_MINED)
		buf_printf(out, " in block %" PRId64, l->mined_block);
	if (l->batch >= 0)
		buf_printf(out, ", batch %" PRId64, l->batch);
	life_fees(l, count_fee, &fees);
	if (fees > 1)
		buf_printf(out, ", price raised %d %s", fees - 1, fees == 2 ? "time" : "times");
	say_duration(ms, sizeof ms, (l->mined >= 0 ? l->mined : now) - l->made, " ");
	buf_printf(out, ", %s", ms);
}

const char *life_signer(const struct seen *s, const char *hex)
{
	for (size_t i = 0; i < s->nbeats; i++)
		for (size_t k = 0; k < s->beats[i].nsigners; k++)
			if (hex[0] && strlen(s->beats[i].signers[k].address) == 42 &&
				strcasecmp(s->beats[i].signers[k].address + 2, hex) == 0)
				return s->beats[i].signers[k].name;
	return s->config->nsigners == 1 ? s->config->signers[0].name : hex;
}

static void put_fee(void *arg, const char *gwei)
{
	put_text(arg, NULL, gwei);
}

static void put_ms(struct buf *b, const struct life *l, int64_t now)
{
	enum life_state s = life_state(l);
	int64_t end = l->mined >= 0 ? l->mined : now, sent = l->first_sent >= 0 ? l->first_sent : end;
	int64_t last = l->last_sent >= 0 ? l->last_sent : end;
	if (s > STATE_FINAL) {
		put_text(b, "ms", NULL);
		return;
	}
	put_open(b, "ms", '{');
	put_int(b, "wait", sent > l->made ? sent - l->made : 0);
	put_int(b, "price", last > sent ? last - sent : 0);
	put_int(b, "way", end > last ? end - last : 0);
	put_known(b, "total", l->mined >= 0 ? l->mined - l->made : -1);
	put_close(b, '}');
}

static void put_event(struct buf *b, const struct life *l)
{
	if (!l->event[0]) {
		put_text(b, "event", NULL);
		return;
	}
	put_open(b, "event", '{');
	const char *dot = strrchr(l->event, '.');
	put_text(b, "name", dot ? dot + 1 : l->event);
	put_int(b, "block", l->event_block);
	put_int(b, "log", l->event_log);
	put_int(b, "at", l->event_at);
	put_close(b, '}');
}

void life_put(struct buf *b, const char *name, const struct life *l, const struct seen *s)
{
	enum life_state state = life_state(l);
	char id[24], item[40];
	struct buf text = {0}, say = {0};
	tell_item_name(s->config, item, sizeof item);
	snprintf(id, sizeof id, "%" PRId64, l->id);
	life_sentence(l, &text);
	life_say(l, item, s->now, &say);
	put_open(b, name, '{');
	put_text(b, "id", id);
	put_text(b, "key", l->key);
	put_text(b, "what", item);
	put_text(b, "state", life_state_name(state));
	put_text(b, "tone", tone_of(state));
	put_event(b, l);
	put_known(b, "batch", l->batch);
	put_known(b, "nonce", l->nonce);
	put_or_null(b, "signer", l->signer[0] ? life_signer(s, l->signer) : NULL);
	put_open(b, "fees", '[');
	life_fees(l, put_fee, b);
	put_close(b, ']');
	put_known(b, "due", state == STATE_COLLECTING ? l->due : -1);
	put_known(b, "sent", l->last_sent);
	if (l->mined_block >= 0) {
		put_open(b, "mined", '{');
		put_int(b, "block", l->mined_block);
		put_int(b, "at", l->mined);
		put_close(b, '}');
	} else {
		put_text(b, "mined", NULL);
	}
	put_known(b, "depth", l->mined_block >= 0 && l->head >= l->mined_block ? l->head - l->mined_block : -1);
	put_known(b, "of", l->mined_block >= 0 && l->chain_final >= 0 ? l->head - l->chain_final : -1);
	put_int(b, "made", l->made);
	put_ms(b, l, s->now);
	put_or_null(b, "text", text.n ? text.p : NULL);
	put_text(b, "say", say.p);
	put_close(b, '}');
	buf_fini(&text);
	buf_fini(&say);
}
