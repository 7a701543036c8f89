#include "submitter/poison.h"
#include "common/base/err.h"

static void add_probe(struct poison *p, size_t lo, size_t hi)
{
	p->probes[p->nprobes++] = (struct probe){lo, hi, false};
}

/* The first half is the larger one of an odd range. */
static void halve(struct poison *p, size_t lo, size_t hi)
{
	size_t middle = lo + (hi - lo + 1) / 2;
	add_probe(p, lo, middle);
	add_probe(p, middle, hi);
}

void poison_init(struct poison *p, struct arena *a, size_t n, enum probe_answer why)
{
	must(n >= 1);
	/* A tree of halvings over n leaves has 2n - 1 nodes; the root is known. */
	*p = (struct poison){.end = POISON_ASKING, .n = n};
	p->fates = arena_alloc(a, n * sizeof *p->fates);
	p->probes = arena_alloc(a, 2 * n * sizeof *p->probes);
	p->answers = arena_alloc(a, 2 * n * sizeof *p->answers);
	if (n == 1) {
		p->fates[0] = why == PROBE_REVERTS ? FATE_SUSPECT : FATE_FREE;
		p->end = POISON_ALIKE;
		return;
	}
	halve(p, 0, n);
}

const struct probe *poison_ask(struct poison *p, size_t *index)
{
	for (size_t i = p->judged; p->end == POISON_ASKING && i < p->nprobes; i++)
		if (!p->probes[i].asked) {
			p->probes[i].asked = true;
			p->calls++;
			*index = i;
			return &p->probes[i];
		}
	return NULL;
}

static void set_fates(struct poison *p, size_t lo, size_t hi, enum poison_fate fate)
{
	for (size_t i = lo; i < hi; i++)
		p->fates[i] = fate;
}

/* Both halves are answered. Halves that pass while the whole fails: they may go, but not together. */
static void judge_pair(struct poison *p, size_t first)
{
	for (size_t i = first; i < first + 2; i++) {
		const struct probe *q = &p->probes[i];
		if (p->answers[i] == PROBE_PASSES)
			continue;
		if (q->hi - q->lo > 1)
			halve(p, q->lo, q->hi);
		else
			set_fates(p, q->lo, q->hi, p->answers[i] == PROBE_REVERTS ? FATE_SUSPECT : FATE_FREE);
	}
	if (p->answers[first] == PROBE_PASSES && p->answers[first + 1] == PROBE_PASSES)
		set_fates(p, p->probes[first + 1].lo, p->probes[first + 1].hi, FATE_FREE);
}

void poison_told(struct poison *p, size_t index, enum probe_answer answer)
{
	must(index < p->nprobes && p->probes[index].asked);
	p->answers[index] = answer;
	p->answered++;
	p->passed += answer == PROBE_PASSES;
	if (answer == PROBE_LOST)
		p->end = POISON_VOID;
	if (p->end != POISON_ASKING)
		return;
	/* Rounds: every probe so far is answered; only then the pairs of this round are judged, in order. */
	size_t round = p->nprobes;
	if (p->answered < round)
		return;
	for (size_t i = p->judged; i < round; i += 2)
		judge_pair(p, i);
	p->judged = round;
	if (p->nprobes == round)
		p->end = p->passed ? POISON_FOUND : POISON_ALIKE;
}

bool suspects_twice(struct suspects *s, int64_t item, uint64_t head)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].item == item)
			return s->list[i].head != head;
	s->list[s->next] = (struct suspect){item, head};
	s->next = (s->next + 1) % SUSPECTS;
	if (s->n < SUSPECTS)
		s->n++;
	return false;
}
