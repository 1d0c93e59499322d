/*
 * Items on their way from the walk to the sink, in batches.
 *
 * The walk makes items and puts them into a batch. A batch with files to read goes to a reader thread, which opens
 * them, reads their attributes and the contents of the small ones; then the thread that walks pushes all of it, in
 * order, into the sink. A batch belongs to one thread at a time; `state` says to which.
 */
#ifndef HF_SOURCE_VOLUME_BATCH_H
#define HF_SOURCE_VOLUME_BATCH_H

#include "base/arena.h"
#include "entry/entry.h"
#include "source/tree_walk.h"
#include "source/tree_links.h"

#include <stdatomic.h>

enum {
	HF_VOLUME_ITEMS = 192,		/* items in a batch, of whatever kind */
	HF_VOLUME_READS = 48,		/* of which files to be read */
	HF_VOLUME_SMALL = 128 << 10,	/* files up to this size are read by the reader threads */
	HF_VOLUME_DATA = 1 << 20,	/* bytes of small files in a batch */
	HF_VOLUME_LARGE_WEIGHT = 256 << 10, /* a large file, which holds a descriptor, counts as so many bytes */
	HF_VOLUME_VIRTUAL = 4096,	/* room for a file that claims to be empty: /proc and /sys */
	HF_VOLUME_TRIES = 3,		/* how often a small file that changes meanwhile is read */
};

enum hf_volume_kind {
	HF_VOLUME_PLAIN,   /* nothing to read */
	HF_VOLUME_READ,	   /* a small file: contents in `data` once read */
	HF_VOLUME_STREAM,  /* a large file, or one that outgrew its place: read while it is pushed */
	HF_VOLUME_REUSE,   /* as it was at the last capture: `token` */
	HF_VOLUME_PROBLEM, /* only `problem` */
};

struct hf_volume_item {
	enum hf_volume_kind kind;
	struct hf_entry entry;	 /* memory of the batch's arena, or longer-lived */
	struct hf_tree_dir *dir; /* referenced; NULL where there is nothing to open */
	const char *name;	 /* of files, in `dir` */
	struct hf_tree_link *link; /* referenced; NULL for inodes with one name */
	bool is_first_name;
	bool has_holes; /* fewer blocks than its size needs: look for holes */
	void *token;

	int fd; /* STREAM: opened ahead, or -1 */
	uint8_t *data;
	size_t room, len;
	int64_t read_at;	 /* wall clock before it was opened */
	bool changed;		 /* and kept changing, whenever it was read */
	const char *problem;	 /* to be reported */
	bool is_lost;		 /* could not be read at all: `problem` tells why */
};

enum hf_volume_batch_state {
	HF_VOLUME_FILLING, /* the walk adds to it, or it is spare */
	HF_VOLUME_WAITING, /* for a reader thread; whoever turns this into TAKEN reads it */
	HF_VOLUME_TAKEN,
	HF_VOLUME_DONE,
};

struct hf_volume_batch {
	_Atomic(enum hf_volume_batch_state) state;
	struct hf_volume_readers *readers;
	struct hf_arena arena;
	struct hf_volume_item items[HF_VOLUME_ITEMS];
	size_t count, reads;
	size_t weight;
	uint8_t *data; /* HF_VOLUME_DATA bytes, allocated with the first small file */
	size_t data_len;
};

struct hf_volume_batch *hf_volume_batch_new(void); /* NULL without memory */
void hf_volume_batch_free(struct hf_volume_batch *batch);
bool hf_volume_batch_is_full(const struct hf_volume_batch *batch);
/* Empties it. What its items referred to must have been given back. */
void hf_volume_batch_reset(struct hf_volume_batch *batch);

/* A new item with everything zero but fd; never NULL while the batch is not full. */
struct hf_volume_item *hf_volume_batch_add(struct hf_volume_batch *batch, enum hf_volume_kind kind);
/* Makes room for a READ item's contents; turns it into a STREAM where it does not fit. */
void hf_volume_batch_reserve(struct hf_volume_batch *batch, struct hf_volume_item *item);

#endif
