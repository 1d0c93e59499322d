/* Arena; see arena.h. A list of blocks, the last of which is being filled. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 32768, ALIGN = 16 };

struct hf_arena_block {
	struct hf_arena_block *next;
	size_t len, cap;
	_Alignas(ALIGN) char bytes[];
};

static struct hf_arena_block *new_block(size_t len)
{
	size_t cap = len > BLOCK ? len : BLOCK;
	if (cap > (size_t)-1 - sizeof(struct hf_arena_block))
		return NULL;
	struct hf_arena_block *block = malloc(sizeof(*block) + cap);
	if (block)
		*block = (struct hf_arena_block){.cap = cap};
	return block;
}

void *hf_arena_alloc(struct hf_arena *a, size_t len)
{
	if (len > (size_t)-1 - ALIGN)
		return NULL;
	len = (len + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!a->at || a->at->cap - a->at->len < len) {
		struct hf_arena_block *block = new_block(len);
		if (!block)
			return NULL;
		if (a->at)
			a->at->next = block;
		else
			a->first = block;
		a->at = block;
	}
	void *p = a->at->bytes + a->at->len;
	a->at->len += len;
	a->used += len;
	return p;
}

char *hf_arena_copy(struct hf_arena *a, const void *data, size_t len)
{
	char *p = len < (size_t)-1 ? hf_arena_alloc(a, len + 1) : NULL;
	if (!p)
		return NULL;
	if (len > 0)
		memcpy(p, data, len);
	p[len] = 0;
	return p;
}

static void free_blocks(struct hf_arena_block *block)
{
	while (block) {
		struct hf_arena_block *next = block->next;
		free(block);
		block = next;
	}
}

void hf_arena_reset(struct hf_arena *a)
{
	if (!a->first)
		return;
	free_blocks(a->first->next);
	a->first->next = NULL;
	a->first->len = 0;
	a->at = a->first;
	a->used = 0;
}

void hf_arena_free(struct hf_arena *a)
{
	free_blocks(a->first);
	*a = (struct hf_arena){0};
}
