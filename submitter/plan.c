#include "submitter/plan.h"

bool plan_is_quiet(const struct plan *p)
{
	return !p->busy_check && !p->busy_load && !p->busy_settle && !p->busy_head && !p->busy_watch &&
		   !p->busy_receipts && !p->busy_store && !p->busy_read && !p->busy_ask && !p->busy_commit &&
		   !p->busy_cast && !p->busy_change && !p->busy_topup && !p->busy_trace;
}

/* What both OPEN and HALTED do: keep up with the chain, and keep the committed bytes moving. */
static enum plan_do keeps_up(const struct plan *p)
{
	if (p->store_due && !p->busy_store && p->pg_up)
		return PLAN_STORE;
	if (p->cast_due && !p->busy_cast && p->rpc_ok)
		return PLAN_CAST;
	if (p->head_due && !p->head_rests && !p->busy_head && p->rpc_ok)
		return PLAN_HEAD;
	if (p->receipts_due && !p->receipts_rest && !p->busy_receipts && !p->busy_store && !p->store_due &&
		p->rpc_ok)
		return PLAN_RECEIPTS;
	if (p->watch_due && !p->watch_rests && !p->busy_watch && p->pg_up)
		return PLAN_WATCH;
	if (p->trace_due && !p->busy_trace && p->rpc_ok && p->pg_up && !p->draining)
		return PLAN_TRACE;
	return PLAN_REST;
}

/* Newest stage first: what stands nearest to the chain leaves before new work comes in. */
static enum plan_do sends(const struct plan *p)
{
	if (p->topup_due && !p->busy_topup && !p->busy_commit && !p->busy_change && !p->hand_away &&
		!p->draining && p->pg_up && p->rpc_ok)
		return PLAN_TOPUP;
	if (p->group_asked && !p->busy_commit && !p->busy_change && !p->busy_topup && !p->hand_away && p->pg_up)
		return PLAN_COMMIT;
	if (p->change_due && !p->busy_change && !p->busy_commit && !p->busy_topup && !p->hand_away &&
		!p->draining && p->pg_up && p->rpc_ok)
		return PLAN_CHANGE;
	if (p->group_read && !p->group_asked && !p->busy_ask && !p->busy_head && !p->head_due && p->rpc_ok)
		return PLAN_ASK;
	if (p->bell && p->may_sign && !p->draining && !p->group_read && !p->group_asked && !p->busy_read &&
		!p->busy_ask && p->pg_up)
		return PLAN_READ;
	return PLAN_REST;
}

enum plan_do plan_next(const struct plan *p)
{
	enum plan_do next;
	switch (p->phase) {
	case LANE_CHECKING:
		return !p->busy_check && p->pg_up && p->rpc_ok && !p->draining ? PLAN_CHECK : PLAN_REST;
	case LANE_SPARE: return PLAN_REST;
	case LANE_LOADING: return plan_is_quiet(p) && p->pg_up ? PLAN_LOAD : PLAN_REST;
	case LANE_SETTLING:
		if (!p->settle_due)
			return p->waits ? keeps_up(p) : PLAN_REST;
		return plan_is_quiet(p) && p->rpc_ok && p->pg_up && !p->draining ? PLAN_SETTLE : PLAN_REST;
	case LANE_OPEN:
		next = keeps_up(p);
		if (next == PLAN_REST)
			next = sends(p);
		return next;
	case LANE_HALTED: return keeps_up(p);
	case LANE_LEFT: return PLAN_REST;
	}
	return PLAN_REST;
}

enum settle_answer plan_settle(const struct settle *s, uint64_t *to)
{
	bool fresh = s->mark == 0 && !s->has_open;
	uint64_t most = s->pending > s->latest ? s->pending : s->latest;
	*to = s->mark;
	if (s->latest > s->mark && !fresh && !s->adopt)
		return SETTLE_HALTS;
	if (s->latest < (s->has_open ? s->lowest_open : s->mark))
		return SETTLE_BEHIND; /* a nonce above a gap would never be mined */
	if (most <= s->mark)
		return SETTLE_OPENS;
	*to = most;
	if (!s->adopt && s->pending != s->latest)
		return SETTLE_WAITS;
	return s->has_open && !s->adopt ? SETTLE_WAITS : SETTLE_MOVES;
}
