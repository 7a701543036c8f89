#include "listener/proving.h"

/* The first block of each kind. */
struct seen {
	const struct proof_block *refuted, *given, *lied, *differs, *again, *unsupported;
};

static struct seen look(const struct proving_view *v)
{
	struct seen d = {0};
	for (size_t i = v->n; i-- > 0;) {
		const struct proof_block *b = &v->blocks[i];
		if (b->liar == PROOF_GIVEN)
			d.given = b;
		if (b->liar == PROOF_ASKED)
			d.lied = b;
		if (b->liar == PROOF_EITHER)
			d.differs = b;
		if (b->verdict == PROOF_REFUTED)
			d.refuted = b;
		if (b->again && b->verdict != PROOF_PROVED)
			d.again = b;
		/* nothing is known of a block whose logs nobody gave and whose receipts prove nothing */
		if (b->unsupported && b->verdict != PROOF_PROVED && !v->given[i].known)
			d.again = b;
		else if (b->unsupported && b->verdict != PROOF_PROVED)
			d.unsupported = b;
	}
	return d;
}

void proving_judge(struct proving_judgement *j, const struct proving_view *v)
{
	struct seen d = look(v);
	/* what proves nothing does not settle who is right */
	bool stuck = d.again || (d.unsupported && v->settling);
	*j = (struct proving_judgement){.asked = d.lied, .unsupported = d.unsupported};
	if (d.differs) {
		j->next = j->otherwise = PROVING_SETTLE;
		j->about = d.differs;
		return;
	}
	if (stuck) {
		j->otherwise = PROVING_RESTART;
		j->about = d.again;
	} else {
		/* refuted by the header alone: its receipts did not prove others */
		j->otherwise = d.refuted ? PROVING_RESTART : PROVING_TAKE;
		j->about = d.refuted;
		j->giver = d.given;
		j->other = v->settling && !d.refuted && !d.given;
		j->raised = !d.refuted && !d.unsupported && v->want == v->completeness && v->want > PROOF_BLOOM;
	}
	bool ask = stuck || (d.unsupported && !v->lowered);
	j->next = ask ? PROVING_ANOTHER : j->otherwise;
}
