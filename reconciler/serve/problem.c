#include "reconciler/serve/problem.h"

#include "common/io/loop.h"

#include <stdio.h>
#include <time.h>

const char *status_words(int status)
{
	static const struct {
		int status;
		const char *words;
	} all[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {304, "Not Modified"},
		{400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"}, {409, "Conflict"},
		{413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
		{417, "Expectation Failed"}, {422, "Unprocessable Content"}, {426, "Upgrade Required"},
		{429, "Too Many Requests"}, {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
		{504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].status == status)
			return all[i].words;
	return "Error";
}

void time_text(char out[32], int64_t unix_ms)
{
	time_t s = (time_t)(unix_ms / 1000);
	struct tm t;
	gmtime_r(&s, &t);
	size_t n = strftime(out, 24, "%Y-%m-%dT%H:%M:%S", &t);
	snprintf(out + n, 32 - n, ".%03dZ", (int)(unix_ms % 1000));
}

void json_fill(struct buf *out, const struct json_decl *j,
	bool (*insert)(void *arg, struct str name, struct buf *json), void *arg)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct json_part *p = &j->parts[i];
		struct buf v = {0};
		if (!p->is_name)
			buf_str(out, p->text);
		else if (!insert(arg, p->text, &v))
			buf_text(out, p->value ? "null" : "");
		else if (p->value)
			buf_str(out, (struct str){v.p, v.n});
		else if (v.n >= 2 && v.p[0] == '"') /* inside a string: its own quotes go */
			buf_str(out, (struct str){v.p + 1, v.n - 2});
		else
			buf_str(out, (struct str){v.p, v.n});
		buf_fini(&v);
	}
}

struct telling {
	const struct trouble *t;
	struct str request;
};

static const char *title_of(const struct trouble *t)
{
	return t->title ? t->title : status_words(t->status);
}

static bool insert(void *arg, struct str name, struct buf *json)
{
	const struct telling *k = arg;
	char now[32];
	if (str_is(name, "title")) {
		buf_json(json, str_of(title_of(k->t)));
	} else if (str_is(name, "detail")) {
		buf_json(json, str_of(k->t->detail ? k->t->detail : ""));
	} else if (str_is(name, "status")) {
		buf_printf(json, "%d", k->t->status);
	} else if (str_is(name, "request")) {
		buf_json(json, k->request);
	} else if (str_is(name, "now")) {
		time_text(now, clock_wall_ms());
		buf_json(json, str_of(now));
	} else {
		return false;
	}
	return true;
}

static void fields(struct buf *out, const struct input_errors *e)
{
	buf_text(out, ",\"errors\":[");
	for (size_t i = 0; i < e->n; i++) {
		buf_printf(out, "%s{\"name\":", i ? "," : "");
		buf_json(out, str_of(e->list[i].name));
		buf_text(out, ",\"detail\":");
		buf_json(out, str_of(e->list[i].text));
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

const char *problem_text(
	struct buf *out, const struct trouble *t, const struct json_decl *own, struct str request)
{
	struct telling k = {t, request};
	if (own) {
		json_fill(out, own, insert, &k);
		return "application/json";
	}
	buf_text(out, "{\"type\":\"about:blank\",\"title\":");
	buf_json(out, str_of(title_of(t)));
	buf_printf(out, ",\"status\":%d", t->status);
	if (t->detail) {
		buf_text(out, ",\"detail\":");
		buf_json(out, str_of(t->detail));
	}
	if (t->fields)
		fields(out, t->fields);
	buf_text(out, ",\"request\":");
	buf_json(out, request);
	buf_char(out, '}');
	return "application/problem+json";
}
