/* The tar archives that PostgreSQL sends. They come in pieces of a length that the first byte says. */
#include "fuzz.h"

#include "source/archive_tar.h"

static volatile unsigned sink; /* every byte is looked at */

enum { PIECES_MAX = 100000 };

struct stream {
	const uint8_t *data;
	size_t left, piece;
};

static int pull(void *user, const void **data, size_t *len, struct hf_error *err)
{
	struct stream *s = user;
	(void)err;
	*len = s->left < s->piece ? s->left : s->piece;
	*data = s->data;
	s->data += *len;
	s->left -= *len;
	return *len > 0;
}

static void read_member(struct hf_tar *tar)
{
	const void *data;
	size_t len;
	uint64_t offset, last = 0;
	struct hf_error err = {0};
	for (int i = 0; i < PIECES_MAX && hf_tar_data(tar, &data, &len, &offset, &err) == 1; i++) {
		FUZZ_MUST(offset >= last && len > 0);
		last = offset;
		sink += ((const uint8_t *)data)[0] + ((const uint8_t *)data)[len - 1];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct stream s = {data + 1, size - 1, data[0] ? (size_t)data[0] * 17 : 512};
	struct hf_tar *tar = NULL;
	const struct hf_entry *entry;
	struct hf_error err = {0};
	if (hf_tar_open(pull, &s, &tar, &err) < 0)
		return 0;
	for (int i = 0; i < 1000 && hf_tar_next(tar, &entry, &err) == 1; i++) {
		FUZZ_MUST(hf_path_is_sound(entry->path, entry->path_len) && entry->mode <= 07777);
		if (i % 3 != 2)
			read_member(tar);
	}
	hf_tar_close(tar);
	return 0;
}
