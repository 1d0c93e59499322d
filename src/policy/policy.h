/*
 * A policy: the YAML file that says what the nightly job backs up, where to, what is kept, what is promised and how it is proved. Its
 * keys are the members of these structs under the same names; the table that says so is in policy.c.
 *
 *	hf_policy_load -> members; hf_policy_print -> hf_policy_free
 *
 * Variables are read when the file is: put what a .env file has into the environment before (env_file.h). Secrets in files and from
 * commands are not fetched here: whoever needs one does (hf_policy_secret).
 */
#ifndef HF_POLICY_POLICY_H
#define HF_POLICY_POLICY_H

#include "policy/retention.h"
#include "policy/schema.h"

/* A program: an argument vector, or a text for the shell. */
struct hf_policy_command {
	struct hf_texts run;
	const char *sh;
	int64_t timeout; /* ns; of hooks and checks */
};

/* A secret: the text itself, a file that holds it, or a command that prints it. */
struct hf_policy_secret {
	const char *value, *file;
	struct hf_policy_command command;
};

/* What opens a repository. */
struct hf_policy_place {
	const char *repository, *key_file;
	struct hf_policy_secret passphrase;
	size_t line, column; /* where the file says so */
};

struct hf_policy_source {
	const char *name, *kind; /* kind: "volume", "sqlite", "postgresql", "command" */
	const char *volume, *sqlite, *postgresql;
	struct hf_policy_secret postgresql_url; /* `value` is not used: postgresql is */
	struct hf_policy_command command;
	struct hf_texts exclude, exclude_file;
	bool exclude_caches, one_file_system; /* volume */
	bool direct;			      /* sqlite */
	const char *check;		      /* sqlite, at capture: "quick", "full", "none" */
	uint64_t wal_limit;
	int64_t busy_timeout;
	size_t line, column; /* where it begins in the file */
};

struct hf_policy_retention {
	unsigned last, hourly, daily, weekly, monthly, yearly;
	int64_t within, within_hourly, within_daily, within_weekly, within_monthly, within_yearly;
	struct hf_texts tag;
	const char *group_by; /* "name", "tag", "sources" */
};

struct hf_policy_hooks {
	struct hf_groups before, freeze, thaw, after, on_failure; /* of struct hf_policy_command */
};

struct hf_policy_prune {
	int64_t every; /* ns */
	double max_unused; /* repack until at most this share is of no use; 0: delete whole packs only */
	int64_t grace; /* ns; 0: as the repository is configured */
	bool is_wanted; /* it was given, or there is something to forget */
};

struct hf_policy_objectives {
	int64_t rpo, rto; /* ns; 0: none */
};

struct hf_policy_verify {
	bool written; /* read back what a backup wrote before it counts */
	int64_t every; /* the whole repository; 0: each time, if anything else is given */
	bool read_data;
	double sample;
	bool is_wanted; /* any of the three above was given */
};

struct hf_policy_drill {
	struct hf_named sql, files; /* by the name of a source */
	struct hf_policy_command command;
	struct hf_texts preload_libraries;
	bool allow_network;
};

struct hf_policy_limits {
	uint64_t upload, download; /* bytes a second; 0: no limit */
};

struct hf_policy {
	struct hf_arena arena;
	const char *path; /* of the file */
	unsigned version;
	struct hf_policy_place primary;
	struct hf_groups copies; /* of struct hf_policy_place */
	const char *timezone, *host, *scratch;
	struct hf_texts tags;
	unsigned compression;
	struct hf_groups sources; /* of struct hf_policy_source; not empty, names are unique */
	const char **source_names; /* NULL-terminated */
	bool has_retention;	  /* without the key nothing is ever forgotten */
	struct hf_policy_retention retention;
	struct hf_policy_prune prune;
	struct hf_policy_objectives objectives;
	struct hf_policy_verify verify;
	struct hf_policy_drill drill;
	struct hf_policy_hooks hooks;
	struct hf_policy_limits limits;
};

/* Reads and checks the file. HF_E_USAGE with "FILE:LINE:COLUMN: …"; also where it can't be read at all. Free with hf_policy_free; NULL
 * in `out` after failure. */
int hf_policy_load(const char *path, struct hf_policy **out, struct hf_error *err) HF_MUST_CHECK;
/* The same of a text in memory; `name` is for messages. */
int hf_policy_parse(const char *name, const void *text, size_t len, struct hf_policy **out, struct hf_error *err) HF_MUST_CHECK;
void hf_policy_free(struct hf_policy *p); /* NULL is fine */

/* All of it, defaults spelled out and secrets masked, as YAML that a policy may say. */
void hf_policy_print(const struct hf_policy *p, struct hf_buf *out);

static inline const struct hf_policy_source *hf_policy_source(const struct hf_policy *p, size_t i)
{
	return (const struct hf_policy_source *)p->sources.items + i;
}

/* Its retention as rules, in that zone; they point into the policy. */
void hf_policy_rules(const struct hf_policy *p, const struct hf_zone *zone, struct hf_retention_rules *out);

/* --- commands and secrets -------------------------------------------------------------------------------------------- */

static inline bool hf_policy_has_command(const struct hf_policy_command *c)
{
	return c->sh || c->run.count;
}

/* Its argument vector: its own, or "/bin/sh -c TEXT" in `room`. */
const char *const *hf_policy_argv(const struct hf_policy_command *c, const char *room[4]);

/* Fetches a secret into `out` (cleared first; the caller wipes it), without one newline at its end. 1: there is one; 0: the policy
 * says nothing of it. HF_E_KEY, saying `what` ("the passphrase") and why, if it can't be had or is empty. */
int hf_policy_secret_get(const struct hf_policy_secret *s, const char *what, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;

#endif
