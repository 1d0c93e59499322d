/*
 * backup REPOSITORY PASSPHRASE-FILE DIRECTORY TARGET: backs DIRECTORY up with libholdfast, brings it back to TARGET, and proves both: a
 * drill compares a second restore with the snapshot, byte by byte, and verify reads the whole repository. Makes the repository if there is none.
 *
 *	cc -o backup backup.c $(pkg-config --cflags --libs holdfast)
 */
#include <holdfast/holdfast.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void say(enum holdfast_level level, const char *line, void *user)
{
	(void)user;
	fprintf(stderr, "%s%s\n", level == HOLDFAST_WARN ? "warning: " : "", line);
}

static void on_signal(int number)
{
	(void)number;
	holdfast_cancel();
}

/* The first line of the file. */
static int read_passphrase(void *user, char *out, size_t room)
{
	FILE *f = fopen(user, "r");
	int n = -1;
	if (f && fgets(out, (int)room, f))
		n = (int)strcspn(out, "\n");
	if (f)
		fclose(f);
	return n;
}

static int open_or_make(const char *url, char *passphrase_file, struct holdfast_repository **repo, struct holdfast_error *err)
{
	struct holdfast_open_options o = {.size = sizeof(o), .passphrase = read_passphrase, .user = passphrase_file};
	int r = holdfast_open(url, &o, repo, err);
	if (r != HOLDFAST_E_NO_REPOSITORY)
		return r;
	char passphrase[1024];
	int n = read_passphrase(passphrase_file, passphrase, sizeof(passphrase));
	r = holdfast_init(url, passphrase, n < 0 ? 0 : (size_t)n, err);
	return r < 0 ? r : holdfast_open(url, &o, repo, err);
}

static int back_up(struct holdfast_repository *repo, const char *directory, char id[33], struct holdfast_error *err)
{
	const struct holdfast_source source = {.name = "data", .kind = "volume", .location = directory};
	const struct holdfast_backup_options o = {.size = sizeof(o), .sources = &source, .source_count = 1};
	struct holdfast_backup_result *result;
	int r = holdfast_backup(repo, &o, &result, err);
	if (r < 0)
		return r;
	printf("snapshot %s: %llu bytes, %llu of them new%s\n", result->snapshot, (unsigned long long)result->sources[0].bytes,
		(unsigned long long)result->sources[0].bytes_new, result->complete ? "" : "; INCOMPLETE:");
	for (size_t i = 0; i < result->sources[0].problem_count; i++)
		printf("  %s: %s\n", result->sources[0].problems[i].path, result->sources[0].problems[i].error);
	memcpy(id, result->snapshot, sizeof(result->snapshot));
	holdfast_backup_result_free(result);
	return 0;
}

static int bring_back(struct holdfast_repository *repo, const char *id, const char *target, struct holdfast_error *err)
{
	const struct holdfast_restore_options o = {.size = sizeof(o), .snapshot = id, .target = target};
	struct holdfast_restore_result *result;
	int r = holdfast_restore(repo, &o, &result, err);
	if (r < 0)
		return r;
	printf("restored %llu files to %s\n", (unsigned long long)result->sources[0].files, target);
	holdfast_restore_result_free(result);
	return 0;
}

/* 0: proved; 1: not. */
static int prove(struct holdfast_repository *repo, const char *id, struct holdfast_error *err)
{
	const struct holdfast_drill_options drill = {.size = sizeof(drill), .snapshot = id, .rto = INT64_C(3600) * 1000000000};
	const struct holdfast_verify_options verify = {.size = sizeof(verify), .read_data = true};
	struct holdfast_drill_result *drilled;
	struct holdfast_verify_result *verified;
	int r = holdfast_drill(repo, &drill, &drilled, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < drilled->check_count; i++)
		printf("%s %s %s: %s\n", drilled->checks[i].ok ? "ok    " : "FAILED", drilled->checks[i].source ? drilled->checks[i].source : "",
			drilled->checks[i].name, drilled->checks[i].detail ? drilled->checks[i].detail : "");
	printf("back in %.2f s\n", (double)drilled->rto / 1e9);
	bool good = drilled->ok && drilled->met;
	holdfast_drill_result_free(drilled);
	r = holdfast_verify(repo, &verify, &verified, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < verified->damaged_count; i++)
		printf("DAMAGED %s: %s\n", verified->damaged[i].object, verified->damaged[i].error);
	good = good && verified->ok;
	holdfast_verify_result_free(verified);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct holdfast_repository *repo = NULL;
	struct holdfast_error err = {0};
	char id[33];
	if (argc != 5) {
		fprintf(stderr, "usage: %s REPOSITORY PASSPHRASE-FILE DIRECTORY TARGET\n", argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	holdfast_set_log(say, NULL, HOLDFAST_WARN);
	int r = open_or_make(argv[1], argv[2], &repo, &err);
	if (r == 0)
		r = back_up(repo, argv[3], id, &err);
	if (r == 0)
		r = bring_back(repo, id, argv[4], &err);
	if (r == 0)
		r = prove(repo, id, &err);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[0], err.message);
	holdfast_close(repo);
	return r != 0;
}
