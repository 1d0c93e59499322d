/*
 * Direct writes; see direct.h. The parts, which lie anywhere and have any length, are gathered in an aligned buffer; what
 * is left over at the end, less than a block, goes through the page cache. So does everything from the first write on that
 * the file system refuses to do directly.
 */
#include "base/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, BUFFER = 2 << 20 };

struct direct {
	int fd;
	const char *name;
	struct hf_pace pace;
	uint8_t *buffer;
	size_t used, full; /* that are in it; with which it is written */
	bool is_direct;
};

static void set_direct(struct direct *d, bool on)
{
	int flags = fcntl(d->fd, F_GETFL);
	d->is_direct = flags >= 0 && fcntl(d->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && on;
}

static int flush(struct direct *d, size_t len, struct hf_error *err)
{
	size_t done = 0;
	if (d->pace.wait && len)
		d->pace.wait(d->pace.user, len);
	while (d->is_direct && done < len) {
		ssize_t n = write(d->fd, d->buffer + done, len - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno == EINVAL)
			set_direct(d, false); /* not here, or not of a short write's rest: the page cache takes anything */
		else if (errno != EINTR)
			return hf_fail_errno(err, errno, "write %s", d->name);
	}
	int r = hf_write_full(d->fd, d->buffer + done, len - done, d->name, err);
	memmove(d->buffer, d->buffer + len, d->used - len);
	d->used -= len;
	return r;
}

static int gather(struct direct *d, const struct iovec *part, struct hf_error *err)
{
	const uint8_t *from = part->iov_base;
	size_t left = part->iov_len;
	int r = 0;
	while (left && r == 0) {
		size_t n = d->full - d->used < left ? d->full - d->used : left;
		memcpy(d->buffer + d->used, from, n);
		d->used += n;
		from += n;
		left -= n;
		if (d->used == d->full)
			r = flush(d, d->full, err);
	}
	return r;
}

/* A paced one is written block by block. */
static size_t full_of(const struct hf_pace *pace)
{
	size_t piece = pace->piece / BLOCK * BLOCK;
	return !pace->wait || piece > BUFFER ? BUFFER : piece ? piece : BLOCK;
}

int hf_direct_write(int fd, const struct iovec *parts, int count, const struct hf_direct_options *options, struct hf_error *err)
{
	struct direct d = {.fd = fd, .name = options->name, .pace = options->pace, .full = full_of(&options->pace),
		.buffer = aligned_alloc(BLOCK, BUFFER)};
	if (!d.buffer)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	set_direct(&d, true);
	int r = 0;
	for (int i = 0; i < count && r == 0; i++)
		r = gather(&d, &parts[i], err);
	if (r == 0)
		r = flush(&d, d.used / BLOCK * BLOCK, err);
	set_direct(&d, false);
	if (r == 0)
		r = flush(&d, d.used, err);
	free(d.buffer);
	return r;
}
