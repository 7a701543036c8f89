#include "listener/refusal_text.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}
static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}
static bool is_letter(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z');
}

static void put(struct text *x, char c)
{
	if (x->len + 2 < sizeof x->words)
		x->words[x->len++] = c;
	x->words[x->len] = 0;
}

void text_init(struct text *x)
{
	x->n = x->len = 0;
	put(x, ' ');
}

static size_t read_word(struct text *x, struct str s, size_t i)
{
	struct token *t = &x->t[x->n++];
	size_t k = 0;
	*t = (struct token){0};
	for (size_t first = i; i < s.n && is_letter(s.p[i]); i++) {
		if (i > first && is_upper(s.p[i]) && !is_upper(s.p[i - 1]))
			break; /* fromBlock */
		char c = is_upper(s.p[i]) ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
		put(x, c);
		if (k + 1 < WORD_MOST)
			t->word[k++] = c;
	}
	put(x, ' ');
	return i;
}

static size_t read_hex(struct token *t, struct str s, size_t i)
{
	size_t first = i += 2;
	for (; i < s.n && hex_digit(s.p[i]) >= 0; i++)
		t->value = t->value << 4 | (uint64_t)hex_digit(s.p[i]);
	t->hex = true;
	t->odd = i == first || i - first > 16;
	return i;
}

/* A comma or underscore inside a number: three digits follow, and no fourth. */
static bool groups(struct str s, size_t i)
{
	return i + 3 < s.n && (s.p[i] == ',' || s.p[i] == '_') && is_digit(s.p[i + 1]) && is_digit(s.p[i + 2]) &&
		   is_digit(s.p[i + 3]) && (i + 4 == s.n || !is_digit(s.p[i + 4]));
}

/* 10000  10,000  2K  25MB  1.5s */
static size_t read_decimal(struct token *t, struct str s, size_t i)
{
	for (; i < s.n; i++) {
		if (groups(s, i))
			continue;
		if (!is_digit(s.p[i]))
			break;
		t->odd |= t->value > UINT64_MAX / 100;
		if (!t->odd)
			t->value = t->value * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (i + 1 < s.n && s.p[i] == '.' && is_digit(s.p[i + 1])) {
		t->odd = true;
		for (i++; i < s.n && is_digit(s.p[i]);)
			i++;
	}
	size_t k = 0;
	for (; i < s.n && is_letter(s.p[i]); i++)
		if (k + 1 < WORD_MOST)
			t->word[k++] = is_upper(s.p[i]) ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
	bool kilo = k == 1 && t->word[0] == 'k', mega = k == 1 && t->word[0] == 'm';
	if (kilo || mega) {
		t->odd |= t->value > UINT32_MAX;
		t->value = t->odd ? 0 : t->value * (kilo ? 1000 : 1000000);
		t->word[0] = 0;
	}
	return i;
}

static size_t read_number(struct text *x, struct str s, size_t i)
{
	struct token *t = &x->t[x->n++];
	*t = (struct token){.number = true};
	bool minus = i > 0 && s.p[i - 1] == '-' && (i == 1 || !(is_digit(s.p[i - 2]) || is_letter(s.p[i - 2])));
	if (s.p[i] == '0' && i + 1 < s.n && (s.p[i + 1] == 'x' || s.p[i + 1] == 'X'))
		i = read_hex(t, s, i);
	else
		i = read_decimal(t, s, i);
	t->odd |= minus;
	put(x, '#');
	put(x, ' ');
	return i;
}

void text_read(struct text *x, struct str s)
{
	if (s.n > TEXT_MOST)
		s.n = TEXT_MOST;
	for (size_t i = 0; i < s.n && x->n < TOKENS_MOST;) {
		if (is_digit(s.p[i]))
			i = read_number(x, s, i);
		else if (is_letter(s.p[i]))
			i = read_word(x, s, i);
		else
			i++;
	}
}

bool text_says(const struct text *x, const char *const *phrases)
{
	for (; *phrases; phrases++) {
		size_t n = strlen(*phrases);
		for (const char *at = x->words; (at = strstr(at, *phrases)); at += n)
			if (at[-1] == ' ')
				return true;
	}
	return false;
}

bool text_word_is(const struct token *t, const char *const *words)
{
	for (; !t->number && *words; words++)
		if (strcmp(t->word, *words) == 0)
			return true;
	return false;
}
