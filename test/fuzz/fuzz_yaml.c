#include "common/app/config.h"

#include <stdio.h>
#include <stdlib.h>

/* Any text as a whole configuration. It is taken or refused, never both; each problem has a place and one
 * line; what is taken can be shown, and never with its key. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

struct input {
	const uint8_t *data;
	size_t size;
};

static const char *env(void *arg, const char *name)
{
	static const char *const vars[][2] = {{"RPC_URL", "http://u:p@127.0.0.1:8545/"},
		{"OWNER_PRIVATE_KEY", secret}, {"CONTRACT_ADDRESS", "0x5FbDB2315678afecb367f032d93F642f64180aa3"},
		{"DEPLOYMENT_BLOCK", "5"}, {"V", "1,2"}, {"E", ""}};
	(void)arg;
	for (size_t i = 0; i < sizeof vars / sizeof *vars; i++)
		if (strcmp(vars[i][0], name) == 0)
			return vars[i][1];
	return NULL;
}

static bool read_file(void *arg, const char *path, struct buf *out, struct err *e)
{
	const struct input *in = arg;
	if (strcmp(path, "f.yaml") == 0)
		buf_put(out, in->data, in->size);
	else if (strstr(path, ".json"))
		buf_text(out, "{\"1\": \"a\"}");
	else
		return err_set(e, ERR_REJECTED, "no such file");
	return true;
}

static void show(const struct config *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	config_print(c, f);
	fclose(f);
	must(!strstr(text, secret));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct config_source src = {.arg = &in, .env = env, .read = read_file};
	struct problems ps = {0};
	struct config *c = config_load("f.yaml", &src, &ps);
	must((c == NULL) == (ps.n > 0));
	for (size_t i = 0; i < ps.n; i++)
		must(ps.list[i].at.line >= 1 && ps.list[i].at.col >= 1 && ps.list[i].at.len >= 1 &&
			 !strchr(ps.list[i].text, '\n'));
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	problems_print(&ps, f, true, "");
	fclose(f);
	free(text);
	if (c)
		show(c);
	config_free(c);
	problems_fini(&ps);
	return 0;
}
