/* Tar members into the sink; see intake.h. */
#include "source/postgres/intake.h"

#include "base/stop.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

static const char *skip_digits(const char *p)
{
	size_t n = strspn(p, "0123456789");
	return n > 0 ? p + n : NULL;
}

/* "16384", "16384_fsm", "16384.1", "16384_vm.2" */
static bool is_relation_name(const char *p)
{
	static const char *const forks[] = {"_fsm", "_vm", "_init"};
	p = skip_digits(p);
	if (!p)
		return false;
	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++) {
		size_t n = strlen(forks[i]);
		if (strncmp(p, forks[i], n) == 0) {
			p += n;
			break;
		}
	}
	if (*p == '.')
		p = skip_digits(p + 1);
	return p && *p == 0;
}

bool hf_pg_is_relation(const char *path)
{
	if (strncmp(path, "global/", 7) == 0)
		return is_relation_name(path + 7);
	if (strncmp(path, "base/", 5) == 0) {
		path = skip_digits(path + 5);
	} else if (strncmp(path, "pg_tblspc/", 10) == 0) {
		path = skip_digits(path + 10);
		if (!path || strncmp(path, "/PG_", 4) != 0 || !(path = strchr(path + 1, '/')))
			return false;
		path = skip_digits(path + 1);
	} else {
		return false;
	}
	return path && *path == '/' && is_relation_name(path + 1);
}

/* What must not come back: a restored cluster is neither a standby nor in recovery by someone's wish. */
static bool is_dropped(const char *path)
{
	static const char *const names[] = {"standby.signal", "recovery.signal", "recovery.conf", "postmaster.pid",
		"postmaster.opts", "tablespace_map"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

static int put_entry(struct hf_pg_intake *in, const struct hf_entry *entry, struct hf_error *err)
{
	int r = in->sink->ops->begin(in->sink, entry, err);
	if (r == 0 && entry->type != HF_ENTRY_FILE) {
		struct hf_sink_end done = {0};
		r = in->sink->ops->end(in->sink, &done, err);
	}
	return r;
}

static int put_root(struct hf_pg_intake *in, const struct hf_entry *first, struct hf_error *err)
{
	in->has_root = true;
	in->uid = first->uid;
	in->gid = first->gid;
	struct hf_entry root = {.type = HF_ENTRY_DIRECTORY, .path = "", .mode = in->root_mode, .uid = in->uid,
		.gid = in->gid, .mtime_ns = hf_time_now()};
	return put_entry(in, &root, err);
}

static int put_data(struct hf_pg_intake *in, struct hf_tar *tar, uint64_t size, struct hf_error *err)
{
	uint64_t end = 0;
	for (;;) {
		const void *data;
		size_t len;
		uint64_t offset;
		int r = hf_stop_check(err);
		if (r == 0)
			r = hf_tar_data(tar, &data, &len, &offset, err);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		r = in->sink->ops->data(in->sink, offset, data, len, err);
		if (r < 0)
			return r;
		end = offset + len;
		in->bytes += len;
	}
	if (end != size)
		return hf_fail(err, HF_E_CORRUPT, "%s came with %llu of its %llu bytes", in->path,
			(unsigned long long)end, (unsigned long long)size);
	in->files++;
	return hf_pg_intake_end(in, size, err);
}

static int put_member(struct hf_pg_intake *in, uint32_t oid, struct hf_tar *tar, const struct hf_entry *member,
	struct hf_error *err)
{
	int n = oid ? snprintf(in->path, sizeof(in->path), "pg_tblspc/%u/%.*s", oid, (int)member->path_len, member->path)
		    : snprintf(in->path, sizeof(in->path), "%.*s", (int)member->path_len, member->path);
	if (n < 0 || (size_t)n >= sizeof(in->path))
		return hf_fail(err, HF_E_CORRUPT, "the base backup names a member of %d bytes", n);
	if (!oid && (is_dropped(in->path) || in->path[0] == 0))
		return 0;
	struct hf_entry e = *member;
	e.path = in->path;
	e.path_len = (size_t)n;
	if (!oid && e.type == HF_ENTRY_SYMLINK && strncmp(in->path, "pg_tblspc/", 10) == 0) {
		e.type = HF_ENTRY_DIRECTORY;
		e.mode = 0700;
		e.link = NULL;
		e.link_len = 0;
	}
	if (e.type == HF_ENTRY_FILE && e.size > 0 && e.size % in->block_size == 0 && hf_pg_is_relation(in->path)) {
		e.cut = HF_CUT_PAGES;
		e.page_size = in->block_size;
	}
	if (!oid && strcmp(in->path, "postgresql.conf") == 0)
		in->has_conf = true;
	int r = put_entry(in, &e, err);
	return r == 0 && e.type == HF_ENTRY_FILE ? put_data(in, tar, e.size, err) : r;
}

static int put_members(struct hf_pg_intake *in, uint32_t oid, struct hf_tar *tar, struct hf_error *err)
{
	for (;;) {
		const struct hf_entry *member;
		int r = hf_tar_next(tar, &member, err);
		if (r <= 0)
			return r;
		if (!in->has_root)
			r = put_root(in, member, err);
		if (r >= 0)
			r = put_member(in, oid, tar, member, err);
		if (r < 0)
			return r;
	}
}

int hf_pg_intake_archive(struct hf_pg_intake *in, uint32_t oid, hf_tar_read *read, void *user, struct hf_error *err)
{
	struct hf_tar *tar;
	int r = hf_tar_open(read, user, &tar, err);
	if (r < 0)
		return r;
	r = put_members(in, oid, tar, err);
	hf_tar_close(tar);
	return r;
}

int hf_pg_intake_begin(struct hf_pg_intake *in, const char *path, uint64_t size, struct hf_error *err)
{
	snprintf(in->path, sizeof(in->path), "%s", path);
	struct hf_entry e = {.type = HF_ENTRY_FILE, .path = in->path, .path_len = strlen(in->path), .mode = 0600,
		.uid = in->uid, .gid = in->gid, .mtime_ns = hf_time_now(), .size = size};
	return put_entry(in, &e, err);
}

int hf_pg_intake_data(struct hf_pg_intake *in, uint64_t offset, const void *data, size_t len, struct hf_error *err)
{
	in->bytes += len;
	return len > 0 ? in->sink->ops->data(in->sink, offset, data, len, err) : 0;
}

int hf_pg_intake_end(struct hf_pg_intake *in, uint64_t size, struct hf_error *err)
{
	struct hf_sink_end done = {.size = size};
	return in->sink->ops->end(in->sink, &done, err);
}

int hf_pg_intake_file(struct hf_pg_intake *in, const char *path, const void *data, size_t len, struct hf_error *err)
{
	int r = hf_pg_intake_begin(in, path, len, err);
	if (r == 0)
		r = hf_pg_intake_data(in, 0, data, len, err);
	if (r == 0)
		r = hf_pg_intake_end(in, len, err);
	in->files++;
	return r;
}

int hf_pg_intake_directory(struct hf_pg_intake *in, const char *path, struct hf_error *err)
{
	struct hf_entry e = {.type = HF_ENTRY_DIRECTORY, .path = path, .path_len = strlen(path), .mode = 0700,
		.uid = in->uid, .gid = in->gid, .mtime_ns = hf_time_now()};
	return put_entry(in, &e, err);
}
