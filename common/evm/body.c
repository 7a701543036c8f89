#include "common/evm/body.h"
#include "common/evm/keccak.h"
#include "common/evm/key.h"
#include "common/evm/rlp.h"
#include "common/evm/wire.h"

/* Blocks with whole transactions. (execution-apis: Block, TransactionInfo; EIP-7702's authorizationList) */

#define AT(type, member) offsetof(struct type, member)
static const struct wire_field auth_fields[] = {
	{STR("chainId"), WIRE_U256, true, AT(authorization, chain_id), 0, 0},
	{STR("address"), WIRE_FIXED, true, AT(authorization, address), 20, 0},
	{STR("nonce"), WIRE_U64, true, AT(authorization, nonce), 0, 0},
	{STR("yParity"), WIRE_U64, false, AT(authorization, parity), 0, 0},
	{STR("r"), WIRE_U256, true, AT(authorization, r), 0, 0},
	{STR("s"), WIRE_U256, true, AT(authorization, s), 0, 0},
};
static const struct wire_field tx_fields[] = {
	{STR("type"), WIRE_U64, false, AT(body_tx, type), 0, 0},
	{STR("hash"), WIRE_FIXED, true, AT(body_tx, hash), 32, 0},
	{STR("from"), WIRE_FIXED, true, AT(body_tx, from), 20, 0},
	{STR("to"), WIRE_FIXED, false, AT(body_tx, to), 20, AT(body_tx, has_to)},
	{STR("nonce"), WIRE_U64, true, AT(body_tx, nonce), 0, 0},
	{STR("input"), WIRE_DATA, true, AT(body_tx, data), 0, 0},
	{STR("authorizationList"), WIRE_OBJECTS, false, AT(body_tx, auths), 0, 0},
};
static const struct wire_field block_fields[] = {
	{STR("number"), WIRE_U64, true, AT(body, number), 0, 0},
	{STR("hash"), WIRE_FIXED, true, AT(body, hash), 32, 0},
	{STR("parentHash"), WIRE_FIXED, true, AT(body, parent), 32, 0},
	{STR("timestamp"), WIRE_U64, true, AT(body, time), 0, 0},
	{STR("transactions"), WIRE_OBJECTS, true, AT(body, txs), 0, 0},
};
#define SHAPE(name, list, type)                                                                            \
	{                                                                                                      \
		.what = name, .fields = list, .nfields = sizeof list / sizeof list[0], .size = sizeof(struct type) \
	}
static const struct wire_shape auth_shape = SHAPE("authorization", auth_fields, authorization);
static const struct wire_shape tx_shape = SHAPE("transaction", tx_fields, body_tx);
static const struct wire_shape block_shape = SHAPE("block", block_fields, body);

struct reading {
	struct wire block, txs, auths;
	struct body body;
	struct body_tx tx;
	struct authorization auth;
	struct body_tx *list;
	struct authorization *signed_by;
	size_t ntxs, txs_room, nauths, auths_room;
};

static void on_auths(struct wire *w, void *tx)
{
	struct reading *r = w->arg;
	(void)tx;
	r->signed_by = NULL;
	r->nauths = r->auths_room = 0;
}

static bool on_auth(struct wire *w, void *auth)
{
	struct reading *r = w->arg;
	r->signed_by = arena_grow(w->arena, r->signed_by, r->nauths, &r->auths_room, sizeof *r->signed_by);
	r->signed_by[r->nauths++] = *(struct authorization *)auth;
	return true;
}

static bool on_tx(struct wire *w, void *tx)
{
	struct reading *r = w->arg;
	r->list = arena_grow(w->arena, r->list, r->ntxs, &r->txs_room, sizeof *r->list);
	struct body_tx *t = &r->list[r->ntxs++];
	*t = *(struct body_tx *)tx;
	t->auths = r->signed_by;
	t->nauths = r->nauths;
	on_auths(w, NULL); /* the next transaction may have no list */
	return true;
}

bool body_parse(struct arena *a, struct str json, struct body *out, bool *found, struct err *e)
{
	struct reading r = {.ntxs = 0};
	r.auths = (struct wire){
		.shape = &auth_shape, .many = true, .each = on_auth, .open = on_auths, .arg = &r, .object = &r.auth};
	r.txs = (struct wire){
		.shape = &tx_shape, .many = true, .each = on_tx, .arg = &r, .object = &r.tx, .inner = &r.auths};
	r.block = (struct wire){
		.shape = &block_shape, .arg = &r, .arena = a, .e = e, .object = &r.body, .inner = &r.txs};
	*found = false;
	if (!wire_read(&r.block, json))
		return false;
	*found = r.block.n == 1;
	*out = r.body;
	out->txs = r.list;
	out->ntxs = r.ntxs;
	return true;
}

bool authorization_signer(const struct authorization *x, uint8_t out[20])
{
	struct buf b = {0};
	struct signature sig = {.recid = (int)(x->parity & 1)};
	uint8_t digest[32];
	if (x->parity > 1)
		return false;
	buf_char(&b, 0x05);
	size_t list = rlp_list_open(&b);
	rlp_u256(&b, x->chain_id);
	rlp_bytes(&b, x->address, 20);
	rlp_u64(&b, x->nonce);
	rlp_list_close(&b, list);
	keccak256(digest, b.p, b.n);
	buf_fini(&b);
	u256_to_be(sig.r, x->r);
	u256_to_be(sig.s, x->s);
	return key_recover(out, digest, &sig, NULL);
}
