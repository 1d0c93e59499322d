/*
 * A source: a named thing to protect. Each kind (volume, sqlite, postgresql, command) is a driver: a table of
 * functions that live in a folder of their own, and one line in registry.c.
 *
 * Calling order: open; then any of capture, restore, check, each as often as wanted; close. One thread at a time for
 * one source; a driver may use threads inside a call. A driver never knows what a chunk or a repository is: it
 * captures into a sink (entry/sink.h) and restores from a feed (entry/feed.h). All loops ask hf_stopped (base/stop.h).
 */
#ifndef HF_SOURCE_SOURCE_H
#define HF_SOURCE_SOURCE_H

#include "base/json.h"
#include "entry/feed.h"
#include "entry/sink.h"

/* An option of a source, as the command line or a policy gave it. The driver knows the names that it takes, and
 * refuses others by HF_E_USAGE in `open`. A name may come more than once (exclude). Flags have the value "true". */
struct hf_option {
	const char *name; /* "exclude", "exclude-file", "exclude-caches", "one-file-system", "direct", … */
	const char *value;
};

struct hf_source_spec {
	const char *kind;     /* "volume", "sqlite", "postgresql", "command" */
	const char *name;     /* the name in the snapshot */
	const char *location; /* a path, a URL, a socket directory; for a command its name. NULL for restore and check */
	const char *const *argv; /* command: what to run, NULL-terminated */
	const struct hf_option *options;
	size_t option_count;
	const char *scratch;  /* where spools may go (--scratch); never NULL */
	const char *repository; /* where it is backed up to: a volume leaves that directory out; NULL, or no path, is fine */
};

struct hf_source; /* a driver embeds it as its first member */

struct hf_captured {
	int64_t consistency_point; /* ns: the moment that the captured state is true of */
	bool incomplete;	   /* something is missing; every reason went through sink->problem */
	json_t *detail;		   /* an object of the driver's own, stored in the snapshot and handed back to restore and
				    * check: row counts, LSNs, server version. The caller releases it. May be NULL. */
};

struct hf_restore_options {
	bool own_as_is;	     /* not root: owners are left as they are, and that is said once */
	const struct hf_option *options; /* "tablespace-map" (OLD=NEW) … */
	size_t option_count;
	const json_t *detail; /* what capture recorded, or NULL */
	bool is_partial;      /* some paths only (--include) */
	const char *target;   /* where the tree will stand when the caller has put it in place: for notes. May be NULL */
	const char *conf_path; /* postgresql: where to write configuration from outside the data directory: a directory that
				* is not there yet or empty, made only if there is something for it. In the end it stands
				* at TARGET.conf (the notes say so). NULL: it is left out, and a note says so */
};

struct hf_restored {
	uint64_t files, bytes;
	json_t *notes; /* array of strings for the user: lines to run, things set aside. The caller releases it. */
	json_t *outside; /* array of the directories elsewhere that belong to it now (tablespaces), or NULL. Likewise */
};

/* One check and its result. A check that could not run is not ok, and `detail` says why. */
struct hf_check {
	const char *name;
	bool ok;
	bool proves; /* it proves rather than tells readiness: timed in prove_ns */
	char *detail;
};

struct hf_check_report {
	struct hf_check *checks;
	size_t count;
	/* Times of the phases, ns. start: until the server process runs; recover: until consistent and accepting;
	 * check: readiness checks; prove: the rest. Zero where a kind has no such phase. */
	int64_t start_ns, recover_ns, check_ns, prove_ns;
	int64_t last_commit_ns; /* the newest commit really found in the data; 0 if there is no telling */
};

struct hf_check_options {
	const char *path;      /* the restored thing: the root directory that restore wrote into */
	int dirfd;	       /* the same, opened */
	const char *scratch;   /* a private directory for sockets, logs, configuration */
	struct hf_feed *feed;  /* a second feed of the same snapshot, to compare with (volume); or NULL */
	const json_t *detail;  /* what capture recorded */
	const struct hf_option *options; /* "check-sql" (repeated), "allow-network", "preload-libraries" */
	size_t option_count;
};

struct hf_source_driver {
	const char *kind;
	bool is_ordered; /* capture pushes entries in hf_path_compare order */
	bool reads_once; /* capturing again within a run is not for us to decide: a command has effects that only its owner knows */

	/* Checks options and makes a source; touches nothing else (no connection yet). */
	int (*open)(const struct hf_source_spec *spec, struct hf_source **out, struct hf_error *err);

	/* Pushes everything into `sink`. On failure nothing of what was pushed will be used. */
	int (*capture)(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out, struct hf_error *err);

	/* Writes what `feed` gives under the directory `dirfd` (empty, ours, private). Files are not synced one by
	 * one: the caller does a syncfs at the end. `dirfd` becomes the root of the source's tree. */
	int (*restore)(struct hf_source *source, struct hf_feed *feed, int dirfd,
		const struct hf_restore_options *options, struct hf_restored *out, struct hf_error *err);

	/* Optional. May what lies in the directory `dirfd`, of this kind or any other, be replaced by a restored one? 0, or
	 * HF_E_EXISTS saying who uses it. Called before a byte is written, with --overwrite only. */
	int (*may_replace)(int dirfd, struct hf_error *err);

	/* Is the restored thing alive and whole? 0 if all checks ran to an answer, whatever it is (see the report);
	 * negative only if not even that could be said. May change what it checks: it is a scratch copy. */
	int (*check)(struct hf_source *source, const struct hf_check_options *options,
		struct hf_check_report *report, struct hf_error *err);

	void (*close)(struct hf_source *source);
};

struct hf_source {
	const struct hf_source_driver *driver;
};

/* registry.c */
const struct hf_source_driver *hf_source_driver(const char *kind); /* NULL if there is none */
int hf_source_open(const struct hf_source_spec *spec, struct hf_source **out, struct hf_error *err) HF_MUST_CHECK;
void hf_source_close(struct hf_source *source); /* NULL is fine */

/* The last value of an option, or NULL. */
const char *hf_option_value(const struct hf_option *options, size_t count, const char *name);
/* HF_E_USAGE if an option's name is not in the NULL-terminated list `known`; says which are. */
int hf_options_check(const struct hf_option *options, size_t count, const char *const *known,
	const char *kind, struct hf_error *err) HF_MUST_CHECK;

/* Appends to a report; `detail` is formatted. Returns HF_E_NOMEM at worst. */
int hf_check_add(struct hf_check_report *report, const char *name, bool ok, bool proves, const char *fmt, ...)
	HF_PRINTF(5, 6);
void hf_check_report_free(struct hf_check_report *report);

#endif
