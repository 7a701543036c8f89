#include "reconciler/page/site.h"

#include "reconciler/serve/asset.h"

#include <stdio.h>

static const char *const files[] = {"page.css", "page.js", "theme.js", "words.js", "acts.js", "line.js",
	"lives.js", "plots.js", "river.js", "sections.js", "story.js"};

static void on_file(void *name, struct visit *v)
{
	asset_answer(v, name);
}

bool site_taken(const struct config *c)
{
	for (size_t i = 0; i < c->nroutes; i++)
		if (text_is(c->routes[i].key, "GET /") || text_is(c->routes[i].key, "ANY /"))
			return true;
	return false;
}

void site_add(const struct config *c, struct door *d)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[64];
		snprintf(path, sizeof path, "/_fairlead/%s", files[i]);
		door_add(d, "GET", path, on_file, (void *)(uintptr_t)files[i]);
	}
	door_add(d, "GET", "/_fairlead", on_file, (void *)(uintptr_t) "index.html");
	if (!site_taken(c))
		door_add(d, "GET", "/", on_file, (void *)(uintptr_t) "index.html");
}
