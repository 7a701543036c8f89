/* where_cases: what a subscription's where means. The hub decides it for what comes, PostgreSQL for what is
 * read again: both are held to this table. */
#ifndef TEST_RECONCILER_WHERE_CASES_H
#define TEST_RECONCILER_WHERE_CASES_H

#include <stdbool.h>

static const struct {
	const char *where, *data;
	bool passes;
} where_cases[] = {
	{"{\"lockId\":\"5\"}", "{\"lockId\": \"5\"}", true},
	{"{\"lockId\":5}", "{\"lockId\": \"5\"}", true},
	{"{\"lockId\":\"5\"}", "{\"lockId\": 5}", true},
	{"{\"lockId\":\"5\"}", "{\"lockId\": \"50\"}", false},
	{"{\"lockId\":\"5\"}", "{\"args\": {\"lockId\": \"5\"}}", true},
	{"{\"args.lockId\":\"5\"}", "{\"args\": {\"lockId\": \"5\"}}", true},
	{"{\"lockId\":\"5\"}", "{\"lockId\": null, \"args\": {\"lockId\": \"5\"}}", true},
	{"{\"lockId\":\"5\"}", "{\"lockId\": \"6\", \"args\": {\"lockId\": \"5\"}}", false},
	{"{\"lockId\":[\"4\",\"5\"]}", "{\"lockId\": \"5\"}", true},
	{"{\"lockId\":[\"4\",\"5\"],\"ok\":true}", "{\"lockId\": \"5\", \"ok\": true}", true},
	{"{\"lockId\":[\"4\",\"5\"],\"ok\":true}", "{\"lockId\": \"5\", \"ok\": false}", false},
	{"{\"note\":\"a \\\"b\\\" \\u00e9\"}", "{\"note\": \"a \\\"b\\\" é\"}", true},
	{"{\"big\":\"115792089237316195423570985008687907853269984665640564039457584007913129639935\"}",
		"{\"big\": 115792089237316195423570985008687907853269984665640564039457584007913129639935}", true},
	{"{\"x\":\"1\"}", "[{\"x\": 1}]", false},
	{"{\"x\":\"1\"}", "7", false},
};
#define WHERE_CASES (sizeof where_cases / sizeof *where_cases)

#endif
