/*
 * Snapshots: what was captured together, when, and which packs a reader of it needs. FORMAT.md, section 10.
 * A snapshot object is not yet a restore point: the catalogue's commit entry makes it one (catalogue.h).
 */
#ifndef HF_REPO_SNAPSHOT_H
#define HF_REPO_SNAPSHOT_H

#include "repo/object.h"
#include "repo/ref_list.h"

struct hf_repository;

struct hf_snapshot_source {
	char *name;		/* unique in the snapshot, not empty, without '/', not "." or ".." */
	char *kind;		/* "volume", "sqlite", "postgresql", "command" */
	struct hf_chunk_id root; /* of the manifest */
	struct hf_chunk_id about; /* chunk of kind HF_CHUNK_ABOUT: {"detail", "problems"} */
	uint64_t files, bytes, bytes_new, bytes_stored;
	int64_t consistency_point; /* ns */
	bool complete;
	uint64_t problems;
};

/* Of a copy: which snapshot it is a copy of, wherever that lies; a copy of a copy names the first. */
struct hf_snapshot_origin {
	struct hf_id repository;
	struct hf_ref snapshot;
	int64_t seen; /* ns: when it was committed there, by that store's clock */
};

/* Owns all that it points to when it was read; hf_snapshot_put only borrows. */
struct hf_snapshot {
	struct hf_ref ref;
	struct hf_id run, domain;
	int64_t time, started; /* ns, by the writer's clock: when it was made; when the run began */
	char *host, *tool;
	char **tags;
	size_t tag_count;
	bool complete;
	bool is_copy;
	struct hf_snapshot_origin origin; /* of a copy */
	struct hf_snapshot_source *sources;
	size_t source_count;
	struct hf_ref *packs; /* ascending by writer, then id; none twice */
	size_t pack_count;
};

/* Seals, signs and stores it, with a new id; sets s->ref. The packs may be in any order and twice: they are sorted in place.
 * HF_E_USAGE for source names that a reader would refuse. */
int hf_snapshot_put(struct hf_repository *repo, struct hf_snapshot *s, struct hf_error *err) HF_MUST_CHECK;

enum hf_snapshot_parts {
	HF_SNAPSHOT_WHOLE,
	HF_SNAPSHOT_WITHOUT_PACKS, /* leaves packs out: a list of many snapshots needs none */
};

/* Reads one, verified (its writer's signature and right). HF_E_KEY if this key may not read the catalogue; HF_E_CORRUPT,
 * HF_E_NOTFOUND naming the object; HF_E_UNSUPPORTED for a form of the pack list that this version can't read. A copy in the
 * cache is used, and kept. Free with hf_snapshot_free, also after failure. */
int hf_snapshot_get(struct hf_repository *repo, const struct hf_ref *ref, enum hf_snapshot_parts parts,
	struct hf_snapshot *out, struct hf_error *err) HF_MUST_CHECK;
void hf_snapshot_free(struct hf_snapshot *s);

/* The same with `from_store`: no copy in the cache is believed (verify). */
struct hf_snapshot_read {
	enum hf_snapshot_parts parts;
	bool from_store;
};
int hf_snapshot_read(struct hf_repository *repo, const struct hf_ref *ref, const struct hf_snapshot_read *how,
	struct hf_snapshot *out, struct hf_error *err) HF_MUST_CHECK;

/* The source of that name, or NULL. */
const struct hf_snapshot_source *hf_snapshot_source(const struct hf_snapshot *s, const char *name);

#endif
