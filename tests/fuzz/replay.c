/*
 * replay DIRECTORY [MUTANTS [FROM]]: gives a fuzz target every seed in the directory, then MUTANTS (default 2000) of them, from number FROM
 * on (default 0). The same inputs in each run. replay FILE gives it that one file.
 *
 * A child does the work and leaves the input that it is at in shared memory. So whatever ends the child (a sanitizer, a signal, a hang
 * that is longer than HANG_SECONDS), the parent says which input it was, and keeps it in a file.
 */
#include "fuzz.h"
#include "mutate.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEEDS_MAX = 1024, HANG_SECONDS = 120 };

static struct at {
	char what[300];
	size_t len, done;
	uint8_t data[MUTANT_MAX];
} *at;

static struct seed seeds[SEEDS_MAX];
static char *names[SEEDS_MAX];
static size_t seed_count;

static void die(const char *what, const char *path)
{
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
	printf("not ok - %s\n", path);
	exit(1);
}

static void load(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f || seed_count == SEEDS_MAX)
		die("read", path);
	uint8_t *data = malloc(MUTANT_MAX);
	size_t len = data ? fread(data, 1, MUTANT_MAX, f) : 0;
	if (!data || ferror(f) || fclose(f) != 0)
		die("read", path);
	names[seed_count] = strdup(path);
	seeds[seed_count++] = (struct seed){data, len};
}

static void load_all(const char *directory)
{
	struct dirent **list;
	int n = scandir(directory, &list, NULL, alphasort);
	if (n < 0)
		die("list", directory);
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", directory, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			load(path);
		free(list[i]);
	}
	free(list);
}

/* In memory of exactly its size, so that a read beyond the end is seen. */
static void give(const char *what)
{
	snprintf(at->what, sizeof(at->what), "%s", what);
	alarm(HANG_SECONDS);
	uint8_t *exact = malloc(at->len ? at->len : 1);
	if (!exact)
		exit(1);
	memcpy(exact, at->data, at->len);
	LLVMFuzzerTestOneInput(exact, at->len);
	free(exact);
	at->done++;
}

static void give_all(uint64_t from, uint64_t mutants)
{
	for (size_t i = 0; i < seed_count; i++) {
		at->len = seeds[i].len;
		memcpy(at->data, seeds[i].data, seeds[i].len);
		give(names[i]);
	}
	for (uint64_t n = from; n < from + mutants; n++) {
		char what[64];
		snprintf(what, sizeof(what), "mutant %llu", (unsigned long long)n);
		at->len = mutate(seeds, seed_count, n, at->data);
		give(what);
	}
}

static void free_seeds(void)
{
	for (size_t i = 0; i < seed_count; i++) {
		free(seeds[i].data);
		free(names[i]);
	}
}

static int keep(const char *target, int status)
{
	char path[300];
	const char *dir = getenv("TMPDIR");
	snprintf(path, sizeof(path), "%s/fuzz-%s.input", dir && *dir ? dir : "/tmp", target);
	FILE *f = fopen(path, "wb");
	if (f) {
		fwrite(at->data, 1, at->len, f);
		fclose(f);
	}
	fprintf(stderr, "%s: %s after %s; the input is in %s\n", target,
		WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ended", at->what, path);
	printf("not ok - %s: %s\n", target, at->what);
	return 1;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	struct stat st;
	if (argc < 2 || stat(argv[1], &st) < 0) {
		fprintf(stderr, "usage: %s DIRECTORY [MUTANTS [FROM]] | FILE\n", name);
		return 2;
	}
	bool is_file = !S_ISDIR(st.st_mode);
	if (is_file)
		load(argv[1]);
	else
		load_all(argv[1]);
	uint64_t mutants = is_file ? 0 : argc > 2 ? strtoull(argv[2], NULL, 10) : 2000;
	at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || seed_count == 0)
		die("start with", argv[1]);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		give_all(argc > 3 ? strtoull(argv[3], NULL, 10) : 0, mutants);
		free_seeds();
		exit(0);
	}
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("start", name);
	size_t count = seed_count;
	free_seeds();
	if (status != 0 || at->done != count + mutants)
		return keep(name, status);
	printf("ok - %s: %zu seeds, %llu mutants\n", name, count, (unsigned long long)mutants);
	return 0;
}
