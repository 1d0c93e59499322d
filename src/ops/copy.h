/*
 * Copying snapshots to another repository. Every chunk is authenticated on the way and its id recomputed; what the other has
 * already is not sent again, so a copy that was interrupted goes on where it was. Where both repositories name chunks by the
 * same key (init --like) they pass as they are, and what is there is not even read; else everything is cut anew.
 *
 * A copy is a snapshot by the key that opened the other repository, committed as a backup is. It keeps its time, host, tags,
 * consistency points and problems, and says of what it is a copy: so its time is judged by that (FORMAT.md, section 10), which
 * takes that copies are made in the order in which the snapshots were.
 */
#ifndef HF_OPS_COPY_H
#define HF_OPS_COPY_H

#include "base/progress.h"
#include "repo/catalogue.h"

struct hf_copy_options {
	struct hf_repository *from, *to;
	const char *scratch; /* for spools and spills */
	int level, threads;  /* as of a backup; 0: the default */
	bool verify;	     /* read back what was written before it is committed */
	struct hf_progress *progress; /* may be NULL */
};

struct hf_copied {
	struct hf_ref from, to;
	bool was_there; /* a copy of it is in the other repository: nothing was done */
	bool locks_failed; /* some of its locks could not be renewed: said in a warning */
	bool as_is;	/* chunks passed as they are */
	bool complete;	/* what was copied is a complete snapshot */
	int64_t time;
	uint64_t bytes, bytes_new, bytes_stored; /* bytes_new: that the other repository lacked */
	struct hf_hash head;
};

struct hf_copies {
	struct hf_copied *items; /* in the order in which they were made */
	size_t count;
};

/* HF_E_KEY if `from` may not be read with its key. To be asked before a choice is made. */
int hf_copy_require(const struct hf_copy_options *options, struct hf_error *err) HF_MUST_CHECK;

/* Copies these points of from's catalogue, the oldest first, each once. A failure ends it; what was copied is in `out`. Free with
 * hf_copies_free, also after failure. */
int hf_copy(const struct hf_copy_options *options, const struct hf_point *const *points, size_t count,
	struct hf_copies *out, struct hf_error *err) HF_MUST_CHECK;
void hf_copies_free(struct hf_copies *copies);

#endif
