/*
 * Restoring a cluster; see postgres.h. The tree writer makes the data directory; tablespaces and outside configuration
 * are parted from the feed (parting.h) and go where they belong. Of some paths only (--include) a plain tree is made:
 * that is no cluster to be started, but files to be looked at.
 */
#include "source/postgres/internal.h"

#include "base/file.h"
#include "source/postgres/conf.h"
#include "source/postgres/parting.h"
#include "source/postgres/tablespace.h"
#include "source/tree_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct restore {
	const struct hf_restore_options *options;
	struct hf_tree_write_options writing;
	struct hf_pg_moves moves;
	int conf_fd;
	bool conf_made, has_conf;
	struct hf_restored *out;
};

static int note(struct hf_restored *out, struct hf_error *err, const char *fmt, ...) HF_PRINTF(3, 4);
static int note(struct hf_restored *out, struct hf_error *err, const char *fmt, ...)
{
	char text[HF_ERROR_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!out->notes)
		out->notes = json_array();
	if (json_array_append_new(out->notes, hf_json_bytes(text, strlen(text))) < 0)
		return hf_fail(err, HF_E_NOMEM, "note what was restored: no memory");
	return 0;
}

/* A part's own counts and notes join the whole's. */
static int write_part(struct restore *r, struct hf_feed *feed, int dirfd, struct hf_error *err)
{
	struct hf_restored part = {0};
	int result = hf_tree_write(feed, dirfd, &r->writing, &part, err);
	r->out->files += part.files;
	r->out->bytes += part.bytes;
	if (part.notes && !r->out->notes)
		r->out->notes = json_array();
	if (part.notes)
		json_array_extend(r->out->notes, part.notes);
	json_decref(part.notes);
	return result;
}

/* Reads a part to its end and drops it. */
static int skip_part(struct hf_feed *feed, struct hf_error *err)
{
	struct hf_piece *piece;
	int r;
	while ((r = feed->ops->next(feed, &piece, err)) > 0)
		feed->ops->release(feed, piece);
	return r;
}

static int open_conf(struct restore *r, struct hf_error *err)
{
	const char *path = r->options->conf_path;
	r->conf_made = mkdir(path, 0700) == 0;
	if (!r->conf_made && errno != EEXIST)
		return hf_fail_errno(err, errno, "make %s", path);
	r->conf_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return r->conf_fd < 0 ? hf_fail_errno(err, errno, "open %s", path) : 0;
}

static int write_conf(struct restore *r, struct hf_feed *feed, struct hf_error *err)
{
	if (!r->options->conf_path)
		return skip_part(feed, err);
	int result = open_conf(r, err);
	if (result == 0)
		result = write_part(r, feed, r->conf_fd, err);
	r->has_conf = result == 0;
	return result < 0 ? hf_wrap(err, result, "restore the configuration to %s", r->options->conf_path) : 0;
}

/* Part 0 is the configuration, the others are the tablespaces. */
static int write_one(void *user, size_t at, struct hf_feed *feed, struct hf_error *err)
{
	struct restore *r = user;
	if (at == 0)
		return write_conf(r, feed, err);
	const struct hf_pg_move *m = &r->moves.list[at - 1];
	int result = write_part(r, feed, m->dirfd, err);
	return result < 0 ? hf_wrap(err, result, "restore tablespace %u to %s", m->oid, m->to) : 0;
}

static int write_cluster(struct restore *r, struct hf_feed *feed, int dirfd, struct hf_error *err)
{
	struct hf_part *parts = calloc(r->moves.count + 1, sizeof(*parts));
	if (!parts)
		return hf_fail(err, HF_E_NOMEM, "restore a cluster: no memory");
	parts[0] = (struct hf_part){.prefix = HF_PG_CONF_PREFIX};
	for (size_t i = 0; i < r->moves.count; i++)
		parts[i + 1] = (struct hf_part){r->moves.list[i].prefix, r->moves.list[i].to};
	struct hf_parting parting = {
		.base = feed, .parts = parts, .part_count = r->moves.count + 1, .write = write_one, .user = r};
	hf_parting_init(&parting);
	int result = write_part(r, &parting.main, dirfd, err);
	hf_parting_end(&parting);
	free(parts);
	return result;
}

static const char *kind_of_conf(const struct hf_restore_options *options)
{
	const json_t *conf = options->detail ? json_object_get(options->detail, "configuration") : NULL;
	const char *kind = conf ? json_string_value(json_object_get(conf, "kind")) : NULL;
	return kind ? kind : "";
}

/* How to start it: with a configuration from outside, every path that it names must be overruled, above all
 * data_directory, which would lead to where the cluster was. */
static int note_start(struct restore *r, const char *conf, bool is_generated, struct hf_error *err)
{
	const char *data = r->options->target ? r->options->target : "DIR";
	int result = note(r->out, err,
		is_generated ? "the configuration was outside the data directory and could not be read when it was backed up: "
			       "a minimal one is in %s"
			     : "the configuration, which was outside the data directory, is in %s",
		conf);
	if (result < 0)
		return result;
	return note(r->out, err,
		"start it with: pg_ctl -D %s -o '-c config_file=%s/postgresql.conf -c data_directory=%s "
		"-c hba_file=%s/pg_hba.conf -c ident_file=%s/pg_ident.conf' start",
		data, conf, data, conf, conf);
}

static int note_conf(struct restore *r, struct hf_error *err)
{
	const char *kind = kind_of_conf(r->options);
	bool was_outside = strcmp(kind, "captured") == 0 || strcmp(kind, "generated") == 0;
	if (!r->has_conf && was_outside)
		return note(r->out, err, "the configuration, which was outside the data directory, was not restored: "
					 "the cluster does not start without one");
	if (!r->has_conf)
		return 0;
	char *conf = NULL;
	int n = r->options->target ? asprintf(&conf, "%s.conf", r->options->target)
				   : asprintf(&conf, "%s", r->options->conf_path);
	if (n < 0)
		return hf_fail(err, HF_E_NOMEM, "note what was restored: no memory");
	int result = note_start(r, conf, strcmp(kind, "generated") == 0, err);
	free(conf);
	return result;
}

static int note_all(struct restore *r, int dirfd, struct hf_error *err)
{
	int result = note_conf(r, err);
	r->out->outside = json_array();
	for (size_t i = 0; result == 0 && i < r->moves.count; i++) {
		const struct hf_pg_move *m = &r->moves.list[i];
		json_array_append_new(r->out->outside, hf_json_bytes(m->to, strlen(m->to)));
		result = note(r->out, err, "tablespace %u, which was at %s, is at %s", m->oid, m->from, m->to);
	}
	struct stat st;
	if (result == 0 && geteuid() == 0 && fstat(dirfd, &st) == 0 && st.st_uid == 0)
		result = note(r->out, err, "the data directory belongs to root, whom the server refuses: "
					   "chown -R postgres: %s",
			r->options->target ? r->options->target : "DIR");
	return result;
}

static void undo(struct restore *r)
{
	hf_pg_moves_undo(&r->moves);
	if (r->conf_made)
		(void)!hf_remove_tree(AT_FDCWD, r->options->conf_path, NULL);
}

/* Refused before anything is written. */
static int check_conf_place(const struct hf_restore_options *options, struct hf_error *err)
{
	if (!options->conf_path || strcmp(kind_of_conf(options), "inside") == 0)
		return 0;
	if (rmdir(options->conf_path) == 0 || errno == ENOENT)
		return 0;
	return hf_fail(err, errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? HF_E_EXISTS : HF_E_IO,
		"the configuration would go to %s, where there is something already: move it away", options->conf_path);
}

int hf_pg_restore(struct hf_source *source, struct hf_feed *feed, int dirfd, const struct hf_restore_options *options,
	struct hf_restored *out, struct hf_error *err)
{
	(void)source;
	*out = (struct hf_restored){0};
	struct restore r = {.options = options, .writing = {.own_as_is = options->own_as_is}, .conf_fd = -1, .out = out};
	if (options->is_partial)
		return write_part(&r, feed, dirfd, err);
	int result = hf_pg_moves_plan(options->detail, options->options, options->option_count, &r.moves, err);
	if (result == 0)
		result = check_conf_place(options, err);
	if (result == 0)
		result = hf_pg_moves_open(&r.moves, err);
	if (result == 0)
		result = write_cluster(&r, feed, dirfd, err);
	if (result == 0)
		result = hf_pg_moves_sync(&r.moves, dirfd, err);
	if (result == 0)
		result = note_all(&r, dirfd, err);
	if (result < 0) {
		undo(&r);
		json_decref(out->notes);
		json_decref(out->outside);
		out->notes = out->outside = NULL;
	}
	hf_fd_close(&r.conf_fd);
	hf_pg_moves_free(&r.moves);
	return result;
}
