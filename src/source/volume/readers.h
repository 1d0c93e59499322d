/*
 * The reader threads and the batches in flight, in order.
 *
 *	batch = hf_volume_readers_open(...)	the batch that is being filled
 *	hf_volume_readers_submit(...)		hands it to the threads
 *	batch = hf_volume_readers_oldest(...)	the one whose turn it is, read; then hf_volume_readers_recycle
 *
 * Threads start with the first batch that has anything to read, so a run in which nothing changed has none. If the
 * oldest batch still waits for a thread when its turn comes, the caller reads it itself rather than sleep: with a
 * warm page cache and busy processors that is what mostly happens, and it costs no switch.
 */
#ifndef HF_SOURCE_VOLUME_READERS_H
#define HF_SOURCE_VOLUME_READERS_H

#include "source/volume/batch.h"

#include <stdbool.h>

struct hf_volume_readers;

enum { HF_VOLUME_READER_THREADS = 8, HF_VOLUME_IN_FLIGHT = 12 };

int hf_volume_readers_new(struct hf_volume_readers **out, struct hf_error *err) HF_MUST_CHECK;
/* Waits for the threads. The items of batches in flight are not looked at: recycle them first. NULL is fine. */
void hf_volume_readers_free(struct hf_volume_readers *readers);

/* The batch to add to, or NULL: HF_VOLUME_IN_FLIGHT are in flight and one must be recycled first (or no memory). */
struct hf_volume_batch *hf_volume_readers_current(struct hf_volume_readers *readers);
int hf_volume_readers_submit(struct hf_volume_readers *readers, struct hf_error *err) HF_MUST_CHECK;

size_t hf_volume_readers_in_flight(const struct hf_volume_readers *readers);
bool hf_volume_readers_is_oldest_done(const struct hf_volume_readers *readers);
/* The oldest batch in flight, read; waits for it. NULL if none is in flight. */
struct hf_volume_batch *hf_volume_readers_oldest(struct hf_volume_readers *readers);
/* Takes the oldest batch back, emptied. */
void hf_volume_readers_recycle(struct hf_volume_readers *readers);

#endif
