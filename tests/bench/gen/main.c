/*
 * hf-gen: makes the data that the tests and the benchmark run on.
 *
 *   hf-gen tree DIR [--files N] [--mib M] [--seed S]        a directory tree
 *   hf-gen tree DIR --touch 1% [--new N] [--seed S]         change some of its files, add N (100)
 *   hf-gen sqlite FILE [--mib M] [--seed S]                 a WAL database of a small shop
 *   hf-gen sqlite FILE --update 1% [--seed S]               change that share of its rows at random
 *
 * Ratios on constant or on random bytes prove nothing, so the contents are shaped like the real
 * thing (see text.c) and were held against measured compression ratios of real trees.
 */
#include "gen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gen_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("hf-gen: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static const char *opt_value(int argc, char **argv, int *i, const char *name)
{
	if (strcmp(argv[*i], name) != 0)
		return NULL;
	if (*i + 1 >= argc)
		gen_die("%s needs a value", name);
	return argv[++*i];
}

int gen_opt_u64(int argc, char **argv, int *i, const char *name, uint64_t *value)
{
	const char *v = opt_value(argc, argv, i, name);
	char *end;

	if (!v)
		return 0;
	*value = strtoull(v, &end, 10);
	if (end == v || *end)
		gen_die("%s %s: not a number", name, v);
	return 1;
}

int gen_opt_percent(int argc, char **argv, int *i, const char *name, double *fraction)
{
	const char *v = opt_value(argc, argv, i, name);
	char *end;

	if (!v)
		return 0;
	*fraction = strtod(v, &end) / 100;
	if (end == v || (*end && strcmp(end, "%") != 0) || !(*fraction > 0 && *fraction <= 1))
		gen_die("%s %s: not a share such as 1%%", name, v);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "tree") == 0)
		return gen_tree(argc - 2, argv + 2);
	if (argc >= 3 && strcmp(argv[1], "sqlite") == 0)
		return gen_sqlite(argc - 2, argv + 2);
	fputs("usage: hf-gen tree DIR [--files N] [--mib M] [--seed S] | DIR --touch 1% [--new N] [--seed "
	      "S]\n"
	      "       hf-gen sqlite FILE [--mib M] [--seed S] | FILE --update 1% [--seed S]\n",
		stderr);
	return 2;
}
