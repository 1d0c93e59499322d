/* Where tablespaces go; see tablespace.h. */
#include "source/postgres/tablespace.h"

#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void hf_pg_moves_free(struct hf_pg_moves *moves)
{
	for (size_t i = 0; i < moves->count; i++) {
		free(moves->list[i].from);
		free(moves->list[i].to);
		hf_fd_close(&moves->list[i].dirfd);
	}
	free(moves->list);
	*moves = (struct hf_pg_moves){0};
}

/* The value "OLD=NEW" for `from`; paths may hold '=', so OLD is compared, not parsed. */
static const char *mapped(const struct hf_option *options, size_t count, const char *from)
{
	size_t n = strlen(from);
	const char *to = NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].name, "tablespace-map") == 0 && strncmp(options[i].value, from, n) == 0 &&
			options[i].value[n] == '=')
			to = options[i].value + n + 1;
	return to;
}

static int choose(struct hf_pg_move *m, const struct hf_option *options, size_t count, struct hf_error *err)
{
	const char *to = mapped(options, count, m->from);
	const char *root = hf_option_value(options, count, "tablespace-root");
	if (to)
		m->to = strdup(to);
	else if (root && asprintf(&m->to, "%s/%u", root, m->oid) < 0)
		m->to = NULL;
	else if (!root)
		m->to = strdup(m->from);
	if (!m->to)
		return hf_fail(err, HF_E_NOMEM, "place tablespaces: no memory");
	if (m->to[0] != '/')
		return hf_fail(err, HF_E_USAGE, "tablespace %u can't go to \"%s\": a link needs an absolute path", m->oid,
			m->to);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct hf_pg_move *x = a, *y = b;
	return hf_path_compare(x->prefix, strlen(x->prefix), y->prefix, strlen(y->prefix));
}

/* A map that matches nothing, while a tablespace without one would go to where it was, is a mistake in the map. (With
 * several clusters in a snapshot each gets the maps of all.) */
static int check_maps(const struct hf_pg_moves *moves, const struct hf_option *options, size_t count,
	struct hf_error *err)
{
	bool all_mapped = true;
	for (size_t m = 0; m < moves->count; m++)
		all_mapped = all_mapped && strcmp(moves->list[m].from, moves->list[m].to) != 0;
	for (size_t i = 0; i < count && !all_mapped; i++) {
		bool used = strcmp(options[i].name, "tablespace-map") != 0;
		for (size_t m = 0; !used && m < moves->count; m++) {
			size_t n = strlen(moves->list[m].from);
			used = strncmp(options[i].value, moves->list[m].from, n) == 0 && options[i].value[n] == '=';
		}
		if (!used)
			return hf_fail(err, HF_E_USAGE, "--tablespace-map %s: no tablespace of this snapshot was there%s%s",
				options[i].value, moves->count ? "; one was at " : "",
				moves->count ? moves->list[0].from : "");
	}
	return 0;
}

int hf_pg_moves_plan(const json_t *detail, const struct hf_option *options, size_t option_count, struct hf_pg_moves *out,
	struct hf_error *err)
{
	*out = (struct hf_pg_moves){0};
	const json_t *list = detail ? json_object_get(detail, "tablespaces") : NULL;
	size_t n = json_array_size(list);
	out->list = n ? calloc(n, sizeof(*out->list)) : NULL;
	if (n && !out->list)
		return hf_fail(err, HF_E_NOMEM, "place tablespaces: no memory");
	for (size_t i = 0; i < n; i++) {
		struct hf_pg_move *m = &out->list[i];
		const char *from;
		int64_t oid;
		m->dirfd = -1;
		if (hf_json_int(json_array_get(list, i), "oid", &oid, err) < 0 ||
			hf_json_string(json_array_get(list, i), "location", &from, err) < 0)
			return hf_wrap(err, HF_E_CORRUPT, "the snapshot's list of tablespaces");
		out->count++;
		if (oid <= 0 || oid > UINT32_MAX)
			return hf_fail(err, HF_E_CORRUPT, "the snapshot's list of tablespaces holds the oid %lld",
				(long long)oid);
		m->oid = (uint32_t)oid;
		m->from = strdup(from);
		snprintf(m->prefix, sizeof(m->prefix), "pg_tblspc/%u", m->oid);
		int r = m->from ? choose(m, options, option_count, err)
				: hf_fail(err, HF_E_NOMEM, "place tablespaces: no memory");
		if (r < 0)
			return r;
	}
	if (n)
		qsort(out->list, n, sizeof(*out->list), compare);
	return check_maps(out, options, option_count, err);
}

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		hf_fd_close(&copy);
		return false;
	}
	bool empty = true;
	for (const struct dirent *e; empty && (e = readdir(d));)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(d);
	return empty;
}

/* Parents as mkdir -p has them: the server, another user, must get through. */
static int make(const char *path, struct hf_error *err)
{
	char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	int r = parent ? 0 : hf_fail(err, HF_E_NOMEM, "place tablespaces: no memory");
	if (slash && slash != parent) {
		*slash = 0;
		r = hf_mkdirs(AT_FDCWD, parent, 0755, err);
	}
	free(parent);
	return r < 0 ? r : hf_mkdirs(AT_FDCWD, path, 0700, err);
}

static int open_one(struct hf_pg_move *m, struct hf_error *err)
{
	struct stat st;
	m->is_made = stat(m->to, &st) < 0 && errno == ENOENT;
	int r = m->is_made ? make(m->to, err) : 0;
	if (r < 0)
		return hf_wrap(err, r, "tablespace %u, which was at %s", m->oid, m->from);
	m->dirfd = open(m->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dirfd < 0)
		return hf_fail_errno(err, errno, "open %s for tablespace %u", m->to, m->oid);
	if (!is_empty(m->dirfd)) {
		hf_fd_close(&m->dirfd);
		return hf_fail(err, HF_E_EXISTS,
			"tablespace %u can't go to %s, which is not empty: say where it goes with "
			"--tablespace-map %s=NEW",
			m->oid, m->to, m->from);
	}
	return 0;
}

int hf_pg_moves_open(struct hf_pg_moves *moves, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < moves->count; i++)
		r = open_one(&moves->list[i], err);
	return r;
}

int hf_pg_moves_sync(const struct hf_pg_moves *moves, int datafd, struct hf_error *err)
{
	struct stat data, own;
	if (fstat(datafd, &data) < 0)
		return hf_fail_errno(err, errno, "look at the data directory");
	int r = 0;
	for (size_t i = 0; r == 0 && i < moves->count; i++) {
		const struct hf_pg_move *m = &moves->list[i];
		if (fstat(m->dirfd, &own) < 0)
			return hf_fail_errno(err, errno, "look at %s", m->to);
		if (own.st_dev != data.st_dev)
			r = hf_syncfs(m->dirfd, m->to, err);
	}
	return r;
}

static void empty_directory(int fd, const char *name)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		hf_fd_close(&copy);
		return;
	}
	struct hf_error why = {0};
	for (const struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			hf_remove_tree(fd, e->d_name, &why) < 0)
			hf_warn("clean up %s: %s", name, why.msg);
	closedir(d);
}

void hf_pg_moves_undo(struct hf_pg_moves *moves)
{
	for (size_t i = 0; i < moves->count; i++) {
		struct hf_pg_move *m = &moves->list[i];
		if (m->dirfd < 0)
			continue; /* it was not empty, or not there: not ours */
		empty_directory(m->dirfd, m->to);
		if (m->is_made)
			rmdir(m->to);
	}
}
