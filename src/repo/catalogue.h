/*
 * The catalogue: the signed entries that say which snapshots are restore points. FORMAT.md, sections 10 and 13.
 *
 * Each entry names by hash all the heads that its writer saw (entries that no other named yet), so the entries form a graph
 * out of which nothing can be taken unnoticed. Loading reads them all (from the cache those that were seen before), believes
 * those that are signed by a certified writer with the right to say what they say, and sets the rest aside, named.
 *
 *	load -> points, heads, problems
 *	     -> hf_catalogue_select      a snapshot by what a user typed (selector rules of the command line)
 *	     -> hf_catalogue_commit, _forget, _unforget, _evidence    one more entry, whose parents are the heads
 *
 * What the clear parts tell works with every key; times of snapshots, names and hosts take a key that may read the catalogue.
 * Used by one thread at a time.
 */
#ifndef HF_REPO_CATALOGUE_H
#define HF_REPO_CATALOGUE_H

#include "repo/repository.h"
#include "repo/snapshot.h"
#include "repo/void.h"

enum hf_entry_kind { /* "type" of an entry */
	HF_CATALOGUE_COMMIT = 1,
	HF_CATALOGUE_FORGET,
	HF_CATALOGUE_UNFORGET,
	HF_CATALOGUE_EVIDENCE,
	HF_CATALOGUE_CHECKPOINT,
	HF_CATALOGUE_REVOKE,
};

/* A believed entry. */
struct hf_catalogue_entry {
	struct hf_ref ref;
	struct hf_hash hash;
	enum hf_entry_kind kind;
	int64_t time;	    /* as its writer claims */
	int64_t store_time; /* when the object was made, by the store's clock */
	struct hf_hash *parents;
	size_t parent_count;
	struct hf_ref *snapshots; /* commit: one; forget, unforget, evidence: those named; checkpoint: nothing follows from it */
	size_t snapshot_count;
	struct hf_id run;      /* commit */
	char what[16];	       /* evidence: "drill", "restore", "verify", "rollback", "prune" */
	bool ok;	       /* evidence */
	struct hf_hash *covers; /* checkpoint: entries that it replaces */
	size_t cover_count;
	struct hf_id key;      /* revoke: whose entries after `last` don't count */
	struct hf_hash last;   /* revoke */
	bool has_last;
};

enum hf_time_trust {
	HF_TIME_WRITER, /* the writer's claim, which nothing contradicts */
	HF_TIME_STORE,	/* the claim is before the writer's previous entry: the store's time stands in for it */
	HF_TIME_FUTURE, /* the claim is later than the store's time: set apart, never the newest */
};
const char *hf_time_trust_name(enum hf_time_trust trust); /* "writer", "store", "future" */

/* A claim may be so much later than the store's time before it counts as future: clocks differ, stores keep whole seconds. */
#define HF_TIME_TOLERANCE (300 * INT64_C(1000000000))

/* A restore point: committed, not forgotten. */
struct hf_point {
	struct hf_ref ref;
	struct hf_id run;
	int64_t time; /* the snapshot's claim, or the entry's where that can't be read; the store's if the trust is that */
	enum hf_time_trust time_trust;
	int64_t seen; /* when its commit was stored, by the store's clock; of a copy when the first one's was, if that is earlier */
	int64_t proved_at;	      /* the newest successful drill on record by a key with the right to prove; 0: none */
	struct hf_snapshot *snapshot; /* without packs; NULL: could not be read, and `failure` says why (0: was not asked for) */
	int failure;		      /* HF_E_KEY, HF_E_CORRUPT, HF_E_NOTFOUND (the object is gone), HF_E_UNSUPPORTED */
	char *why;
	size_t entry; /* its commit: number in `entries` */
};

/* Whether they follow one another: by the same writer, and, of copies, of what the same writer in the same repository made. Points
 * whose snapshots were not read count as no copies. */
bool hf_point_is_same_line(const struct hf_point *a, const struct hf_point *b);

/* What was found wrong while loading. */
struct hf_catalogue_problem {
	char object[HF_NAME_MAX]; /* empty where there is no one object to blame */
	char *why;
	bool is_loss; /* something is damaged or gone; false: it is there, and not to be believed */
	bool is_revoked; /* an entry as it should be, but by a key that the owner revoked, after the last one that is believed of it */
};

struct hf_catalogue {
	struct hf_repository *repo;
	struct hf_catalogue_entry *entries; /* each after all of its parents */
	size_t entry_count;
	struct hf_hash *heads;
	size_t head_count;
	struct hf_point *points; /* ascending by time */
	size_t point_count;
	struct hf_ref *forgotten; /* sorted (hf_ref_compare) */
	size_t forgotten_count;
	struct hf_catalogue_problem *problems;
	size_t problem_count;
	size_t damaged;	  /* entries that are listed and can't be read */
	size_t vanished;  /* of these: that were gone when they were to be read */
	size_t unknown;	  /* entries of a type that this version does not know */
	struct hf_hash *missing; /* parents that no entry has */
	size_t missing_count;
	struct hf_void_unread unread_voids; /* of the last commit */
	size_t rolled_back; /* heads that this host remembers and that no entry has */
};

struct hf_catalogue_options {
	bool snapshots;	 /* read the snapshots of all points too */
	bool from_store; /* don't believe the cache: read everything from the store (verify) */
};

/* HF_E_IO, HF_E_DENIED, … where the store can't be listed or read at all. Damage is a problem, not a failure. Free with
 * hf_catalogue_free, also after failure. Remembers the heads (state.h). */
int hf_catalogue_load(struct hf_repository *repo, const struct hf_catalogue_options *options, struct hf_catalogue *out,
	struct hf_error *err) HF_MUST_CHECK;
/* For a writer that may list nothing (repo->config.is_unlisted): no entries, and the heads that this host remembers. */
int hf_catalogue_begin_unlisted(struct hf_repository *repo, struct hf_catalogue *out, struct hf_error *err) HF_MUST_CHECK;
void hf_catalogue_free(struct hf_catalogue *c);

/* Is the entry with this hash (64 hexadecimal digits, as backup printed it) there, or replaced by a checkpoint? HF_E_CHECK if not:
 * the repository was rolled back, or is another. HF_E_USAGE if it is no hash. */
int hf_catalogue_expect(const struct hf_catalogue *c, const char *head, struct hf_error *err) HF_MUST_CHECK;

/* The sealed body of an entry: for evidence the whole record. New reference. HF_E_KEY if this key may not read the catalogue. */
int hf_catalogue_record(const struct hf_catalogue *c, const struct hf_catalogue_entry *entry, json_t **out,
	struct hf_error *err) HF_MUST_CHECK;

/* The restore point of that snapshot, or NULL. */
const struct hf_point *hf_catalogue_point(const struct hf_catalogue *c, const struct hf_ref *snapshot);

/* --- choosing ------------------------------------------------------------------------------------------------------ */

struct hf_select_options {
	const char *selector; /* "latest", "latest:NAME", an id or the start of one */
	const char *source;   /* --source: the chosen snapshot must hold it; or NULL */
	const char *const *any_of; /* of "latest": one that holds any of these sources (a policy's); NULL-terminated, or NULL */
	const char *host;     /* --host: the name of a key, or else a host that snapshots claim; or NULL */
	bool has_at;	      /* --at: of "latest", the newest not after `at` */
	int64_t at;	      /* ns */
};

/* Chooses; the catalogue must have been loaded with snapshots. `source` (may be NULL) is set to the one source that was asked
 * for, by "latest:NAME" or options->source, or to NULL: all of them. Never falls back: HF_E_CORRUPT if anything that may be
 * newer can't be read, naming it and the newest that can. HF_E_NOTFOUND; HF_E_USAGE where several snapshots or writers fit
 * (they are listed). That the chosen one is incomplete is said as a warning. */
int hf_catalogue_select(const struct hf_catalogue *c, const struct hf_select_options *options,
	const struct hf_point **out, const char **source, struct hf_error *err) HF_MUST_CHECK;

/* By id or the start of one only (forget). */
int hf_catalogue_find(const struct hf_catalogue *c, const char *prefix, const struct hf_point **out,
	struct hf_error *err) HF_MUST_CHECK;

/* --- writing ------------------------------------------------------------------------------------------------------- */

/* All of these PUT one entry whose parents are the heads, and make it the one head; its hash in `head` unless NULL. `record`
 * (borrowed) is the sealed body. */

struct hf_new_commit {
	struct hf_ref snapshot;
	struct hf_id run;
	json_t *evidence; /* of the backup: requests, bytes, seconds; NULL: {} */
};
/* The commit. The caller has PUT the snapshot and listed condemnations after that. Afterwards lists voids: 0 if the commit is
 * acknowledged (at once, for a writer that may list nothing: pruners leave its snapshots be), 1 if the snapshot was voided
 * meanwhile: then all is to be done again, with a snapshot that is PUT after that. */
int hf_catalogue_commit(struct hf_catalogue *c, const struct hf_new_commit *commit, struct hf_hash *head,
	struct hf_error *err) HF_MUST_CHECK;

int hf_catalogue_forget(struct hf_catalogue *c, const struct hf_ref *snapshots, size_t count, const char *reason,
	struct hf_error *err) HF_MUST_CHECK;
int hf_catalogue_unforget(struct hf_catalogue *c, const struct hf_ref *snapshots, size_t count, const char *reason,
	struct hf_error *err) HF_MUST_CHECK;

struct hf_new_evidence {
	const char *what; /* "drill", "restore", "verify", "rollback", "prune" */
	const struct hf_ref *snapshots;
	size_t snapshot_count;
	bool ok;
	json_t *record; /* the whole of it */
};
int hf_catalogue_evidence(struct hf_catalogue *c, const struct hf_new_evidence *evidence, struct hf_hash *head,
	struct hf_error *err) HF_MUST_CHECK;

/* Revokes a key, with the owner's: entries of it that are among the heads or their ancestors still count, and none that it
 * writes from now on. HF_E_KEY, HF_E_USAGE for the owner's own. */
int hf_catalogue_revoke(struct hf_catalogue *c, const struct hf_id *key, struct hf_error *err) HF_MUST_CHECK;
/* Whether the owner revoked that key. */
bool hf_catalogue_is_revoked(const struct hf_catalogue *c, const struct hf_id *key);
/* The repository's certificates, those of revoked keys marked: for what must rely on such keys no more. A writer
 * that deduplicates must not: whoever has a stolen key may have planted index segments since. To be freed (hf_certs_free). */
int hf_catalogue_writers(const struct hf_catalogue *c, struct hf_certs *out, struct hf_error *err) HF_MUST_CHECK;
/* HF_E_KEY if the key that opened the repository is revoked: no one believes what it writes, so a backup should not begin. The
 * functions above that write entries ask this, too. */
int hf_catalogue_require_believed(const struct hf_catalogue *c, struct hf_error *err) HF_MUST_CHECK;

#endif
