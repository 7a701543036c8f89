#include "common/app/problem.h"

#include <ctype.h>

enum { WORD_MAX = 64, EDIT = 2, CASE = 1 }; /* a wrong case is half an edit */

static int cost(char a, char b)
{
	if (a == b)
		return 0;
	return tolower((unsigned char)a) == tolower((unsigned char)b) ? CASE : EDIT;
}

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;
	return m < c ? m : c;
}

/* Edit distance where swapping two neighbours is one edit (optimal string alignment), in units of 1/EDIT. */
static int distance(const char *a, size_t na, const char *b, size_t nb)
{
	static const int far = 1000;
	int rows[3][WORD_MAX + 1];
	if (na > WORD_MAX || nb > WORD_MAX)
		return far;
	int *two = rows[0], *one = rows[1], *row = rows[2];
	for (size_t j = 0; j <= nb; j++)
		one[j] = two[j] = (int)j * EDIT;
	for (size_t i = 1; i <= na; i++) {
		row[0] = (int)i * EDIT;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(one[j] + EDIT, row[j - 1] + EDIT, one[j - 1] + cost(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two[j - 2] + EDIT < row[j])
				row[j] = two[j - 2] + EDIT;
		}
		int *oldest = two;
		two = one;
		one = row;
		row = oldest;
	}
	return one[nb];
}

const char *nearest_word(const char *word, const char *const *words)
{
	size_t n = strlen(word);
	int allowed = n <= 3 ? EDIT : n <= 6 ? 2 * EDIT : 3 * EDIT, best = allowed + 1;
	const char *near = NULL;
	for (; *words; words++) {
		size_t len = strlen(*words);
		int d = distance(word, n, *words, len);
		if (d < best && d < (int)len * EDIT) { /* not a word of which nothing is left */
			best = d;
			near = *words;
		}
	}
	return near;
}
