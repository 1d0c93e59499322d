/* The name that was meant; see hf_nearest in schema.h. Damerau's distance: insert, delete, replace, swap two neighbours. */
#include "policy/schema.h"

#include <string.h>

enum { WORD_MAX = 48 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Words are cut at WORD_MAX bytes: enough to tell keys apart. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], n = strnlen(a, WORD_MAX), m = strnlen(b, WORD_MAX);
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t k = 0; k <= WORD_MAX; k++) {
		before[k] = 0;
		last[k] = k;
	}
	for (size_t i = 1; i <= n; i++) {
		now[0] = i;
		for (size_t k = 1; k <= m; k++) {
			now[k] = least(last[k - 1] + (a[i - 1] != b[k - 1]), least(last[k], now[k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				now[k] = least(now[k], before[k - 2] + 1);
		}
		size_t *free_row = before;
		before = last;
		last = now;
		now = free_row;
	}
	return last[m];
}

const char *hf_nearest(const char *word, const char *const *names)
{
	const char *best = names[0];
	size_t best_distance = (size_t)-1;
	for (; *names; names++) {
		size_t d = distance(word, *names);
		if (d < best_distance) {
			best = *names;
			best_distance = d;
		}
	}
	return best;
}
