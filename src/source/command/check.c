/*
 * Checking a command's restored output. There is no service to ask: it is whole if its size and contents are those
 * that the feed of the snapshot gives.
 */
#include "source/command/command_internal.h"

#include "base/file.h"
#include "base/stop.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 256 << 10 };

/* A terminated copy of the entry's path, which must be a bare name; NULL if it is not. */
static char *name_of(const struct hf_entry *e)
{
	bool bare = e->type == HF_ENTRY_FILE && e->path_len > 0 && hf_path_is_sound(e->path, e->path_len) &&
		!memchr(e->path, '/', e->path_len);
	return bare ? strndup(e->path, e->path_len) : NULL;
}

/* What is compared with the feed. */
struct side {
	int dirfd, fd;
	uint64_t compared; /* up to here: a gap before the next span must be zeros */
	uint8_t *block;
	char *differs;
};

static void note(struct side *s, const char *name, const char *what, uint64_t at)
{
	if (!s->differs[0])
		snprintf(s->differs, 256, "%.100s %s at byte %llu", name, what, (unsigned long long)at);
}

/* Compares `len` bytes at `at` with `want`; with zeros where it is NULL. */
static int compare_bytes(struct side *s, const char *name, uint64_t at, const uint8_t *want, uint64_t len,
	struct hf_error *err)
{
	static const uint8_t zeros[4096];
	while (len > 0 && !s->differs[0]) {
		size_t most = want ? (size_t)BLOCK : sizeof(zeros);
		size_t step = len < most ? (size_t)len : most;
		ssize_t n = hf_pread_full(s->fd, s->block, step, at, name, err);
		if (n < 0)
			return (int)n;
		if ((size_t)n < step || memcmp(s->block, want ? want : zeros, step) != 0)
			note(s, name, (size_t)n < step ? "is too short" : "has other contents", at);
		at += step;
		len -= step;
		want = want ? want + step : NULL;
	}
	return 0;
}

static int compare_open(struct side *s, const char *name, const struct hf_entry *e, struct hf_error *err)
{
	struct stat st;
	hf_fd_close(&s->fd);
	s->compared = 0;
	s->fd = openat(s->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0 && errno == ENOENT)
		note(s, name, "is missing", 0);
	else if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return hf_fail_errno(err, errno, "open %s", name);
	else if ((uint64_t)st.st_size != e->size)
		note(s, name, "has another size", (uint64_t)st.st_size);
	return 0;
}

static int compare_piece(struct side *s, const struct hf_piece *piece, const char *name, struct hf_error *err)
{
	int r = piece->first ? compare_open(s, name, piece->entry, err) : 0;
	uint64_t at = piece->offset;
	if (r == 0 && at > s->compared)
		r = compare_bytes(s, name, s->compared, NULL, at - s->compared, err);
	for (size_t i = 0; i < piece->span_count && r == 0; i++) {
		r = compare_bytes(s, name, at, piece->spans[i].iov_base, piece->spans[i].iov_len, err);
		at += piece->spans[i].iov_len;
	}
	s->compared = at;
	if (r == 0 && piece->last && piece->entry->size > at)
		r = compare_bytes(s, name, at, NULL, piece->entry->size - at, err);
	return r;
}

/* Returns 0 and in `differs` either an empty string or what is different; negative if the feed failed. */
static int compare(struct hf_feed *feed, int dirfd, char differs[256], struct hf_error *err)
{
	struct side s = {.dirfd = dirfd, .fd = -1, .block = malloc(BLOCK), .differs = differs};
	struct hf_piece *piece = NULL;
	differs[0] = 0;
	int r = s.block ? 1 : hf_fail(err, HF_E_NOMEM, "no memory");
	while (r == 1 && (r = feed->ops->next(feed, &piece, err)) == 1) {
		char *name = name_of(piece->entry);
		int failed = hf_stop_check(err);
		if (failed == 0)
			failed = name ? compare_piece(&s, piece, name, err)
				      : hf_fail(err, HF_E_CORRUPT, "the snapshot holds something else than one file here");
		free(name);
		feed->ops->release(feed, piece);
		r = failed < 0 ? failed : 1;
	}
	hf_fd_close(&s.fd);
	free(s.block);
	return r;
}

int hf_command_check(struct hf_source *source, const struct hf_check_options *options, struct hf_check_report *report,
	struct hf_error *err)
{
	(void)source;
	char differs[256];
	int64_t began = hf_time_monotonic();
	int r = options->feed ? compare(options->feed, options->dirfd, differs, err) : 0;
	if (r < 0)
		return r;
	report->prove_ns += hf_time_monotonic() - began;
	if (!options->feed)
		r = hf_check_add(report, "contents", false, true, "there is nothing to compare it with");
	else
		r = hf_check_add(report, "contents", !differs[0], true, "%s", differs[0] ? differs : "as captured");
	return r < 0 ? hf_fail(err, r, "no memory") : 0;
}
