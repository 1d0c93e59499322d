/*
 * hf-gen tree: a directory tree like a developer's or a small server's.
 *
 * File sizes are log-normal (many small, few of megabytes), scaled so that their sum is what was
 * asked for. Files live in projects (a directory with sub-directories), and what lies in one
 * project looks alike: that is what makes grouping neighbours before compression pay.
 */
#include "gen.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { PROSE, CODE, LOG, JSON, CSV, BINARY, NOISE, KINDS };

/* Share of the files, in percent, and how much larger than a typical file the kind's are. */
static const struct {
	const char *suffix;
	uint32_t share;
	double scale;
} kinds[KINDS] = {
	[PROSE] = {".txt", 18, 0.8},
	[CODE] = {".c", 46, 0.85},
	[LOG] = {".log", 8, 1.3},
	[JSON] = {".json", 14, 1.2},
	[CSV] = {".csv", 3, 1.2},
	[BINARY] = {".o", 6, 1.3},
	[NOISE] = {".png", 5, 1.3},
};

static const double SIGMA = 1.8; /* of the log-normal sizes */
static const uint64_t FILES_PER_PROJECT = 250;

struct file_plan {
	uint64_t seed, project, size;
	enum kind kind;
};

static struct out out;

static enum kind pick_kind(struct rng *r)
{
	uint32_t at = rng_below(r, 100);
	enum kind k = PROSE;

	while (k + 1 < KINDS && at >= kinds[k].share)
		at -= kinds[k++].share;
	return k;
}

static double pick_size(struct rng *r, enum kind k)
{
	double u = 1 - rng_unit(r), v = rng_unit(r);
	double normal = sqrt(-2 * log(u)) * cos(2 * M_PI * v); /* Box and Muller */

	return kinds[k].scale * exp(SIGMA * normal);
}

static struct file_plan *plan_files(uint64_t n, uint64_t bytes, uint64_t seed)
{
	struct file_plan *plan = calloc(n ? n : 1, sizeof(*plan));
	double *weight = calloc(n ? n : 1, sizeof(*weight));
	double sum = 0;

	if (!plan || !weight)
		gen_die("out of memory");
	for (uint64_t i = 0; i < n; i++) {
		struct rng r = {rng_fork(seed, i)};

		plan[i].project = rng_fork(seed, ~(i / FILES_PER_PROJECT));
		plan[i].kind = pick_kind(&r);
		plan[i].seed = rng_next(&r);
		sum += weight[i] = pick_size(&r, plan[i].kind);
	}
	for (uint64_t i = 0; i < n; i++)
		plan[i].size = (uint64_t)(weight[i] / sum * (double)bytes);
	/* One small file in a hundred is a copy of its neighbour, as vendored sources are. */
	for (uint64_t i = 1; i < n; i++)
		if (plan[i].seed % 100 == 0 && plan[i - 1].size < 65536)
			plan[i] = plan[i - 1];
	free(weight);
	return plan;
}

static void write_content(int fd, const struct file_plan *f)
{
	struct rng r = {f->seed};

	out_begin(&out, fd, f->size);
	switch (f->kind) {
	case PROSE:
		text_prose(&out, &r, f->project);
		break;
	case CODE:
		text_code(&out, &r, f->project);
		break;
	case LOG:
		text_log(&out, &r, f->project);
		break;
	case JSON:
		text_json(&out, &r, f->project);
		break;
	case CSV:
		text_csv(&out, &r, f->project);
		break;
	case BINARY:
		text_binary(&out, &r, f->project);
		break;
	default:
		text_noise(&out, &r);
		break;
	}
	out_end(&out);
}

static void make_dirs(char *path)
{
	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = 0;
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			gen_die("mkdir %s: %s", path, strerror(errno));
		*s = '/';
	}
}

/* DIR/project/[part/[part/]]name-N.suffix; the number keeps names apart. */
static void file_path(char *path, size_t room, const char *dir, uint64_t i, const struct file_plan *f)
{
	struct rng p = {f->project}, r = {f->seed};
	uint32_t part = rng_below(&r, 12), name = rng_below(&r, 5000);
	struct rng sub = {rng_fork(f->project, part)};
	const char *project = text_name(rng_below(&p, 4000)), *a = text_name(rng_below(&sub, 400)),
		   *b = text_name(rng_below(&sub, 400));
	const char *suffix = kinds[f->kind].suffix;
	uint64_t group = i / FILES_PER_PROJECT;
	int n;

	if (part < 2)
		n = snprintf(
			path, room, "%s/%s-%lu/%s-%lu%s", dir, project, group, text_name(name), i, suffix);
	else if (part < 7)
		n = snprintf(path, room, "%s/%s-%lu/%s/%s-%lu%s", dir, project, group, a, text_name(name), i,
			suffix);
	else
		n = snprintf(path, room, "%s/%s-%lu/%s/%s/%s-%lu%s", dir, project, group, a, b,
			text_name(name), i, suffix);
	if (n < 0 || (size_t)n >= room)
		gen_die("%s: the path is too long", dir);
}

static void write_file(const char *dir, uint64_t i, const struct file_plan *f)
{
	char path[4096];
	int fd;

	file_path(path, sizeof(path), dir, i, f);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 && errno == ENOENT) {
		make_dirs(path);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	}
	if (fd < 0)
		gen_die("%s: %s", path, strerror(errno));
	write_content(fd, f);
	if (close(fd) != 0)
		gen_die("%s: %s", path, strerror(errno));
}

static void make_tree(const char *dir, uint64_t files, uint64_t bytes, uint64_t seed)
{
	struct file_plan *plan = plan_files(files, bytes, seed);

	for (uint64_t i = 0; i < files; i++)
		write_file(dir, i, &plan[i]);
	free(plan);
}

/* Edits one file as people do: some lines in the middle replaced by others, or lines appended.
 * What follows the edit moves, so that only content-defined cutting finds it again. */
static void edit_file(const char *path, off_t size, struct rng *r)
{
	off_t at = rng_below(r, 3) ? (off_t)(rng_unit(r) * (double)size) : size;
	uint32_t cut = rng_below(r, 400), add = 40 + rng_below(r, 800);
	int fd = open(path, O_RDWR);
	char *tail = malloc((size_t)size + 1);
	ssize_t n;

	if (fd < 0 || !tail)
		gen_die("%s: %s", path, strerror(errno));
	n = pread(fd, tail, (size_t)(size - at), at);
	if (n < 0 || lseek(fd, at, SEEK_SET) < 0)
		gen_die("%s: %s", path, strerror(errno));
	out_begin(&out, fd, add);
	text_log(&out, r, rng_next(r));
	out_end(&out);
	if (n > cut && write(fd, tail + cut, (size_t)n - cut) != n - (ssize_t)cut)
		gen_die("%s: %s", path, strerror(errno));
	free(tail);
	close(fd);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void touch_tree(const char *dir, double share, uint64_t new_files, uint64_t seed)
{
	char *const paths[] = {strdup(dir), NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	struct rng r = {seed ^ 0x746f756368u};
	uint64_t touched = 0;
	char fresh[4096];

	if (!walk)
		gen_die("%s: %s", dir, strerror(errno));
	for (FTSENT *e; (e = fts_read(walk));)
		if (e->fts_info == FTS_F && rng_unit(&r) < share) {
			edit_file(e->fts_path, e->fts_statp->st_size, &r);
			touched++;
		}
	fts_close(walk);
	free(paths[0]);
	snprintf(fresh, sizeof(fresh), "%s/new-%lx", dir, seed);
	make_tree(fresh, new_files, new_files * 17700, seed ^ 0x6e6577u);
	printf("%lu files changed, %lu added\n", touched, new_files);
}

int gen_tree(int argc, char **argv)
{
	uint64_t files = 60000, mib = 1016, seed = 1, new_files = 100;
	double touch = 0;

	for (int i = 1; i < argc; i++)
		if (!gen_opt_u64(argc, argv, &i, "--files", &files) &&
			!gen_opt_u64(argc, argv, &i, "--mib", &mib) &&
			!gen_opt_u64(argc, argv, &i, "--seed", &seed) &&
			!gen_opt_u64(argc, argv, &i, "--new", &new_files) &&
			!gen_opt_percent(argc, argv, &i, "--touch", &touch))
			gen_die("tree: %s: unknown option", argv[i]);
	text_begin(20241);
	if (touch > 0) {
		touch_tree(argv[0], touch, new_files, seed);
		return 0;
	}
	if (mkdir(argv[0], 0755) != 0 && errno != EEXIST)
		gen_die("mkdir %s: %s", argv[0], strerror(errno));
	make_tree(argv[0], files, mib << 20, seed);
	return 0;
}
