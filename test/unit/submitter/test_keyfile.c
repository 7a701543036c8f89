#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "submitter/keyfile.c"

#include <sys/stat.h>

#define HEX "4646464646464646464646464646464646464646464646464646464646464646"
#define STORE                                                                                               \
	"{\"address\":\"9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f\",\"version\":3,\"Crypto\":{\"cipher\":\"aes-" \
	"128-ctr\","                                                                                            \
	"\"cipherparams\":{\"iv\":\"b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2\"},"                                       \
	"\"ciphertext\":\"899f61f9d1e8230c57179eb12f149eaab66393c17e03dbf5191b8d993ff7398e\",\"kdf\":"          \
	"\"scrypt\","                                                                                           \
	"\"kdfparams\":{\"salt\":\"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\",\"n\":"   \
	"1024,"                                                                                                 \
	"\"dklen\":32,\"p\":1,\"r\":8},\"mac\":"                                                                \
	"\"7b59c3af1ad3ec2ed35fbb301fc8a744f531d3dbf9940462c6398cda5fa49d68\"}}"
#define PASS "pässwörd ∑"

static char dir[64], key_path[128], pass_path[128];

static void put(const char *path, const char *text, size_t n, mode_t mode)
{
	unlink(path);
	rmdir(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/keyfile.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(key_path, sizeof key_path, "%s/key", dir);
	snprintf(pass_path, sizeof pass_path, "%s/pass", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	chmod(dir, 0700);
	unlink(key_path);
	rmdir(key_path);
	unlink(pass_path);
	rmdir(pass_path);
	return rmdir(dir);
}

static void test_hex(void **state)
{
	(void)state;
	static const char *const forms[] = {HEX, "0x" HEX, HEX "\n", "  " HEX "\r\n\n"};
	for (size_t i = 0; i < 4; i++) {
		struct keyfile f;
		struct err e = {0};
		put(key_path, forms[i], strlen(forms[i]), i % 2 ? 0600 : 0400);
		assert_true(keyfile_read(&f, key_path, NULL, &e));
		assert_true(f.key && !f.pass);
		assert_int_equal(key_address(f.key)[0], 0x9d);
		keyfile_fini(&f);
	}
}

static void test_keystore(void **state)
{
	(void)state;
	static const char *const lines[] = {PASS, PASS "\n", PASS "\r\n"};
	put(key_path, "\n" STORE "\n", sizeof STORE + 1, 0600);
	for (size_t i = 0; i < 3; i++) {
		struct keyfile f;
		struct err e = {0};
		put(pass_path, lines[i], strlen(lines[i]), 0400);
		assert_true(keyfile_read(&f, key_path, pass_path, &e));
		assert_null(f.key);
		struct key *k = keyfile_open(&f, &e);
		assert_non_null(k);
		assert_int_equal(key_address(k)[19], 0x4f);
		key_free(k);
		keyfile_fini(&f);
	}
	struct keyfile f;
	struct err e = {0};
	put(pass_path, "another\n", 8, 0600);
	assert_true(keyfile_read(&f, key_path, pass_path, &e));
	assert_null(keyfile_open(&f, &e));
	assert_int_equal(e.class, ERR_REJECTED);
	assert_non_null(strstr(e.text, key_path));
	assert_non_null(strstr(e.text, "the passphrase does not open it"));
	assert_null(strstr(e.text, "another"));
	keyfile_fini(&f);
}

struct refused {
	const char *key, *pass; /* contents; NULL: no such file */
	mode_t key_mode, pass_mode, dir_mode;
	bool names_pass;
	const char *text;
};
#define LONG \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONGER LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG

static const struct refused refused[] = {
	{NULL, NULL, 0600, 0600, 0700, false, "it can't be opened: No such file"},
	{"", NULL, 0600, 0600, 0700, false, "it is empty"},
	{HEX, NULL, 0640, 0600, 0700, false, "it can be read by others (mode 640); chmod 600"},
	{HEX, NULL, 0604, 0600, 0700, false, "read by others (mode 604)"},
	{HEX, NULL, 0644, 0600, 0700, false, "read by others (mode 644)"},
	{HEX, NULL, 0444, 0600, 0700, false, "read by others (mode 444)"},
	{HEX, NULL, 0666, 0600, 0700, false, "read by others (mode 666)"},
	{HEX, NULL, 0777, 0600, 0700, false, "read by others (mode 777)"},
	{HEX, NULL, 0620, 0600, 0700, false, "it can be changed by others (mode 620)"},
	{HEX, NULL, 0602, 0600, 0700, false, "changed by others (mode 602)"},
	{HEX, NULL, 0610, 0600, 0700, false, "changed by others (mode 610)"},
	{HEX, NULL, 0600, 0600, 0770, false, "others can write into the folder"},
	{HEX, NULL, 0600, 0600, 0720, false, "(mode 720) and so put another key there; chmod go-w"},
	{HEX, NULL, 0600, 0600, 0777, false, "(mode 777)"},
	{HEX, NULL, 0600, 0600, 0702, false, "(mode 702)"},
	{HEX "0", NULL, 0600, 0600, 0700, false, "a key is 32 bytes of hex"},
	{"46", NULL, 0600, 0600, 0700, false, "a key is 32 bytes of hex"},
	{"\n\n", NULL, 0600, 0600, 0700, false, "a key is 32 bytes of hex"},
	{HEX "\n" HEX, NULL, 0600, 0600, 0700, false, "a key is 32 bytes of hex"},
	{"key=" HEX, NULL, 0600, 0600, 0700, false, "a key is 32 bytes of hex"},
	{"-----BEGIN "
	 "EC PRIVATE KEY-----",
		NULL, 0600, 0600, 0700, false, "a key is 32 bytes of hex"},
	{"test test test test test test test test test test test junk", NULL, 0600, 0600, 0700, false,
		"a key is 32 bytes of hex"},
	{"0000000000000000000000000000000000000000000000000000000000000000", NULL, 0600, 0600, 0700, false,
		"above 0"},
	{"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", NULL, 0600, 0600, 0700, false,
		"below the order"},
	{HEX, PASS, 0600, 0600, 0700, true, "it is not encrypted, so nothing is to be opened by"},
	{"[]", NULL, 0600, 0600, 0700, false, "it is no JSON object"},
	{"{", NULL, 0600, 0600, 0700, false, "it is no JSON"},
	{"{\"version\":3}", NULL, 0600, 0600, 0700, false, "crypto is not there"},
	{STORE, NULL, 0600, 0600, 0700, false,
		"it is encrypted; name the file that holds its passphrase with passfile"},
	{STORE, PASS, 0640, 0600, 0700, true, "it can be read by others (mode 640)"},
	{STORE, NULL, 0600, 0600, 0700, true, "it can't be opened"},
	{STORE, "", 0600, 0600, 0700, true, "it is empty"},
	{STORE, "\n", 0600, 0600, 0700, true, "it holds no passphrase"},
	{STORE, "\r\n", 0600, 0600, 0700, true, "it holds no passphrase"},
	{STORE, PASS "\nx\n", 0600, 0600, 0700, true, "it has several lines; a passphrase is one"},
	{STORE, "\n" PASS, 0600, 0600, 0700, true, "it has several lines"},
	{STORE, LONGER "\n", 0600, 0600, 0700, true, "longer than 1024 characters"},
	{STORE, PASS, 0600, 0640, 0700, true, "it can be read by others (mode 640); chmod 600"},
	{STORE, PASS, 0600, 0604, 0700, true, "read by others (mode 604)"},
	{STORE, PASS, 0600, 0666, 0700, true, "read by others (mode 666)"},
	{STORE, PASS, 0600, 0602, 0700, true, "changed by others (mode 602)"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const struct refused *r = &refused[i];
		struct keyfile f;
		struct err e = {0};
		unlink(key_path);
		unlink(pass_path);
		chmod(dir, 0700);
		if (r->key)
			put(key_path, r->key, strlen(r->key), r->key_mode);
		if (r->pass)
			put(pass_path, r->pass, strlen(r->pass), r->pass_mode);
		chmod(dir, r->dir_mode);
		if (keyfile_read(&f, key_path, r->names_pass ? pass_path : NULL, &e) || !strstr(e.text, r->text))
			fail_msg("row %zu (%s): %s", i, r->text, e.text);
		if (!strstr(e.text, key_path) && !strstr(e.text, pass_path))
			fail_msg("row %zu names no file: %s", i, e.text);
		assert_null(strstr(e.text, "464646"));
		assert_null(f.key);
		assert_null(f.pass);
	}
	chmod(dir, 0700);
	print_message("%zu key files and passfiles refused\n", sizeof refused / sizeof *refused);
}

static void test_no_files(void **state)
{
	(void)state;
	struct keyfile f;
	struct err e = {0};
	unlink(key_path);
	assert_int_equal(mkdir(key_path, 0700), 0);
	assert_false(keyfile_read(&f, key_path, NULL, &e));
	assert_non_null(strstr(e.text, "it is no file"));
	rmdir(key_path);
	assert_int_equal(mkfifo(key_path, 0600), 0); /* does not hold the start */
	assert_false(keyfile_read(&f, key_path, NULL, &e));
	assert_non_null(strstr(e.text, "it is no file"));
	char *big = mem_alloc(KEYFILE_MAX + 2);
	memset(big, '4', KEYFILE_MAX + 1);
	put(key_path, big, KEYFILE_MAX + 1, 0600);
	assert_false(keyfile_read(&f, key_path, NULL, &e));
	assert_non_null(strstr(e.text, "it is larger than 64 KiB"));
	put(pass_path, "a\0b", 3, 0600);
	put(key_path, STORE, sizeof STORE - 1, 0600);
	assert_false(keyfile_read(&f, key_path, pass_path, &e));
	assert_non_null(strstr(e.text, "it holds a NUL character"));
	put(key_path, HEX "\0", 65, 0600);
	assert_false(keyfile_read(&f, key_path, NULL, &e));
	free(big);
	/* a sticky folder is well: nobody can rename over another's file there */
	put(key_path, HEX, 64, 0600);
	assert_int_equal(chmod(dir, 01777), 0);
	assert_true(keyfile_read(&f, key_path, NULL, &e));
	keyfile_fini(&f);
	/* a link is followed to where the key is, and that folder counts */
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(unlink(pass_path), 0);
	char other[] = "/tmp/keylink.XXXXXX", link[64];
	assert_non_null(mkdtemp(other));
	snprintf(link, sizeof link, "%s/key", other);
	assert_int_equal(symlink(key_path, link), 0);
	assert_false(keyfile_read(&f, link, NULL, &e));
	assert_non_null(strstr(e.text, dir));
	unlink(link);
	rmdir(other);
}

static void test_folder_above(void **state)
{
	(void)state;
	char inner[160], path[200];
	struct keyfile f;
	struct err e = {0};
	snprintf(inner, sizeof inner, "%s/in", dir);
	snprintf(path, sizeof path, "%s/key", inner);
	assert_int_equal(mkdir(inner, 0700), 0);
	put(path, HEX, 64, 0600);
	chmod(dir, 0777);
	assert_false(keyfile_read(&f, path, NULL, &e));
	assert_non_null(strstr(e.text, "(mode 777)"));
	chmod(dir, 0700);
	assert_true(keyfile_read(&f, path, NULL, &e));
	keyfile_fini(&f);
	unlink(path);
	rmdir(inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_hex, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keystore, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_folder_above, set_up, tear_down)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
