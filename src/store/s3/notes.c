/* Notes on names; see notes.h. */
#include "store/s3/notes.h"

#include <stdlib.h>
#include <string.h>

int hf_s3_notes_add(struct hf_s3_notes *n, const char *name, const char *version, int64_t until_ns, struct hf_error *err)
{
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 64;
		struct hf_s3_note *more = reallocarray(n->notes, room, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "out of memory");
		n->notes = more;
		n->room = room;
	}
	struct hf_s3_note *note = &n->notes[n->count];
	*note = (struct hf_s3_note){.until_ns = until_ns};
	strncpy(note->name, name, sizeof(note->name) - 1);
	if (version && !(note->version = strdup(version)))
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	n->count++;
	n->is_sorted = false;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hf_s3_note *)a)->name, ((const struct hf_s3_note *)b)->name);
}

static int to_name(const void *name, const void *note)
{
	return strcmp(name, ((const struct hf_s3_note *)note)->name);
}

const struct hf_s3_note *hf_s3_notes_find(struct hf_s3_notes *n, const char *name)
{
	if (n->count == 0)
		return NULL;
	if (!n->is_sorted)
		qsort(n->notes, n->count, sizeof(*n->notes), by_name);
	n->is_sorted = true;
	return bsearch(name, n->notes, n->count, sizeof(*n->notes), to_name);
}

void hf_s3_notes_free(struct hf_s3_notes *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->notes[i].version);
	free(n->notes);
	*n = (struct hf_s3_notes){0};
}
