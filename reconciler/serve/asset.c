#include "reconciler/serve/asset.h"

#include "common/base/mem.h"
#include "reconciler/serve/etag.h"

/* Nothing from elsewhere, nothing inline, no frame around it (CSP level 3). WebSockets of the same host are
 * 'self' too (CSP 3, section 6.7.2.8). */
static const char policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct asset *find(const char *name)
{
	const struct asset *a = assets;
	while (a->name && !text_is(a->name, name))
		a++;
	must(a->name != NULL);
	return a;
}

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	if (text_is(dot, ".css"))
		return "text/css; charset=utf-8";
	if (text_is(dot, ".js"))
		return "text/javascript; charset=utf-8";
	return "text/html; charset=utf-8";
}

void asset_answer(struct visit *v, const char *name)
{
	const struct asset *a = find(name);
	visit_header(v, "Content-Security-Policy", policy);
	visit_header(v, "Referrer-Policy", "no-referrer");
	etag_answer(v, type_of(name), (struct str){(const char *)a->bytes, a->n});
}
