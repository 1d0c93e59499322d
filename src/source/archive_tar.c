/* A streamed tar archive through libarchive; see archive_tar.h. */
#include "source/archive_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hf_tar {
	struct archive *archive;
	hf_tar_read *read;
	void *user;
	struct hf_error failure; /* of `read`, code 0 if none */
	struct hf_entry entry;
};

static la_ssize_t pull(struct archive *archive, void *user, const void **data)
{
	struct hf_tar *tar = user;
	size_t len = 0;
	int r = tar->read(tar->user, data, &len, &tar->failure);
	if (r < 0) {
		tar->failure.code = r;
		archive_set_error(archive, EIO, "the stream failed");
		return ARCHIVE_FATAL;
	}
	return r == 0 ? 0 : (la_ssize_t)len;
}

static int tar_fail(const struct hf_tar *tar, const char *what, struct hf_error *err)
{
	if (tar->failure.code) {
		if (err)
			*err = tar->failure;
		return tar->failure.code;
	}
	const char *text = archive_error_string(tar->archive);
	return hf_fail(err, HF_E_CORRUPT, "%s: %s", what, text ? text : "not a tar archive");
}

int hf_tar_open(hf_tar_read *read, void *user, struct hf_tar **out, struct hf_error *err)
{
	*out = NULL;
	struct hf_tar *tar = calloc(1, sizeof(*tar));
	if (!tar)
		return hf_fail(err, HF_E_NOMEM, "read a tar stream: no memory");
	tar->read = read;
	tar->user = user;
	tar->archive = archive_read_new();
	int r = 0;
	if (!tar->archive)
		r = hf_fail(err, HF_E_NOMEM, "read a tar stream: no memory");
	else if (archive_read_support_format_tar(tar->archive) != ARCHIVE_OK ||
		 archive_read_open(tar->archive, tar, NULL, pull, NULL) != ARCHIVE_OK)
		r = tar_fail(tar, "open the tar stream", err);
	if (r < 0) {
		hf_tar_close(tar);
		return r;
	}
	*out = tar;
	return 0;
}

void hf_tar_close(struct hf_tar *tar)
{
	if (!tar)
		return;
	if (tar->archive)
		archive_read_free(tar->archive);
	free(tar);
}

static enum hf_entry_type type_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e))
		return HF_ENTRY_HARDLINK;
	switch (archive_entry_filetype(e)) {
	case AE_IFDIR:
		return HF_ENTRY_DIRECTORY;
	case AE_IFLNK:
		return HF_ENTRY_SYMLINK;
	case AE_IFIFO:
		return HF_ENTRY_FIFO;
	case AE_IFCHR:
		return HF_ENTRY_CHARACTER_DEVICE;
	case AE_IFBLK:
		return HF_ENTRY_BLOCK_DEVICE;
	default:
		return HF_ENTRY_FILE;
	}
}

static int convert(struct hf_tar *tar, struct archive_entry *e, struct hf_error *err)
{
	const char *path = archive_entry_pathname(e);
	size_t len = path ? strlen(path) : 0;
	if (len > 1 && path[0] == '.' && path[1] == '/')
		path += 2, len -= 2;
	while (len > 0 && path[len - 1] == '/')
		len--;
	if (!path || !hf_path_is_sound(path, len))
		return hf_fail(err, HF_E_CORRUPT, "the tar stream names a member \"%s\"", path ? path : "");
	struct hf_entry *out = &tar->entry;
	*out = (struct hf_entry){.type = type_of(e), .path = path, .path_len = len};
	out->mode = (uint32_t)archive_entry_perm(e) & 07777;
	out->uid = (uint32_t)archive_entry_uid(e);
	out->gid = (uint32_t)archive_entry_gid(e);
	if (__builtin_mul_overflow((int64_t)archive_entry_mtime(e), INT64_C(1000000000), &out->mtime_ns) ||
		__builtin_add_overflow(out->mtime_ns, (int64_t)archive_entry_mtime_nsec(e), &out->mtime_ns))
		return hf_fail(err, HF_E_CORRUPT, "the tar stream gives \"%s\" a time that is none", path);
	if (out->type == HF_ENTRY_FILE && archive_entry_size(e) > 0)
		out->size = (uint64_t)archive_entry_size(e);
	out->link = out->type == HF_ENTRY_HARDLINK ? archive_entry_hardlink(e) : archive_entry_symlink(e);
	out->link_len = out->link ? strlen(out->link) : 0;
	out->device_major = (uint32_t)archive_entry_rdevmajor(e);
	out->device_minor = (uint32_t)archive_entry_rdevminor(e);
	return 0;
}

int hf_tar_next(struct hf_tar *tar, const struct hf_entry **entry, struct hf_error *err)
{
	struct archive_entry *e;
	int r = archive_read_next_header(tar->archive, &e);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return tar_fail(tar, "read the tar stream", err);
	r = convert(tar, e, err);
	if (r < 0)
		return r;
	*entry = &tar->entry;
	return 1;
}

int hf_tar_data(struct hf_tar *tar, const void **data, size_t *len, uint64_t *offset, struct hf_error *err)
{
	la_int64_t at;
	int r;
	do {
		r = archive_read_data_block(tar->archive, data, len, &at);
	} while (r == ARCHIVE_OK && *len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return tar_fail(tar, "read the tar stream", err);
	*offset = (uint64_t)at;
	return 1;
}
