/*
 * Reading one captured file: opening it without a trace, its attributes, and the contents of a small one as a whole
 * that was true at one moment. Safe from any thread that owns the item.
 */
#ifndef HF_SOURCE_VOLUME_READ_H
#define HF_SOURCE_VOLUME_READ_H

#include "source/volume/batch.h"

/* Opens the item's file: never through a symlink, never waiting for a FIFO, leaving no access time where that is
 * allowed. Returns a descriptor, or -1; then the item is lost, and its problem says why. */
int hf_volume_file_open(struct hf_volume_item *item, struct hf_arena *arena);

/* Reads what stat did not give of the open file. What fails becomes the item's problem. */
void hf_volume_file_attributes(struct hf_volume_item *item, int fd, struct hf_arena *arena);

/* Compares the open file with item->entry. 0: not changed; 1: changed, and the entry now tells the new state; -1: it
 * can't be told, or is no regular file any more: the item is lost. */
int hf_volume_file_refresh(struct hf_volume_item *item, int fd, struct hf_arena *arena);

/* May the stat cache remember the file as item->entry.stamp tells? Not if it was changed so shortly before it was
 * read that another change might leave the same stamp. */
bool hf_volume_file_is_settled(const struct hf_volume_item *item);

/* Does all that a reader thread has to do for the items of a batch. */
void hf_volume_batch_read(struct hf_volume_batch *batch);

/* For tests: called between the reading of a file's contents and the look whether it changed, on whatever thread
 * does that. NULL, as it is at first: nothing is called. */
extern void (*hf_volume_read_hook)(const struct hf_volume_item *item);

#endif
