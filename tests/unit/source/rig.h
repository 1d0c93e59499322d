/*
 * For the tests of sources: a sink that records and checks the grammar of sink.h, a feed that plays a recording
 * back, and scratch directories.
 */
#ifndef HF_TESTS_RIG_H
#define HF_TESTS_RIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "entry/feed.h"
#include "entry/sink.h"

struct rig_range {
	uint64_t offset;
	size_t len;
	const uint8_t *data;
};

struct rig_file {
	struct hf_entry entry; /* with memory of its own */
	struct hf_sink_end done;
	bool reused;
	struct rig_range *ranges;
	size_t range_count, range_cap;
};

struct rig_problem {
	const char *path, *message;
};

struct rig_recording {
	struct hf_sink sink; /* first: what capture is given */
	struct hf_arena arena;
	struct rig_file *files;
	size_t count, cap;
	struct rig_problem *problems;
	size_t problem_count;
	bool is_open; /* between begin and end */
	const struct rig_recording *last; /* `known` answers from this */
	size_t tokens;			  /* given out and not yet consumed */
	size_t fail_at;			  /* the begin (of a feed: the entry), of so many, that fails; 0: none */
	char *known_path;
};

void rig_recording_init(struct rig_recording *rec);
void rig_recording_free(struct rig_recording *rec);
const struct rig_file *rig_find(const struct rig_recording *rec, const char *path); /* NULL: not there */
const char *rig_problem(const struct rig_recording *rec, const char *path);	     /* its message, or NULL */
/* The contents up to `len`, holes as zeros, in memory of the recording. */
const uint8_t *rig_contents(struct rig_recording *rec, const struct rig_file *file, size_t *len);

/* Asserts that two recordings hold the same entries with the same attributes and contents. */
void rig_assert_same(struct rig_recording *a, struct rig_recording *b);

/* Plays a recording back in pieces of at most `piece` bytes, and lets no more than two be held at a time. At the end
 * every piece must have been released. */
struct hf_feed *rig_feed_new(const struct rig_recording *rec, size_t piece);
void rig_feed_free(struct hf_feed *feed);

/* A fresh directory under /tmp; its path in `path`, which has room for 64 bytes. Returns its descriptor. */
int rig_scratch(char path[64]);
void rig_scratch_remove(const char *path);
void rig_write(int dirfd, const char *name, const char *text); /* a file with this text, mode 0644 */

/* Enters a mount namespace of this process's own, out of which no mount spreads: 0, or -1 with errno. Works as root, as
 * anyone else who may make a user namespace, and in a chroot. */
int rig_own_mounts(void);

#endif
