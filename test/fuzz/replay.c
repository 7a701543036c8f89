/* replay: runs one fuzz target over files: every argument is a file or a directory of files. What libFuzzer
 * does with generated input, this does with the kept corpus, under any compiler and sanitizer; a crash names
 * the file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return 1;
	}
	uint8_t *data = NULL;
	size_t have = 0, room = 0;
	do {
		if (have == room) {
			room = room ? room * 2 : 4096;
			data = realloc(data, room);
			if (!data)
				abort();
		}
		have += fread(data + have, 1, room - have, f);
	} while (!feof(f) && !ferror(f));
	fclose(f);
	printf("%s\n", path);
	fflush(stdout);
	/* A copy of exactly its size: a sanitizer sees every read behind the end. */
	uint8_t *exact = malloc(have ? have : 1);
	if (!exact)
		abort();
	memcpy(exact, data, have);
	LLVMFuzzerTestOneInput(exact, have);
	free(exact);
	free(data);
	return 0;
}

static int replay_dir(const char *path)
{
	DIR *d = opendir(path);
	if (!d) {
		perror(path);
		return 1;
	}
	int bad = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char name[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		bad |= replay_file(name);
	}
	closedir(d);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = argc < 2;
	for (int i = 1; i < argc; i++) {
		struct stat s;
		bad |= stat(argv[i], &s) == 0 && S_ISDIR(s.st_mode) ? replay_dir(argv[i]) : replay_file(argv[i]);
	}
	return bad;
}
