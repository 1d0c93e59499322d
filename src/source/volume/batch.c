/* Batches of items; see batch.h. */
#include "source/volume/batch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hf_volume_batch *hf_volume_batch_new(void)
{
	return calloc(1, sizeof(struct hf_volume_batch));
}

void hf_volume_batch_free(struct hf_volume_batch *batch)
{
	if (!batch)
		return;
	hf_arena_free(&batch->arena);
	free(batch->data);
	free(batch);
}

bool hf_volume_batch_is_full(const struct hf_volume_batch *batch)
{
	return batch->count == HF_VOLUME_ITEMS || batch->reads >= HF_VOLUME_READS ||
		batch->weight + batch->arena.used >= HF_VOLUME_DATA;
}

void hf_volume_batch_reset(struct hf_volume_batch *batch)
{
	hf_arena_reset(&batch->arena);
	batch->count = batch->reads = 0;
	batch->weight = batch->data_len = 0;
	atomic_store_explicit(&batch->state, HF_VOLUME_FILLING, memory_order_relaxed);
}

struct hf_volume_item *hf_volume_batch_add(struct hf_volume_batch *batch, enum hf_volume_kind kind)
{
	struct hf_volume_item *item = &batch->items[batch->count++];
	memset(item, 0, sizeof(*item));
	item->kind = kind;
	item->fd = -1;
	return item;
}

void hf_volume_batch_reserve(struct hf_volume_batch *batch, struct hf_volume_item *item)
{
	size_t room = item->entry.size ? (size_t)item->entry.size : HF_VOLUME_VIRTUAL;
	batch->reads++;
	if (!batch->data)
		batch->data = malloc(HF_VOLUME_DATA);
	if (!batch->data || room > HF_VOLUME_SMALL || HF_VOLUME_DATA - batch->data_len < room) {
		item->kind = HF_VOLUME_STREAM;
		batch->weight += HF_VOLUME_LARGE_WEIGHT;
		return;
	}
	item->data = batch->data + batch->data_len;
	item->room = room;
	batch->data_len += room;
	batch->weight += room;
}
