#include "common/io/json_pick.h"
#include "common/io/rpc.h"

#include <strings.h>

static bool says_revert(const struct rpc_answer *a)
{
	/* geth: code 3 "execution reverted: …"; besu "Execution reverted"; hardhat "VM Exception while processing
	 * transaction: reverted with …"; nethermind and openethereum "VM execution error." with data "Reverted
	 * 0x…" */
	return a->code == 3 || str_holds(a->message, "execution reverted") ||
		   str_holds(a->message, "reverted with") ||
		   (str_holds(a->message, "vm exception") && str_holds(a->message, "revert")) ||
		   str_holds(a->data, "\"Reverted 0x");
}

static bool take_hex(struct str raw, struct buf *out)
{
	if (raw.n < 2 || raw.p[0] != '"')
		return false;
	struct str s = {raw.p + 1, raw.n - 2};
	if (s.n > 9 && strncasecmp(s.p, "Reverted ", 9) == 0)
		s = (struct str){s.p + 9, s.n - 9};
	if (s.n < 2 || s.n % 2 || s.p[0] != '0' || s.p[1] != 'x')
		return false;
	size_t n = (s.n - 2) / 2;
	uint8_t *to = (uint8_t *)buf_room(out, n);
	if (n && !hex_from(to, n, s))
		return false;
	out->n += n;
	return true;
}

bool rpc_is_revert(const struct rpc_answer *a, struct buf *out)
{
	/* anvil, geth, besu: a string. hardhat: {message, data}, its older versions {data: {data}}; ganache:
	 * {result} */
	static const char *const paths[] = {"data", "data.data", "result", "data.result", "originalError.data"};
	enum { N = sizeof paths / sizeof *paths };
	if (a->ok || !says_revert(a))
		return false;
	if (a->data.n == 0 || take_hex(a->data, out))
		return true;
	struct str v[N];
	if (a->data.p[0] == '{' && json_pick(v, paths, N, a->data))
		for (int i = 0; i < N; i++)
			if (take_hex(v[i], out))
				break;
	return true;
}
