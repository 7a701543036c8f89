#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/fairlead-unit-XXXXXX";
static int file = -1, kept = -1;

static int set_up(void **state)
{
	(void)state;
	file = mkstemp(path);
	kept = dup(STDERR_FILENO);
	unsetenv("FAIRLEAD_LOG");
	return file < 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(file);
	close(kept);
	unlink(path);
	return 0;
}

/* What was written to stderr between begin and lines. */
static void begin(void)
{
	assert_int_equal(ftruncate(file, 0), 0);
	lseek(file, 0, SEEK_SET);
	dup2(file, STDERR_FILENO);
}

static const char *lines(void)
{
	static char text[20000];
	dup2(kept, STDERR_FILENO);
	ssize_t n = pread(file, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = 0;
	return text;
}

/* From ev= on: the time before it differs. */
static const char *from_ev(void)
{
	const char *at = strstr(lines(), "ev=");
	return at ? at : "nothing";
}

static void test_logfmt(void **state)
{
	(void)state;
	log_init("listener", "debug");
	begin();
	log_info("block.read", "A block was read", F_INT("n", -3), F_UINT("seq", 18446744073709551615u),
		F_STR("a", "plain:1"), F_STR("b", "two words"), F_STR("c", "line\nbreak \"q\" \\ \x01 \xff"),
		F_STR("none", NULL), F_STR("empty", ""), F_HEX("tx", (const uint8_t *)"\x00\xab", 2),
		F_BOOL("ok", true),
		F_URL("rpc", "https://me:hunter2@node.example/v3/0123456789abcdef0123456789abcdef?key=hunter2"));
	assert_string_equal(from_ev(),
		"ev=block.read text=\"A block was read\" n=-3 seq=18446744073709551615 a=plain:1 "
		"b=\"two words\" c=\"line\\nbreak \\\"q\\\" \\\\ \\u0001 \xEF\xBF\xBD\" empty=\"\" tx=0x00ab "
		"ok=true rpc=https://node.example/v3/***\n");
	assert_non_null(strstr(lines(), " level=info program=listener "));
	begin();
	log_odd("x", "No field");
	assert_string_equal(from_ev(), "ev=x text=\"No field\"\n");
}

static void test_json(void **state)
{
	(void)state;
	setenv("FAIRLEAD_LOG", "json", 1);
	log_init("batcher", "info");
	begin();
	log_bug("x", "Text", F_STR("a", "q\"\n"), F_INT("n", 1), F_BOOL("b", false),
		F_HEX("h", (const uint8_t *)"\x01", 1));
	const char *text = lines();
	assert_memory_equal(text, "{\"t\":\"2", 7);
	assert_non_null(strstr(text, "Z\",\"level\":\"bug\",\"program\":\"batcher\",\"ev\":\"x\",\"text\":"
								 "\"Text\",\"a\":\"q\\\"\\n\",\"n\":1,"
								 "\"b\":false,\"h\":\"0x01\"}\n"));
	unsetenv("FAIRLEAD_LOG");
}

static void test_levels(void **state)
{
	(void)state;
	static const char *const levels[] = {"debug", "info", "odd", "bug", "nonsense"};
	static const int expected[] = {4, 3, 2, 1, 3};
	for (int i = 0; i < 5; i++) {
		log_init("x", levels[i]);
		begin();
		log_debug("a", "A");
		log_info("a", "A");
		log_odd("a", "A");
		log_bug("a", "A");
		int n = 0;
		for (const char *p = lines(); *p; p++)
			n += *p == '\n';
		assert_int_equal(n, expected[i]);
	}
}

/* A line stays a line that a pipe takes whole; what is left out is said. */
static void test_long(void **state)
{
	(void)state;
	char word[3000];
	memset(word, 'w', sizeof word - 1);
	word[sizeof word - 1] = 0;
	log_init("x", "info");
	begin();
	log_info(
		"a", "A", F_STR("a", word), F_STR("b", word), F_STR("c", word), F_STR("d", word), F_STR("e", word));
	const char *text = lines();
	assert_true(strlen(text) <= 4096);
	assert_non_null(strstr(text, " cut=true\n"));
	assert_null(strstr(text, " e="));
}

/* P18: a full pipe and a full file lose lines, not the process, and the line after starts at its own
 * beginning. */
static void test_full_pipe(void **state)
{
	(void)state;
	int ends[2];
	log_init("x", "info");
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	uint64_t before = log_lost();
	for (int i = 0; i < 3000; i++)
		log_info("a", "A line that fills the pipe", F_INT("i", i));
	uint64_t lost = log_lost() - before;
	dup2(kept, STDERR_FILENO);
	assert_true(lost > 0 && lost < 3000);
	close(ends[0]);
	close(ends[1]);
}

static void test_full_disk(void **state)
{
	(void)state;
	uint64_t before = log_lost();
	begin();
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit small = {150, RLIM_INFINITY};
		log_init("x", "info");
		setrlimit(RLIMIT_FSIZE, &small);
		log_info("first", "First"); /* fits */
		log_info("second", "Second, of which only the beginning fits into the file");
		log_info("third", "Third");
		int lost = (int)(log_lost() - before);
		small.rlim_cur = RLIM_INFINITY;
		setrlimit(RLIMIT_FSIZE, &small);
		log_info("fourth", "Fourth");
		_exit(lost);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	const char *text = lines();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_non_null(strstr(text, "ev=first"));
	const char *fourth = strstr(text, "ev=fourth");
	assert_non_null(fourth);
	const char *start = fourth;
	while (start > text && start[-1] != '\n')
		start--;
	assert_memory_equal(start, "t=2", 3);
	assert_int_equal(
		fourth - start, strlen("t=2026-01-02T03:04:05.678Z level=info program=x ")); /* alone in its line */
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;
	for (; (text = strstr(text, part)); text++)
		n++;
	return n;
}

static void test_kept(void **state)
{
	(void)state;
	log_init("x", "info");
	begin();
	log_keep(true);
	log_info("first", "First");
	log_info("second", "Second");
	assert_null(strstr(lines(), "ev="));
	begin();
	log_odd("third", "Third"); /* leaves at once, behind those that wait */
	assert_int_equal(count(lines(), "\n"), 3);
	assert_true(strstr(lines(), "ev=first") < strstr(lines(), "ev=second"));
	assert_true(strstr(lines(), "ev=second") < strstr(lines(), "ev=third"));
	begin();
	for (int i = 0; i < 100; i++) /* more than leaves at once */
		log_info("many", "One of many", F_INT("i", i));
	log_keep(false);
	assert_int_equal(count(lines(), "ev=many"), 100);
	assert_int_equal(count(lines(), "\n"), 100);
	assert_non_null(strstr(lines(), "i=99\n"));
	begin();
	log_info("last", "Last");
	assert_non_null(strstr(lines(), "ev=last"));
}

static void test_kept_crash(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		begin();
		pid_t pid = fork();
		if (pid == 0) {
			struct rlimit no_core = {0, 0};
			setrlimit(RLIMIT_CORE, &no_core);
			signal(SIGSEGV, SIG_DFL);
			signal(SIGABRT, SIG_DFL);
			log_init("x", "info");
			log_keep(true);
			log_info("before", "Before");
			if (how == 0)
				raise(SIGSEGV);
			err_bug("here.c", 1, "what");
		}
		int status = 0;
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), how == 0 ? SIGSEGV : SIGABRT);
		assert_int_equal(count(lines(), "ev=before"), 1);
	}
}

/* Kept lines that don't get out are counted one by one. */
static void test_kept_full_disk(void **state)
{
	(void)state;
	begin();
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit small = {150, RLIM_INFINITY};
		log_init("x", "info");
		uint64_t before = log_lost();
		log_keep(true);
		log_info("first", "First"); /* fits */
		log_info("second", "Second, of which only the beginning fits into the file");
		log_info("third", "Third");
		setrlimit(RLIMIT_FSIZE, &small);
		log_flush();
		int lost = (int)(log_lost() - before);
		small.rlim_cur = RLIM_INFINITY;
		setrlimit(RLIMIT_FSIZE, &small);
		log_info("fourth", "Fourth");
		log_flush();
		_exit(lost);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_non_null(strstr(lines(), "ev=first"));
	assert_non_null(strstr(lines(), "ev=fourth"));
	assert_int_equal(count(lines(), "\n"), 3); /* half of the second stands alone */
}

static void expect_url(const char *url, const char *shown)
{
	char out[200];
	url_for_people(out, sizeof out, url);
	assert_string_equal(out, shown);
}

static void test_urls(void **state)
{
	(void)state;
	char small[10];
	expect_url("http://127.0.0.1:8545", "http://127.0.0.1:8545");
	expect_url("http://127.0.0.1:8545/", "http://127.0.0.1:8545/");
	expect_url("wss://user:pw@host:1/path/x?token=a#b", "wss://host:1/path/x");
	expect_url("redis://:p@ss/w:rd@host:6379/1", "redis://host:6379/1");
	expect_url("redis://:pa?ss@host:6379/1", "redis://***");
	expect_url("https://host/?a=b@c", "https://***");
	expect_url(
		"https://mainnet.example/v2/abcdefghijklmnopqrstuvwxyz012345/x", "https://mainnet.example/v2/***/x");
	expect_url("unix:/run/redis.sock?db=2", "unix:/run/redis.sock");
	expect_url("", "");
	expect_url(NULL, "");
	url_for_people(small, sizeof small, "http://127.0.0.1:8545");
	assert_string_equal(small, "http://12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logfmt),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_full_pipe),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_kept_crash),
		cmocka_unit_test(test_kept_full_disk),
		cmocka_unit_test(test_urls),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
