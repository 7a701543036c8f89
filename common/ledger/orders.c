#include "common/ledger/orders.h"

const char *const order_words[] = {"cancel", "resend", "retry", "drop", "freeze", "thaw", "replay"};

void orders_ask(struct pg_unit *u, enum order o, const char *who, const char *of, bool really)
{
	static const struct pg_sql cancel = {"order_cancel", "SELECT fairlead.act_cancel($1, $2, $3)"};
	static const struct pg_sql resend = {"order_resend", "SELECT fairlead.act_resend($1, $2, $3)"};
	static const struct pg_sql item = {"order_item", "SELECT fairlead.act_item($1, $4, $2, $3)"};
	static const struct pg_sql signer = {"order_signer", "SELECT fairlead.act_freeze($1, $4, $2, $3)"};
	static const struct pg_sql replay = {"order_replay", "SELECT fairlead.act_replay($1, $2, $3)"};
	static const struct pg_sql *const sql[ORDERS] = {
		&cancel, &resend, &item, &item, &signer, &signer, &replay};
	pg_stmt(u, sql[o]);
	pg_put_text(u, who);
	pg_put_text(u, of);
	pg_put_bool(u, really);
	if (o >= ORDER_RETRY && o <= ORDER_THAW)
		pg_put_text(u, order_words[o]);
}

const char *orders_said(const struct pg_reply *r, int stmt)
{
	return pg_rows(r, stmt) ? pg_get_text(r, stmt, 0, 0) : "";
}

void orders_look(struct pg_unit *u, const struct slots_lane *l)
{
	static const struct pg_sql sql = {
		"orders_look", "SELECT nonce, kind, who FROM fairlead.orders($1::smallint, $2)"};
	pg_stmt(u, &sql);
	pg_put_int(u, l->chain);
	pg_put_bytes(u, l->signer, 20);
}

void orders_read(
	const struct pg_reply *r, int stmt, int row, uint64_t *nonce, enum order *kind, const char **who)
{
	*nonce = (uint64_t)pg_get_int(r, stmt, row, 0);
	*kind = text_is(pg_get_text(r, stmt, row, 1), "cancel") ? ORDER_CANCEL : ORDER_RESEND;
	*who = pg_get_text(r, stmt, row, 2);
}

void orders_tell(struct pg_unit *u, const struct slots_lane *l, int64_t batch, enum order kind,
	const char *reason, bool ended)
{
	static const struct pg_sql sql = {"orders_tell", "SELECT fairlead.order_told($1, $2, $3, $4, $5, $6)"};
	pg_stmt(u, &sql);
	pg_put_text(u, l->lane->name);
	pg_put_int(u, l->lane->epoch);
	pg_put_int(u, batch);
	pg_put_text(u, order_words[kind]);
	pg_put_text(u, reason);
	pg_put_bool(u, ended);
}

void orders_hopeless(struct pg_unit *u, const struct slots_lane *l, int64_t batch, struct str said)
{
	static const struct pg_sql sql = {"orders_hopeless", "SELECT fairlead.order_hopeless($1, $2, $3, $4)"};
	pg_stmt(u, &sql);
	pg_put_text(u, l->lane->name);
	pg_put_int(u, l->lane->epoch);
	pg_put_int(u, batch);
	pg_put_str(u, said);
}
