/*
 * The contents of the made-up files.
 *
 * What makes real data compress as it does, and what is imitated here: words follow Zipf's law
 * (prose, about 2.7:1); files of one project share their identifiers, headers and idioms (so that
 * files compressed together beat files compressed one by one); logs and JSON repeat their shape
 * and vary in numbers; binaries mix tables of small integers, addresses that grow and strings; and
 * a share of every tree is compressed already.
 */
#include "gen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 24000, DRAWS = 1 << 16, WORD_MAX = 16 };

static char words[WORDS][WORD_MAX];
static uint8_t word_len[WORDS];
static uint16_t draw[DRAWS]; /* a word's share of these slots is its probability */

/* ---- output ---- */

void out_begin(struct out *o, int fd, uint64_t limit)
{
	o->fd = fd;
	o->left = limit;
	o->fill = 0;
}

static void out_flush(struct out *o)
{
	size_t done = 0;

	while (o->fd >= 0 && done < o->fill) {
		ssize_t n = write(o->fd, o->buf + done, o->fill - done);

		if (n < 0 && errno != EINTR)
			gen_die("write: %s", strerror(errno));
		if (n > 0)
			done += (size_t)n;
	}
	if (o->fd >= 0)
		o->fill = 0;
}

void out_put(struct out *o, const void *bytes, size_t n)
{
	if (n > o->left)
		n = (size_t)o->left;
	if (n > sizeof(o->buf) - o->fill) {
		out_flush(o);
		if (n > sizeof(o->buf) - o->fill)
			gen_die("a text of more than %d bytes", OUT_MAX);
	}
	memcpy(o->buf + o->fill, bytes, n);
	o->fill += n;
	o->left -= n;
}

void out_str(struct out *o, const char *s)
{
	out_put(o, s, strlen(s));
}

void out_num(struct out *o, uint64_t n, unsigned min_digits)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
		if (min_digits)
			min_digits--;
	} while (n || min_digits);
	out_put(o, digits + at, sizeof(digits) - at);
}

static void out_hex(struct out *o, uint64_t n, unsigned digits)
{
	char hex[16];

	for (unsigned i = 0; i < digits; i++)
		hex[i] = "0123456789abcdef"[(n >> (4 * i)) & 15];
	out_put(o, hex, digits);
}

void out_end(struct out *o)
{
	out_flush(o);
}

/* ---- words ---- */

static void make_word(struct rng *r, uint32_t rank)
{
	static const char onset[][4] = {"b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v",
		"st", "tr", "ch", "sh", "pr", "th", "con", "re", "in", "de", "w", "k", "bl", "qu", "", ""};
	static const char nucleus[][3] = {"a", "e", "i", "o", "u", "e", "a", "ea", "io", "ou", "ai", "y"};
	static const char coda[][4] = {
		"", "", "", "n", "r", "s", "t", "l", "m", "nd", "st", "ng", "ck", "ted", "ng"};
	uint32_t syllables = rank < 60 ? 1 : 1 + rng_below(r, rank < 2000 ? 3 : 4);
	char *w = words[rank];
	size_t n = 0;

	for (uint32_t i = 0; i < syllables && n < WORD_MAX - 9; i++)
		n += (size_t)snprintf(w + n, WORD_MAX - n, "%s%s%s", onset[rng_below(r, 30)],
			nucleus[rng_below(r, 12)], i + 1 == syllables ? coda[rng_below(r, 15)] : "");
	word_len[rank] = (uint8_t)n;
}

void text_begin(uint64_t seed)
{
	struct rng r = {seed};
	double sum = 0, at = 0;
	uint32_t slot = 0;

	for (uint32_t i = 0; i < WORDS; i++) {
		make_word(&r, i);
		sum += 1.0 / (i + 2.7); /* Zipf, with Mandelbrot's shift */
	}
	for (uint32_t i = 0; i < WORDS; i++) {
		at += 1.0 / (i + 2.7) / sum;
		while (slot < DRAWS && slot < at * DRAWS)
			draw[slot++] = (uint16_t)i;
	}
}

const char *text_word(struct rng *r, size_t *len)
{
	uint16_t i = draw[rng_next(r) >> 48];

	*len = word_len[i];
	return words[i];
}

const char *text_name(uint32_t n)
{
	return words[n % WORDS];
}

static void put_word(struct out *o, struct rng *r)
{
	size_t len;
	const char *w = text_word(r, &len);

	out_put(o, w, len);
}

/* Much of what people write are turns of phrase that their project used before, some very often. */
static void put_phrase(struct out *o, struct rng *r, uint64_t project)
{
	struct rng p = {rng_fork(project, 5000 + rng_below(r, 1 + rng_below(r, 1500)))};
	uint32_t n = 2 + rng_below(&p, 4);

	for (uint32_t i = 0; i < n; i++) {
		if (i)
			out_put(o, " ", 1);
		put_word(o, &p);
	}
}

void text_date(struct out *o, uint64_t unix_ms, int with_ms)
{
	time_t t = (time_t)(unix_ms / 1000);
	struct tm tm;
	char s[40];
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%S", &tm);
	out_put(o, s, n);
	if (with_ms) {
		out_put(o, ".", 1);
		out_num(o, unix_ms % 1000, 3);
	}
	out_put(o, "Z", 1);
}

/* ---- prose ---- */

static void put_sentence(struct out *o, struct rng *r, uint64_t project)
{
	uint32_t n = 3 + rng_below(r, 9);

	for (uint32_t i = 0; i < n && o->left; i++) {
		if (rng_below(r, 3) == 0)
			put_phrase(o, r, project);
		else
			put_word(o, r);
		out_str(o, i + 1 == n ? "." : rng_below(r, 9) == 0 ? ", " : " ");
	}
}

void text_prose(struct out *o, struct rng *r, uint64_t project)
{
	while (o->left) {
		uint32_t n = 2 + rng_below(r, 6);

		for (uint32_t i = 0; i < n && o->left; i++) {
			put_sentence(o, r, project);
			out_put(o, " ", 1);
		}
		out_put(o, "\n\n", 2);
	}
}

/* ---- source code ---- */

/* A project has a few hundred identifiers, and uses some of them much more than others. */
static void put_ident(struct out *o, struct rng *r, uint64_t project)
{
	double u = rng_unit(r);
	struct rng p = {rng_fork(project, (uint64_t)(u * u * u * 400))};

	out_str(o, text_name(60 + rng_below(&p, 3000)));
	if (rng_below(&p, 2)) {
		out_put(o, "_", 1);
		out_str(o, text_name(60 + rng_below(&p, 3000)));
	}
}

static void put_indent(struct out *o, uint32_t depth)
{
	out_put(o, "\t\t\t\t\t\t", depth < 6 ? depth : 6);
}

static void put_comment(struct out *o, struct rng *r, uint64_t project, uint32_t depth)
{
	put_indent(o, depth);
	out_str(o, "/* ");
	put_sentence(o, r, project);
	out_str(o, " */\n");
}

static void put_statement(struct out *o, struct rng *r, uint64_t project, uint32_t *depth)
{
	put_indent(o, *depth);
	switch (rng_below(r, 9)) {
	case 0:
		out_str(o, "if (");
		put_ident(o, r, project);
		out_str(o, rng_below(r, 2) ? " == NULL) {\n" : "->count > 0) {\n");
		*depth += *depth < 5;
		return;
	case 1:
		out_str(o, "return ");
		put_ident(o, r, project);
		out_str(o, ";\n");
		break;
	case 2:
	case 3:
		put_ident(o, r, project);
		out_str(o, "->");
		put_ident(o, r, project);
		out_str(o, " = ");
		put_ident(o, r, project);
		out_str(o, rng_below(r, 3) ? ";\n" : " + 1;\n");
		break;
	case 4:
		out_str(o, "log_error(\"");
		put_phrase(o, r, project);
		out_str(o, ": %s\", strerror(errno));\n");
		break;
	case 5:
		out_str(o, "for (size_t i = 0; i < ");
		put_ident(o, r, project);
		out_str(o, "; i++)\n");
		break;
	default:
		put_ident(o, r, project);
		out_put(o, "(", 1);
		put_ident(o, r, project);
		out_str(o, ", ");
		if (rng_below(r, 2))
			put_ident(o, r, project);
		else
			out_num(o, rng_below(r, 1000), 1);
		out_str(o, ");\n");
		break;
	}
	if (*depth > 1 && rng_below(r, 3) == 0) {
		put_indent(o, --*depth);
		out_str(o, "}\n");
	}
}

static void put_function(struct out *o, struct rng *r, uint64_t project)
{
	uint32_t n = 3 + rng_below(r, 25), depth = 1;

	if (rng_below(r, 3) == 0)
		put_comment(o, r, project, 0);
	out_str(o, rng_below(r, 2) ? "static int " : "void ");
	put_ident(o, r, project);
	out_str(o, "(struct ");
	put_ident(o, r, project);
	out_str(o, " *");
	put_ident(o, r, project);
	out_str(o, ", size_t len)\n{\n");
	for (uint32_t i = 0; i < n && o->left; i++) {
		if (rng_below(r, 12) == 0)
			put_comment(o, r, project, depth);
		put_statement(o, r, project, &depth);
	}
	out_str(o, "}\n\n");
}

void text_code(struct out *o, struct rng *r, uint64_t project)
{
	struct rng licence = {project};

	out_str(o, "/*\n * Copyright (c) the ");
	out_str(o, text_name((uint32_t)project));
	out_str(o, " project\n *\n");
	for (int i = 0; i < 12; i++) {
		out_str(o, " * ");
		put_sentence(o, &licence, project);
		out_put(o, "\n", 1);
	}
	out_str(o, " */\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n");
	for (int i = 0; i < 8; i++) {
		out_str(o, "#include \"");
		put_ident(o, i < 5 ? &licence : r, project);
		out_str(o, ".h\"\n");
	}
	while (o->left)
		put_function(o, r, project);
}

/* ---- logs, JSON, CSV ---- */

static void put_address(struct out *o, struct rng *r)
{
	out_str(o, "10.");
	out_num(o, rng_below(r, 4), 1);
	out_put(o, ".", 1);
	out_num(o, rng_below(r, 8), 1);
	out_put(o, ".", 1);
	out_num(o, rng_below(r, 64), 1);
}

static void put_path(struct out *o, struct rng *r, uint64_t project)
{
	out_str(o, "/api/v2/");
	put_ident(o, r, project);
	out_put(o, "/", 1);
	out_num(o, rng_below(r, 5000), 1);
}

static void put_log_line(struct out *o, struct rng *r, uint64_t project, uint64_t now)
{
	static const char *const level[] = {" INFO  ", " INFO  ", " INFO  ", " DEBUG ", " WARN  ", " ERROR "};
	static const char *const verb[] = {"GET ", "GET ", "GET ", "POST ", "PUT ", "DELETE "};

	text_date(o, now, 1);
	out_str(o, level[rng_below(r, 6)]);
	out_put(o, "[", 1);
	put_ident(o, r, project);
	out_str(o, "] ");
	if (rng_below(r, 3)) {
		put_address(o, r);
		out_put(o, " ", 1);
		out_str(o, verb[rng_below(r, 6)]);
		put_path(o, r, project);
		out_str(o, rng_below(r, 8) ? " 200 " : " 404 ");
		out_num(o, rng_below(r, 40000), 1);
		out_put(o, " ", 1);
		out_num(o, rng_below(r, 900), 1);
		out_str(o, "ms");
		if (rng_below(r, 4) == 0) {
			out_str(o, " trace=");
			out_hex(o, rng_next(r), 8);
		}
	} else {
		put_phrase(o, r, project);
		out_put(o, " ", 1);
		put_ident(o, r, project);
		out_put(o, "=", 1);
		out_num(o, rng_below(r, 1000000), 1);
	}
	out_put(o, "\n", 1);
}

static uint64_t some_moment(struct rng *r)
{
	return 1700000000000u + rng_below(r, 60000000) * (uint64_t)1000;
}

void text_log(struct out *o, struct rng *r, uint64_t project)
{
	uint64_t now = some_moment(r);

	while (o->left) {
		now += rng_below(r, 900);
		put_log_line(o, r, project, now);
	}
}

static void put_json_value(struct out *o, struct rng *r, uint64_t project, uint32_t kind)
{
	switch (kind % 6) {
	case 0:
		out_num(o, rng_below(r, 1000000), 1);
		break;
	case 1:
		out_str(o, rng_below(r, 2) ? "true" : "false");
		break;
	case 2:
		out_put(o, "\"", 1);
		text_date(o, some_moment(r), 0);
		out_put(o, "\"", 1);
		break;
	case 3:
		out_put(o, "\"", 1);
		put_ident(o, r, project);
		out_put(o, "\"", 1);
		break;
	default:
		out_put(o, "\"", 1);
		put_phrase(o, r, project);
		out_put(o, " ", 1);
		put_word(o, r);
		out_put(o, "\"", 1);
		break;
	}
}

/* Records of one shape: a file's shape is its project's, with the fields in a fixed order. */
void text_json(struct out *o, struct rng *r, uint64_t project)
{
	uint32_t fields = 5 + rng_below(r, 8);
	uint64_t id = rng_below(r, 1000000);

	out_str(o, "[\n");
	while (o->left) {
		out_str(o, "  {\n    \"id\": ");
		out_num(o, id++, 1);
		for (uint32_t i = 0; i < fields; i++) {
			struct rng key = {rng_fork(project, 1000 + i)};

			out_str(o, ",\n    \"");
			put_ident(o, &key, project);
			out_str(o, "\": ");
			put_json_value(o, r, project, (uint32_t)rng_next(&key));
		}
		out_str(o, "\n  },\n");
	}
}

void text_csv(struct out *o, struct rng *r, uint64_t project)
{
	uint64_t now = some_moment(r), level = rng_below(r, 100000);

	out_str(o, "time,sensor,value,status\n");
	while (o->left) {
		now += 60000;
		level += rng_below(r, 200);
		text_date(o, now, 0);
		out_put(o, ",", 1);
		put_ident(o, r, project);
		out_put(o, ",", 1);
		out_num(o, level / 100, 1);
		out_put(o, ".", 1);
		out_num(o, level % 100, 2);
		out_str(o, rng_below(r, 20) ? ",ok\n" : ",late\n");
		level -= rng_below(r, 200) < level ? rng_below(r, 199) % (level + 1) : 0;
	}
}

/* ---- binaries ---- */

/* Code-like bytes: idioms that the compiler emits again and again, with small operands between. */
static void put_machine_code(struct out *o, struct rng *r)
{
	for (int i = 0; i < 128; i++) {
		uint64_t x = rng_next(r);
		uint32_t pick = (uint32_t)((x & 0xffff) * ((x >> 16) & 0xffff) >> 22);
		struct rng idiom = {pick};
		uint64_t bytes = rng_next(&idiom);
		uint32_t operand = (uint32_t)(x >> 56) << 2;

		out_put(o, &bytes, 3 + (bytes >> 61) % 6);
		out_put(o, &operand, (x >> 32) & 1 ? 4 : 1);
	}
}

static void put_int_table(struct out *o, struct rng *r)
{
	uint32_t v = rng_below(r, 1 << 20);

	for (int i = 0; i < 128; i++) {
		uint32_t row[4] = {v, rng_below(r, 16), 0, rng_below(r, 200) << 4};

		out_put(o, row, sizeof(row));
		v += 16 * rng_below(r, 64);
	}
}

void text_binary(struct out *o, struct rng *r, uint64_t project)
{
	out_put(o,
		"\x7f"
		"ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\x3e\0\1\0\0\0",
		24);
	while (o->left) {
		switch (rng_below(r, 4)) {
		case 0:
			put_int_table(o, r);
			break;
		case 1:
			for (int i = 0; i < 40; i++) {
				put_ident(o, r, project);
				out_put(o, "", 1);
			}
			break;
		default:
			put_machine_code(o, r);
			break;
		}
	}
}

void text_noise(struct out *o, struct rng *r)
{
	while (o->left) {
		uint64_t block[64];

		for (size_t i = 0; i < 64; i++)
			block[i] = rng_next(r);
		out_put(o, block, sizeof(block));
	}
}
