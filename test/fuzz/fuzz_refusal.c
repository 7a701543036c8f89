/* What endpoints say when they mean no: whatever the bytes, nothing is believed that lies outside what was
 * asked.
 */
#include "listener/refusal.c"
#include "listener/refusal_text.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void look(struct refusal_view *v)
{
	struct refused r;
	refusal_class(&r, v);
	must(r.class > REFUSAL_NONE && r.class < REFUSAL_KINDS && r.class != REFUSAL_INCONSISTENT);
	must(!r.has_range || (v->has_asked && r.from >= v->from && r.to <= v->to && r.from <= r.to &&
							 r.to - r.from < v->to - v->from));
	must(!r.has_most || (v->has_asked && r.most_blocks >= 1 && r.most_blocks <= v->to - v->from));
	must(r.most_results >= 0 && r.most_calls >= 0 && (r.oldest == -1 || r.oldest > v->from));
}

/* The first byte chooses the context; a line feed stands between message, data and body. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const long statuses[] = {0, 200, 400, 413, 429, 503, 504, 403};
	struct str part[3] = {{0}};
	size_t k = 0;
	if (n == 0)
		return 0;
	for (size_t i = 1, from = 1; i <= n && k < 3; i++)
		if (i == n || (p[i] == '\n' && k < 2)) {
			part[k++] = (struct str){(const char *)p + from, i - from};
			from = i + 1;
		}
	struct refusal_view v = {.http_status = statuses[p[0] % 8],
		.have_answer = true,
		.message = part[0],
		.data = part[1],
		.body = part[2],
		.calls = p[0] & 16 ? 100 : 1,
		.has_asked = p[0] & 32,
		.from = p[0] & 64 ? 100 : 18000000,
		.to = 18000000 + (p[0] & 128 ? 999 : 0)};
	look(&v);
	v.from = v.to = -1;
	v.has_asked = false;
	look(&v);
	return 0;
}
