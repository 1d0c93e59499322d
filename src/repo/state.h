/*
 * What this host remembers of a repository: the greatest configuration number and the heads of the catalogue that it saw.
 * A repository that has less than that was rolled back. Kept in a file of its own, outside of the cache:
 * <state dir>/<repository id>.json, {"config":n,"heads":[hash, …]}.
 *
 * Several processes of one host may remember at once: each adds under a lock to what the file holds by then.
 */
#ifndef HF_REPO_STATE_H
#define HF_REPO_STATE_H

#include "base/error.h"
#include "repo/id.h"

#include <stddef.h>

struct hf_hash {
	uint8_t b[32]; /* SHA-256 of a whole object */
};

struct hf_state {
	char *path;	      /* of the file; NULL: nothing is remembered */
	bool known;	      /* there was something to compare with */
	uint64_t config;      /* 0: none seen */
	struct hf_hash *heads;
	size_t head_count;
	bool warned;	      /* that it can't be written: once is enough */
};

/* Reads what `dir` has of the repository. That there is nothing yet is fine. A file that can't be read or understood counts
 * as nothing, with a warning. Free with hf_state_free, also after failure (no memory). */
int hf_state_load(const char *dir, const struct hf_id *repository, struct hf_state *out, struct hf_error *err) HF_MUST_CHECK;

/* Remembers `seen`'s number and heads. Of the heads in the file, those stay that `is_known` (may be NULL: none) says false
 * of: another process saw them, or they are what a rollback took away. A failure is a warning, the first
 * time: the work goes on. */
struct hf_state_seen {
	uint64_t config;
	const struct hf_hash *heads;
	size_t head_count;
	bool (*is_known)(const struct hf_hash *head, void *user);
	void *user;
};
void hf_state_remember(struct hf_state *state, const struct hf_state_seen *seen);

void hf_state_free(struct hf_state *state);

static inline bool hf_hash_equal(const struct hf_hash *a, const struct hf_hash *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

#endif
