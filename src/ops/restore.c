/* Restore; see restore.h. */
#include "ops/restore.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "ops/preflight.h"
#include "ops/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct restore {
	const struct hf_restore_request *request;
	struct hf_restore_result *result;
	struct hf_access access;
	char *target; /* without trailing slashes */
	char *stage;  /* beside it: what is being built */
	char *before; /* beside it: where the old one goes */
	char *conf;   /* STAGE.conf: configuration that stood outside of what is restored, if the driver made it */
	int stage_fd; /* open from the start: a write error that someone else's sync was told of is not told to who opens later */
	bool is_staged, target_exists;
	json_t *outside; /* directories elsewhere that sources were restored to */
	int64_t start;
};

/* --- the target ------------------------------------------------------------------------------------------------------- */

static int count_entries(const char *path, struct hf_error *err)
{
	DIR *dir = opendir(path);
	if (!dir)
		return hf_fail_errno(err, errno, "open the target %s", path);
	int n = 0;
	for (struct dirent *de; (de = readdir(dir));)
		n += strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0;
	closedir(dir);
	return n;
}

static int look_at_target(struct restore *rs, struct hf_error *err)
{
	struct stat st;
	if (lstat(rs->target, &st) < 0)
		return errno == ENOENT ? 0 : hf_fail_errno(err, errno, "look at the target %s", rs->target);
	rs->target_exists = true;
	if (!S_ISDIR(st.st_mode))
		return hf_fail(err, HF_E_EXISTS, "the target %s is %s, not a directory", rs->target,
			S_ISLNK(st.st_mode) ? "a symbolic link" : "a file");
	int n = count_entries(rs->target, err);
	if (n > 0 && !rs->request->overwrite)
		return hf_fail(err, HF_E_EXISTS,
			"the target %s is not empty; choose another, or give --overwrite (which keeps what is there)",
			rs->target);
	return n < 0 ? n : 0;
}

/* Whoever has the old one open would go on writing to what is no longer there. */
static int ask_users(const struct restore *rs, struct hf_error *err)
{
	const struct hf_snapshot *s = rs->request->point->snapshot;
	const char *only = rs->request->source;
	int r = 0;
	for (size_t i = 0; rs->target_exists && i < s->source_count && r == 0; i++) {
		const struct hf_snapshot_source *source = &s->sources[i];
		const struct hf_source_driver *driver = hf_source_driver(source->kind);
		if (!driver || !driver->may_replace || (only && strcmp(only, source->name) != 0))
			continue;
		HF_FD_AUTO top = open(rs->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		HF_FD_AUTO own = openat(top, source->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = top < 0 ? 0 : driver->may_replace(top, err);
		if (r == 0 && own >= 0)
			r = driver->may_replace(own, err);
	}
	return r < 0 ? hf_wrap(err, r, "replace %s", rs->target) : 0;
}

static int name_places(struct restore *rs, struct hf_error *err)
{
	char id[HF_ID_TEXT];
	const char *target = rs->request->target;
	size_t len = strlen(target);
	while (len > 1 && target[len - 1] == '/')
		len--;
	rs->target = strndup(target, len);
	struct hf_id random = hf_id_new();
	hf_hex(random.b, 4, id);
	if (!rs->target || len == 0 || asprintf(&rs->stage, "%s.restoring-%s", rs->target, id) < 0 ||
		asprintf(&rs->before, "%s.before-%s", rs->target, id) < 0 || asprintf(&rs->conf, "%s.conf", rs->stage) < 0)
		return hf_fail(err, len ? HF_E_NOMEM : HF_E_USAGE, "restore needs a target directory");
	if (strcmp(rs->target, "/") == 0)
		return hf_fail(err, HF_E_USAGE, "the root directory can't be swapped; restore beside and copy");
	return 0;
}

static int make_stage(struct restore *rs, struct hf_error *err)
{
	char *slash = strrchr(rs->stage, '/');
	if (slash && slash != rs->stage) {
		*slash = 0;
		int r = hf_mkdirs(AT_FDCWD, rs->stage, 0777, err);
		*slash = '/';
		if (r < 0)
			return r;
	}
	if (mkdir(rs->stage, 0700) < 0)
		return hf_fail_errno(err, errno, "make %s", rs->stage);
	rs->is_staged = true;
	rs->stage_fd = open(rs->stage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return rs->stage_fd < 0 ? hf_fail_errno(err, errno, "open %s", rs->stage) : 0;
}

/* What was built takes the target's place. */
static int swap(struct restore *rs, struct hf_error *err)
{
	int r;
	if (!rs->target_exists)
		r = hf_file_rename(AT_FDCWD, rs->stage, AT_FDCWD, rs->target, true, err);
	else
		r = hf_file_exchange(AT_FDCWD, rs->stage, AT_FDCWD, rs->target, err);
	if (r < 0)
		return hf_wrap(err, r, "put what was restored in place (it is complete in %s; a mount point can't be swapped)",
			rs->stage);
	rs->is_staged = false;
	if (rs->target_exists && rmdir(rs->stage) < 0) { /* it was not empty: keep it */
		r = hf_file_rename(AT_FDCWD, rs->stage, AT_FDCWD, rs->before, true, err);
		if (r < 0)
			return hf_wrap(err, r, "all is restored to %s; give what was there, now in %s, another name", rs->target,
				rs->stage);
		rs->result->kept_old = strdup(rs->before);
	}
	if (rs->result->kept_old && rs->request->discard_old) {
		r = hf_remove_tree(AT_FDCWD, rs->before, err);
		free(rs->result->kept_old);
		rs->result->kept_old = NULL;
	}
	return r;
}

/* Configuration that was restored goes to TARGET.conf; what is there is kept as the target was. With several sources it
 * lies within the target and came along. */
static int place_conf(const struct restore *rs, struct hf_error *err)
{
	struct stat st;
	char *to = NULL, *kept = NULL;
	if (lstat(rs->conf, &st) < 0)
		return errno == ENOENT ? 0 : hf_fail_errno(err, errno, "look at %s", rs->conf);
	int r = asprintf(&to, "%s.conf", rs->target) >= 0 && asprintf(&kept, "%s.conf", rs->before) >= 0
			? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0 && lstat(to, &st) == 0) {
		r = hf_file_rename(AT_FDCWD, to, AT_FDCWD, kept, true, err);
		if (r == 0 && rs->request->discard_old)
			r = hf_remove_tree(AT_FDCWD, kept, err);
		else if (r == 0)
			hf_warn("what was in %s is now in %s", to, kept);
	}
	if (r == 0)
		r = hf_file_rename(AT_FDCWD, rs->conf, AT_FDCWD, to, true, err);
	free(to);
	free(kept);
	return r;
}

/* --- sources ---------------------------------------------------------------------------------------------------------- */

static bool is_asked_for(const struct hf_restore_request *q, const struct hf_snapshot_source *s)
{
	return !q->source || strcmp(q->source, s->name) == 0;
}

static bool begins_with_name(const char *path, const struct hf_snapshot_source *s)
{
	size_t len = strlen(s->name);
	return strncmp(path, s->name, len) == 0 && (path[len] == '/' || !path[len]);
}

/* Of several sources each --include must say which it means: one that means none would be passed over in silence. */
static int check_includes(const struct hf_restore_request *q, struct hf_error *err)
{
	const struct hf_snapshot *s = q->point->snapshot;
	size_t sources = 0;
	for (size_t i = 0; i < s->source_count; i++)
		sources += is_asked_for(q, &s->sources[i]);
	for (size_t k = 0; sources > 1 && k < q->include_count; k++) {
		bool found = false;
		for (size_t i = 0; i < s->source_count; i++)
			found = found || (is_asked_for(q, &s->sources[i]) && begins_with_name(q->include[k], &s->sources[i]));
		if (!found)
			return hf_fail(err, HF_E_NOTFOUND,
				"the snapshot has no \"%s\": of several sources a path begins with the source's name (see holdfast ls)",
				q->include[k]);
	}
	return 0;
}

/* The paths of --include that are this source's, without its name. */
static int select_paths(const struct restore *rs, const struct hf_snapshot_source *s, size_t sources,
	struct hf_path *out, size_t *count)
{
	const struct hf_restore_request *q = rs->request;
	size_t len = strlen(s->name);
	*count = 0;
	for (size_t i = 0; i < q->include_count; i++) {
		const char *p = q->include[i];
		bool named = begins_with_name(p, s);
		if (!named && sources > 1)
			continue;
		p += named ? len + (p[len] == '/') : 0;
		size_t n = strlen(p);
		while (n && p[n - 1] == '/')
			n--;
		out[(*count)++] = (struct hf_path){p, n};
	}
	return 0;
}

static int open_place(const struct restore *rs, const struct hf_snapshot_source *s, size_t sources,
	struct hf_error *err)
{
	char *path = NULL;
	if (asprintf(&path, sources > 1 ? "%s/%s" : "%s", rs->stage, s->name) < 0)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	int fd = -1;
	if (sources > 1 && mkdir(path, 0700) < 0)
		fd = hf_fail_errno(err, errno, "make %s", path);
	else if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		fd = hf_fail_errno(err, errno, "open %s", path);
	free(path);
	return fd;
}

static int check_found(struct hf_access *a, const struct hf_snapshot_source *s, const struct hf_path *paths,
	size_t count, struct hf_error *err)
{
	const struct hf_chunk_feed feed = hf_reader_feed(a->reader);
	HF_MANIFEST_READER_AUTO *reader = NULL;
	int r = count ? hf_manifest_reader_open(&feed, &s->root, &reader, err) : 0;
	for (size_t i = 0; i < count && r >= 0; i++) {
		const struct hf_manifest_entry *e;
		r = paths[i].len ? hf_manifest_reader_find(reader, &paths[i], &e, err) : 1;
		if (r == 0)
			return hf_fail(err, HF_E_NOTFOUND, "the snapshot has no %s/%.*s (see holdfast ls)", s->name,
				(int)paths[i].len, paths[i].path);
	}
	return r < 0 ? r : 0;
}

/* The paths, and the directories above them, so that those get their attributes too; to be freed. */
static struct hf_path *with_parents(const struct hf_path *paths, size_t *count)
{
	size_t room = *count, n = *count;
	for (size_t i = 0; i < *count; i++)
		for (size_t at = 0; at < paths[i].len; at++)
			room += at == 0 || paths[i].path[at] == '/';
	struct hf_path *all = calloc(room + 1, sizeof(*all));
	for (size_t i = 0; all && i < *count; i++) {
		all[i] = paths[i];
		for (size_t at = 0; at < paths[i].len; at++)
			if (at == 0 || paths[i].path[at] == '/')
				all[n++] = (struct hf_path){.path = paths[i].path, .len = at, .alone = true};
	}
	*count = n;
	return all;
}

static int restore_source(struct restore *rs, const struct hf_snapshot_source *s, size_t sources,
	struct hf_restored_source *out, struct hf_error *err)
{
	const struct hf_restore_request *q = rs->request;
	struct hf_path *paths = calloc(q->include_count + 1, sizeof(*paths)), *selected = NULL;
	char *target = NULL, *conf = NULL;
	size_t count = 0;
	struct hf_unpacked done = {0};
	HF_FD_AUTO fd = -1;
	int r = paths && asprintf(&target, sources > 1 ? "%s/%s" : "%s", rs->target, s->name) >= 0 &&
				(sources > 1 ? asprintf(&conf, "%s/%s.conf", rs->stage, s->name)
					     : asprintf(&conf, "%s", rs->conf)) >= 0
			? select_paths(rs, s, sources, paths, &count)
			: hf_fail(err, HF_E_NOMEM, "no memory");
	bool is_wanted = !q->include_count || count;
	if (r == 0 && is_wanted)
		r = check_found(&rs->access, s, paths, count, err);
	if (r == 0 && is_wanted && !(selected = with_parents(paths, &count)))
		r = hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0 && is_wanted) {
		fd = open_place(rs, s, sources, err);
		const struct hf_unpack what = {.access = &rs->access, .source = s, .dirfd = fd, .target = target,
			.conf_path = conf, .scratch = q->scratch, .paths = q->include_count ? selected : NULL,
			.path_count = count, .options = q->options, .option_count = q->option_count,
			.progress = q->progress};
		r = fd < 0 ? fd : hf_unpack_source(&what, &done, err);
		rs->result->locate_ns += done.locate_ns;
		rs->result->fetch_ns += done.fetch_ns;
		if (done.restored.outside)
			json_array_extend(rs->outside, done.restored.outside);
	}
	if (r == 0 && is_wanted)
		*out = (struct hf_restored_source){.name = strdup(s->name), .kind = strdup(s->kind),
			.files = done.restored.files, .bytes = done.restored.bytes,
			.consistency_point = s->consistency_point, .notes = json_incref(done.restored.notes)};
	hf_unpacked_free(&done);
	free(selected);
	free(paths);
	free(target);
	free(conf);
	return r;
}

/* Of several sources the target is a mere directory above them: whoever owns one of them must get through to it. Its mode
 * is what mkdir gives (umask, default ACL), found by making one, since asking for the umask would change it. */
static int open_to_owners(const struct restore *rs, struct hf_error *err)
{
	HF_FD_AUTO fd = open(rs->stage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || mkdirat(fd, ".holdfast-mode", 0777) < 0 || fstatat(fd, ".holdfast-mode", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		unlinkat(fd, ".holdfast-mode", AT_REMOVEDIR) < 0 || fchmod(fd, st.st_mode & 0777) < 0)
		return hf_fail_errno(err, errno, "set the mode of %s", rs->stage);
	return 0;
}

static int restore_all(struct restore *rs, struct hf_error *err)
{
	const struct hf_restore_request *q = rs->request;
	const struct hf_snapshot *s = q->point->snapshot;
	size_t sources = 0;
	uint64_t bytes = 0, files = 0;
	for (size_t i = 0; i < s->source_count; i++)
		if (is_asked_for(q, &s->sources[i])) {
			sources++;
			bytes += s->sources[i].bytes;
			files += s->sources[i].files;
		}
	if (!sources)
		return hf_fail(err, HF_E_NOTFOUND, "the snapshot has no source %s", q->source ? q->source : "at all");
	hf_progress_phase(q->progress, "restoring", q->include_count ? 0 : bytes, q->include_count ? 0 : files);
	rs->result->sources = calloc(sources, sizeof(*rs->result->sources));
	if (!rs->result->sources)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	int r = 0;
	for (size_t i = 0; i < s->source_count && r == 0; i++) {
		if (!is_asked_for(q, &s->sources[i]))
			continue;
		r = restore_source(rs, &s->sources[i], sources, &rs->result->sources[rs->result->source_count], err);
		if (r == 0 && rs->result->sources[rs->result->source_count].name)
			rs->result->source_count++;
	}
	if (r == 0 && sources > 1)
		r = open_to_owners(rs, err);
	return r;
}

/* What all of it takes, as the snapshot says: an upper bound. */
static struct hf_room most_room(const struct hf_restore_request *q)
{
	const struct hf_snapshot *s = q->point->snapshot;
	struct hf_room need = {0};
	for (size_t i = 0; i < s->source_count; i++) {
		need.bytes += is_asked_for(q, &s->sources[i]) ? s->sources[i].bytes : 0;
		need.inodes += is_asked_for(q, &s->sources[i]) ? s->sources[i].files : 0;
	}
	return need;
}

/* What it really takes. */
static int measure(struct restore *rs, struct hf_room *need, struct hf_error *err)
{
	const struct hf_restore_request *q = rs->request;
	const struct hf_snapshot *s = q->point->snapshot;
	struct hf_path *paths = calloc(q->include_count + 1, sizeof(*paths));
	size_t sources = 0, count = 0;
	int r = paths ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < s->source_count; i++)
		sources += is_asked_for(q, &s->sources[i]);
	for (size_t i = 0; r == 0 && i < s->source_count; i++) {
		if (!is_asked_for(q, &s->sources[i]))
			continue;
		r = select_paths(rs, &s->sources[i], sources, paths, &count);
		if (r == 0 && (count || !q->include_count))
			r = hf_preflight_measure(&rs->access, &s->sources[i], paths, count, need, err);
	}
	free(paths);
	return r;
}

static int preflight(struct restore *rs, struct hf_error *err)
{
	struct hf_room need = most_room(rs->request);
	struct hf_error why = {0};
	int r = hf_preflight_rights(rs->target, err);
	if (r < 0 || hf_preflight_room(rs->target, &need, NULL) == 0)
		return r;
	need = (struct hf_room){0};
	r = measure(rs, &need, err);
	if (r < 0 || hf_preflight_room(rs->target, &need, &why) == 0)
		return r;
	/* With a mapping of tablespaces some of it goes elsewhere. */
	if (!rs->request->ignore_room && !rs->request->option_count)
		return hf_fail(err, why.code, "%s; make room, or give --ignore-room if it will do all the same", why.msg);
	hf_warn("%s; going on all the same", why.msg);
	return 0;
}

static void clean_up(struct restore *rs)
{
	struct hf_error why = {0};
	if (rs->is_staged && hf_remove_tree(AT_FDCWD, rs->stage, &why) < 0)
		hf_warn("what was half restored is left in %s: %s", rs->stage, why.msg);
	if (hf_remove_tree(AT_FDCWD, rs->conf, &why) < 0)
		hf_warn("what was half restored is left in %s: %s", rs->conf, why.msg);
	/* Somebody may have seen these already: they are not ours alone, as the rest is. */
	for (size_t i = 0; i < json_array_size(rs->outside); i++)
		hf_warn("a tablespace was restored to %s, and is of no use without the rest: empty it before the next try",
			json_string_value(json_array_get(rs->outside, i)));
}

int hf_restore(const struct hf_restore_request *request, struct hf_restore_result *out, struct hf_error *err)
{
	struct restore rs = {.request = request, .result = out, .stage_fd = -1, .outside = json_array(),
		.start = hf_time_monotonic()};
	*out = (struct hf_restore_result){0};
	int r = hf_repository_require_reading(request->repo, true, "restore", err);
	if (r == 0)
		r = name_places(&rs, err);
	if (r == 0)
		r = check_includes(request, err);
	if (r == 0)
		r = look_at_target(&rs, err);
	if (r == 0)
		r = ask_users(&rs, err);
	if (r == 0)
		r = hf_access_open_snapshot(request->repo, &request->point->ref, &rs.access, err);
	out->locate_ns = hf_time_monotonic() - rs.start;
	if (r == 0)
		r = preflight(&rs, err);
	if (r == 0)
		r = make_stage(&rs, err);
	if (r == 0)
		r = restore_all(&rs, err);
	if (r == 0)
		r = hf_stop_check(err);
	int64_t before_sync = hf_time_monotonic();
	if (r == 0)
		r = hf_syncfs(rs.stage_fd, rs.stage, err);
	bool was_complete = r == 0;
	if (r == 0)
		r = swap(&rs, err);
	if (r == 0)
		r = place_conf(&rs, err);
	out->fetch_ns += hf_time_monotonic() - before_sync;
	out->elapsed_ns = hf_time_monotonic() - rs.start;
	if (!was_complete && rs.conf)
		clean_up(&rs);
	hf_fd_close(&rs.stage_fd);
	hf_access_close(&rs.access);
	free(rs.target);
	free(rs.stage);
	free(rs.before);
	free(rs.conf);
	json_decref(rs.outside);
	return r;
}

void hf_restore_result_free(struct hf_restore_result *result)
{
	for (size_t i = 0; i < result->source_count; i++) {
		free(result->sources[i].name);
		free(result->sources[i].kind);
		json_decref(result->sources[i].notes);
	}
	free(result->sources);
	free(result->kept_old);
	*result = (struct hf_restore_result){0};
}
