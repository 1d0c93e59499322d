/*
 * libholdfast: back up, restore and prove, from a program of your own. What the holdfast(1) command does, without its options for people.
 *
 *	struct holdfast_repository *repo;
 *	struct holdfast_error err = {0};
 *	struct holdfast_open_options open = {.size = sizeof(open), .key_file = "/etc/holdfast/key"};
 *	if (holdfast_open("s3://backups/shop", &open, &repo, &err) < 0)
 *		return complain(err.message);
 *	struct holdfast_source www = {.name = "www", .kind = "volume", .location = "/srv/www"};
 *	struct holdfast_backup_options backup = {.size = sizeof(backup), .sources = &www, .source_count = 1};
 *	struct holdfast_backup_result *result;
 *	if (holdfast_backup(repo, &backup, &result, &err) == 0)
 *		printf("%s%s\n", result->snapshot, result->complete ? "" : " (incomplete)");
 *	holdfast_backup_result_free(result);
 *	holdfast_close(repo);
 *
 * Calls.    Functions that can fail return int: 0, or one of the negative codes below; then `err` (which may be NULL) says what was
 *           attempted, on what, and why it failed. That a backup is incomplete, a check failed or an objective was missed is a result,
 *           not a failure: look at it.
 * Options.  Set `size` to the size of the struct; what is left zero is the default. Members are only ever added, at the end.
 * Results.  Belong to the library: read them, free them. After failure they are NULL. Strings are bytes, terminated; times are
 *           nanoseconds since 1970-01-01 UTC, durations nanoseconds; ids 32 lowercase hexadecimal digits.
 * Threads.  One thread at a time for one repository; several repositories may be open at once. The library starts threads of its own,
 *           and child processes (PostgreSQL's tools, commands), and waits for them. It prints nothing, never exits, and touches no signal:
 *           ignore SIGPIPE.
 * Links.    pkg-config --cflags --libs holdfast
 */
#ifndef HOLDFAST_HOLDFAST_H
#define HOLDFAST_HOLDFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this interface: greater where something was added, so that a program can ask for it. */
#define HOLDFAST_API 1

const char *holdfast_version(void); /* of the library, "0.1.0" */
int holdfast_api(void);		    /* HOLDFAST_API as it was when the library was built */

/* --- errors ------------------------------------------------------------------------------------------------------------------- */

enum holdfast_code {
	HOLDFAST_OK = 0,
	HOLDFAST_E_IO = -1,	      /* the operating system refused */
	HOLDFAST_E_NO_MEMORY = -2,
	HOLDFAST_E_NOT_FOUND = -3,    /* path, snapshot, source: it is not there */
	HOLDFAST_E_EXISTS = -4,	      /* it is there already, and must not be */
	HOLDFAST_E_USAGE = -5,	      /* something was asked for that makes no sense */
	HOLDFAST_E_CORRUPT = -6,      /* bytes of the repository that don't authenticate */
	HOLDFAST_E_NO_REPOSITORY = -7,
	HOLDFAST_E_KEY = -8,	      /* wrong key or passphrase, or a key without the right */
	HOLDFAST_E_NO_SPACE = -9,
	HOLDFAST_E_CANCELLED = -10,   /* by holdfast_cancel */
	HOLDFAST_E_UNSUPPORTED = -11, /* a version or feature that this library lacks */
	HOLDFAST_E_DENIED = -12,      /* by the system or the store */
	HOLDFAST_E_NETWORK = -13,
	HOLDFAST_E_CHECK = -14,	      /* a check failed or could not run */
	HOLDFAST_E_CHANGED = -15,     /* what was read changed meanwhile */
};

/* The caller's memory; needs no release. */
struct holdfast_error {
	int code;
	char message[2048];
};

/* What can be lived with is said to `handler`, one line at a time, from any thread. Set before anything else; NULL: nobody listens. */
enum holdfast_level { HOLDFAST_DEBUG, HOLDFAST_INFO, HOLDFAST_WARN };
typedef void holdfast_log_handler(enum holdfast_level level, const char *line, void *user);
void holdfast_set_log(holdfast_log_handler *handler, void *user, enum holdfast_level least);

/* --- cancellation, progress ---------------------------------------------------------------------------------------------------- */

/* Ends whatever the library is doing in this process: it cleans up and returns HOLDFAST_E_CANCELLED. From any thread, and from a signal
 * handler. What is begun later ends at once, until holdfast_resume. */
void holdfast_cancel(void);
void holdfast_resume(void);

/* A place where an operation keeps how far it is. Give it to one operation at a time; read it from any thread. NULL without memory. */
struct holdfast_progress;
struct holdfast_progress *holdfast_progress_new(void);
void holdfast_progress_free(struct holdfast_progress *progress); /* not while it is in use; NULL is fine */

struct holdfast_progress_view {
	const char *phase; /* "backing up", …; NULL: nothing has begun */
	uint64_t done_bytes, total_bytes, done_entries, total_entries; /* totals: 0 where they are not known */
	int64_t elapsed; /* of the phase */
};
void holdfast_progress_read(struct holdfast_progress *progress, struct holdfast_progress_view *out);

/* --- repositories -------------------------------------------------------------------------------------------------------------- */

struct holdfast_repository;

struct holdfast_open_options {
	size_t size;
	const char *key_file; /* what opens it; or NULL: the passphrase */
	/* Writes the passphrase to `out`, which has room for `room` bytes (not terminated), and returns its length; negative: there is
	 * none. Called only when it is needed. The bytes are wiped after use. */
	int (*passphrase)(void *user, char *out, size_t room);
	void *user;
	const char *cache_dir; /* keeps what saves time from run to run; NULL: nothing */
	const char *state_dir; /* remembers what was seen, so that a rollback of the repository is noticed; NULL: nothing */
};

/* `url`: a path, or s3://BUCKET/PREFIX?… as holdfast(1) has it. HOLDFAST_E_NO_REPOSITORY, _KEY, _CORRUPT, _UNSUPPORTED, … */
int holdfast_open(const char *url, const struct holdfast_open_options *options, struct holdfast_repository **out,
	struct holdfast_error *err);
void holdfast_close(struct holdfast_repository *repo); /* NULL is fine */

/* Makes a repository that `passphrase` (`len` bytes, not none) opens. HOLDFAST_E_EXISTS. */
int holdfast_init(const char *url, const char *passphrase, size_t len, struct holdfast_error *err);

/* --- snapshots ----------------------------------------------------------------------------------------------------------------- */

struct holdfast_snapshot_source {
	const char *name, *kind; /* kind: "volume", "sqlite", "postgresql", "command" */
	uint64_t files, bytes;
	int64_t consistency_point; /* the moment that its state is true of */
	bool complete;
};

struct holdfast_snapshot {
	char id[33];
	int64_t time;
	bool is_future;	   /* its time is later than the store's clock says: set apart, never the newest */
	bool complete;	   /* nothing is missing in it */
	int64_t proved_at; /* the newest successful drill on record; 0: none */
	const char *host;  /* as its writer claims */
	const char *failure; /* it can't be read, and this is why; then it has no sources. Else NULL */
	const struct holdfast_snapshot_source *sources;
	size_t source_count;
};

/* The restore points, the newest last. */
struct holdfast_snapshots {
	const struct holdfast_snapshot *snapshots;
	size_t count;
	bool is_whole; /* false: something of the catalogue is damaged, gone or rolled back; the log said what */
};
int holdfast_snapshots_list(struct holdfast_repository *repo, struct holdfast_snapshots **out, struct holdfast_error *err);
void holdfast_snapshots_free(struct holdfast_snapshots *snapshots); /* NULL is fine */

/* --- backup -------------------------------------------------------------------------------------------------------------------- */

/* As the options of holdfast-backup(1): "exclude" "*.tmp", "one-file-system" "true", … */
struct holdfast_option {
	const char *name, *value;
};

struct holdfast_source {
	const char *name;     /* unique among the sources, without '/', not "." or ".." */
	const char *kind;
	const char *location; /* a path; a postgresql:// URL or the directory of its socket; of a command its name */
	const char *const *argv; /* of a command: what to run, NULL at the end */
	const struct holdfast_option *options;
	size_t option_count;
};

struct holdfast_backup_options {
	size_t size;
	const struct holdfast_source *sources; /* at least one */
	size_t source_count;
	const char *const *tags;
	size_t tag_count;
	const char *host;    /* NULL: this machine's name */
	const char *scratch; /* for spools; NULL: /var/tmp */
	int compression;     /* 1 to 19; 0: 3 */
	bool verify;	     /* read back what was written before it counts */
	struct holdfast_progress *progress; /* or NULL */
};

struct holdfast_problem {
	const char *path, *error;
};

struct holdfast_backup_source {
	const char *name, *kind;
	const char *failure; /* all of it failed, and is not in the snapshot; else NULL */
	uint64_t files, bytes, bytes_new, bytes_stored;
	int64_t consistency_point;
	bool complete;
	const struct holdfast_problem *problems; /* what could not be read */
	size_t problem_count;
};

struct holdfast_backup_result {
	char snapshot[33];
	char head[65]; /* of the catalogue: what to expect of the repository from now on (--expect-head) */
	int64_t time;
	bool complete;
	int64_t skew, elapsed; /* skew: between the first and the last consistency point */
	const struct holdfast_backup_source *sources;
	size_t source_count;
};

/* All sources into one snapshot, committed when this returns 0. If one of several fails whole, the rest is committed, and incomplete. If
 * all fail there is no snapshot, and the first failure is returned. */
int holdfast_backup(struct holdfast_repository *repo, const struct holdfast_backup_options *options,
	struct holdfast_backup_result **out, struct holdfast_error *err);
void holdfast_backup_result_free(struct holdfast_backup_result *result); /* NULL is fine */

/* --- restore ------------------------------------------------------------------------------------------------------------------- */

struct holdfast_restore_options {
	size_t size;
	const char *snapshot; /* an id or the start of one, "latest", "latest:NAME"; NULL: "latest" */
	const char *source;   /* this one alone; NULL: all */
	const char *target;   /* a directory that is not there, or is empty */
	const char *const *include; /* paths, NAME/PATH; none: all */
	size_t include_count;
	bool overwrite;	  /* replace what is at `target`: it is kept beside, as `kept_old` */
	bool discard_old; /* with overwrite: don't keep it */
	const struct holdfast_option *options; /* "tablespace-map" "OLD=NEW" */
	size_t option_count;
	const char *scratch; /* NULL: /var/tmp */
	struct holdfast_progress *progress;
};

struct holdfast_restored_source {
	const char *name, *kind;
	uint64_t files, bytes;
	int64_t consistency_point;
	const char *const *notes; /* for people: what is to be done next, what was set aside */
	size_t note_count;
};

struct holdfast_restore_result {
	char snapshot[33];
	int64_t time;
	const char *kept_old; /* or NULL */
	int64_t elapsed;
	const struct holdfast_restored_source *sources;
	size_t source_count;
};

/* Of one source `target` becomes its root, or holds its one file; of several there is target/NAME for each. Built beside and put in
 * place as a whole: what is there is never half done. */
int holdfast_restore(struct holdfast_repository *repo, const struct holdfast_restore_options *options,
	struct holdfast_restore_result **out, struct holdfast_error *err);
void holdfast_restore_result_free(struct holdfast_restore_result *result); /* NULL is fine */

/* --- verify, drill ------------------------------------------------------------------------------------------------------------- */

struct holdfast_verify_options {
	size_t size;
	bool read_data; /* all data too, not just the structure */
	double sample;	/* with read_data: the share of packs to read, more than 0, at most 1; 0: all */
	struct holdfast_progress *progress;
};

struct holdfast_damage {
	const char *object, *error;
	uint64_t path_count; /* of files that can't be restored */
};

struct holdfast_verify_result {
	bool ok;
	uint64_t objects, bytes; /* looked at; read */
	const struct holdfast_damage *damaged;
	size_t damaged_count;
};

/* 0: it ran to an answer, which is in `ok`. */
int holdfast_verify(struct holdfast_repository *repo, const struct holdfast_verify_options *options,
	struct holdfast_verify_result **out, struct holdfast_error *err);
void holdfast_verify_result_free(struct holdfast_verify_result *result); /* NULL is fine */

struct holdfast_drill_options {
	size_t size;
	const char *snapshot, *source; /* as for a restore */
	const char *scratch;	       /* where it is restored to, and removed from; NULL: /var/tmp */
	int64_t rto, rpo;	       /* objectives; 0: none */
	const struct holdfast_option *checks; /* "check-sql" "NAME:SELECT …", "allow-network" "true" */
	size_t check_count;
	struct holdfast_progress *progress;
};

struct holdfast_check {
	const char *source; /* NULL: of the whole */
	const char *name, *detail;
	bool ok; /* false too where it could not run: `detail` says why */
};

struct holdfast_drill_result {
	char snapshot[33];
	bool ok; /* all checks */
	bool has_objectives, met;
	bool evidence_stored; /* the record is in the repository; else `evidence_failure` */
	const char *evidence_failure;
	int64_t rto, rpo; /* as measured: the worst of all sources */
	const struct holdfast_check *checks;
	size_t check_count;
};

/* Restores into a scratch place, starts what is to be started, in isolation, checks it, times it, takes it down, and records the
 * evidence. 0: it ran to an answer, which is in `ok` and `met`. */
int holdfast_drill(struct holdfast_repository *repo, const struct holdfast_drill_options *options,
	struct holdfast_drill_result **out, struct holdfast_error *err);
void holdfast_drill_result_free(struct holdfast_drill_result *result); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
