/* What waits for somebody or is dead, one line a cause, with its cure. */
#include "common/base/sentence.h"
#include "reconciler/page/tell.h"

#include <inttypes.h>
#include <stdio.h>

/* "4217 and 4230", "4217, 4230 and 210 more" */
static const char *names(struct telling *t, const struct fig_group *g)
{
	const char *keys[3] = {"", "", ""};
	int n = 0;
	for (char *p = arena_text(&t->mem, g->keys); p && n < 3; n++) {
		keys[n] = tell_rich(t, strsep(&p, "\x1f"));
	}
	if (g->n <= 1)
		return keys[0];
	if (g->n == 2)
		return tell_text(t, "%s and %s", keys[0], keys[1]);
	if (g->n == 3)
		return tell_text(t, "%s, %s and %s", keys[0], keys[1], keys[2]);
	return tell_text(t, "%s, %s and {#%" PRId64 "} more", keys[0], keys[1], g->n - 2);
}

static const char *capital(struct telling *t, const char *s)
{
	char *own = arena_text(&t->mem, s);
	if (*own >= 'a' && *own <= 'z' && !memchr(own, '.', strcspn(own, " "))) /* never a file's name */
		*own = (char)(*own - 32);
	return own;
}

static void parked(struct telling *t, const struct fig_group *g, struct tell_group *out)
{
	const char *text = tell_sentence(t, g->reason, g->n > 1 ? SENTENCE_GROUP : SENTENCE_TEXT);
	const char *cure = tell_sentence(t, g->reason, SENTENCE_CURE);
	struct str code = reason_known(str_of(g->reason));
	*out = (struct tell_group){.tone = "wait",
		.id = tell_text(t, "g%" PRId64, g->newest),
		.what = names(t, g),
		.n = g->n,
		.newest = g->newest,
		.sub = g->since > 0 ? tell_text(t, "parked {@%" PRId64 "} ago", g->since) : "parked",
		.cause = tell_text(t, "*%s.*", capital(t, text)),
		.cure = cure[0] ? cure : "Retry when its reason is gone, or drop it.",
		.drop = true};
	out->retry = !(str_is(code, "no_row") || str_is(code, "many_rows")); /* they leave by themselves */
}

static void dead(struct telling *t, const struct fig_group *g, struct tell_group *out)
{
	bool item = g->letter < 0;
	*out = (struct tell_group){.tone = "stop",
		.id = item ? tell_text(t, "g%" PRId64, g->newest) : tell_text(t, "d%" PRId64, g->letter),
		.what =
			item ? tell_rich(t, g->keys)
				 : tell_text(t, "%s",
					   g->keys[0] ? tell_text(t, "Event %s", tell_rich(t, g->keys)) : tell_rich(t, g->what)),
		.n = 1,
		.newest = g->newest,
		.sub = tell_text(t, "dead for {@%" PRId64 "}, tried %" PRId64 " %s", g->since, g->tries,
			g->tries == 1 ? "time" : "times"),
		.cause = tell_text(t, "*%s.*%s%s%s", capital(t, tell_sentence(t, g->reason, SENTENCE_TEXT)),
			item ? "" : " (", item ? "" : tell_rich(t, g->what), item ? "" : ")"),
		.cure = item ? "Mend what it asks for and retry, or drop it."
					 : "Read its transaction. If its sender erred, drop it; if the rule is wrong, mend the "
					   "rule, and read that block again.",
		.retry = item,
		.drop = true};
}

void tell_parked(struct telling *t, const struct seen *s)
{
	t->ngroups = 0;
	t->parked = s->figures.parked + s->figures.dead;
	for (size_t i = 0; i < s->figures.ngroups; i++) {
		const struct fig_group *g = &s->figures.groups[i];
		(g->dead ? dead : parked)(t, g, &t->groups[t->ngroups++]);
	}
}
