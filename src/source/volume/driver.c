/* The volume driver; see volume.h. */
#include "source/volume/volume.h"

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "source/archive.h"
#include "source/tree_compare.h"
#include "source/tree_write.h"
#include "source/volume/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct volume {
	struct hf_source base;
	char *location; /* NULL: only for restore and check */
	char *repository; /* a directory, which is left out; or NULL */
	struct hf_archive_match *match;
	bool one_file_system, exclude_caches;
};

static void close_volume(struct hf_source *source)
{
	struct volume *v = (struct volume *)source;
	hf_archive_match_free(v->match);
	free(v->location);
	free(v->repository);
	free(v);
}

static bool is_on(const struct hf_source_spec *spec, const char *name)
{
	const char *value = hf_option_value(spec->options, spec->option_count, name);
	return value && strcmp(value, "false") != 0;
}

/* The absolute path of the location, without asking the file system; the caller frees. NULL without memory. */
static char *absolute(const char *location)
{
	if (location[0] == '/')
		return strdup(location);
	while (location[0] == '.' && (location[1] == '/' || location[1] == 0))
		location += location[1] ? 2 : 1;
	char *here = getcwd(NULL, 0), *path = NULL;
	HF_BUF_AUTO text = HF_BUF(1 << 16);
	hf_buf_printf(&text, "%s/%s", here ? here : "", location);
	free(here);
	const char *s = hf_buf_cstr(&text);
	path = s ? strdup(s) : NULL;
	return path;
}

static int add_patterns(struct volume *v, const struct hf_source_spec *spec, struct hf_error *err)
{
	char *root = v->location ? absolute(v->location) : NULL;
	int r = hf_archive_match_new(root, &v->match, err);
	free(root);
	for (size_t i = 0; i < spec->option_count && r == 0; i++) {
		const struct hf_option *o = &spec->options[i];
		if (strcmp(o->name, "exclude") == 0)
			r = hf_archive_match_add(v->match, o->value, err);
		else if (strcmp(o->name, "exclude-file") == 0)
			r = hf_archive_match_add_file(v->match, o->value, err);
	}
	return r;
}

static int open_volume(const struct hf_source_spec *spec, struct hf_source **out, struct hf_error *err)
{
	static const char *const known[] = {"exclude", "exclude-file", "exclude-caches", "one-file-system", NULL};
	int r = hf_options_check(spec->options, spec->option_count, known, "volume", err);
	if (r < 0)
		return r;
	struct volume *v = calloc(1, sizeof(*v));
	if (!v || (spec->location && !(v->location = strdup(spec->location))) ||
		(spec->repository && !(v->repository = strdup(spec->repository)))) {
		if (v)
			free(v->location);
		free(v);
		return hf_fail(err, HF_E_NOMEM, "no memory for a source");
	}
	v->base.driver = &hf_source_volume;
	v->one_file_system = is_on(spec, "one-file-system");
	v->exclude_caches = is_on(spec, "exclude-caches");
	r = add_patterns(v, spec, err);
	if (r < 0) {
		close_volume(&v->base);
		return r;
	}
	*out = &v->base;
	return 0;
}

static int excludes(void *user, const char *path, struct hf_error *err)
{
	return hf_archive_match_path(user, path, err);
}

static int capture_volume(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out,
	struct hf_error *err)
{
	struct volume *v = (struct volume *)source;
	if (!v->location)
		return hf_fail(err, HF_E_USAGE, "a volume needs the path of a directory");
	HF_FD_AUTO fd = open(v->location, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		return hf_fail(err, HF_E_NOTFOUND, "%s is not a directory; a volume is a directory tree", v->location);
	if (fd < 0)
		return hf_fail_errno(err, errno, "open the volume %s", v->location);
	struct hf_tree_walk_options options = {.one_file_system = v->one_file_system,
		.exclude_caches = v->exclude_caches,
		.excludes = hf_archive_match_is_empty(v->match) ? NULL : excludes,
		.user = v->match};
	bool met = false;
	struct stat st;
	if (v->repository && stat(v->repository, &st) == 0) {
		options.leave_out.device = st.st_dev;
		options.leave_out.inode = st.st_ino;
		options.leave_out.met = &met;
	}
	int64_t started = hf_time_now();
	int r = hf_volume_capture(fd, &options, sink, &out->incomplete, err);
	if (r < 0)
		return hf_wrap(err, r, "read the volume %s", v->location);
	out->consistency_point = started;
	out->detail = json_object();
	if (met) {
		hf_info("the repository %s lies in the volume %s: what is in it is left out", v->repository, v->location);
		hf_json_put_path(out->detail, "left_out", v->repository, strlen(v->repository));
	}
	return 0;
}

static int restore_volume(struct hf_source *source, struct hf_feed *feed, int dirfd,
	const struct hf_restore_options *options, struct hf_restored *out, struct hf_error *err)
{
	(void)source;
	struct hf_tree_write_options how = {.own_as_is = options->own_as_is};
	return hf_tree_write(feed, dirfd, &how, out, err);
}

static int check_volume(struct hf_source *source, const struct hf_check_options *options,
	struct hf_check_report *report, struct hf_error *err)
{
	(void)source;
	int64_t started = hf_time_monotonic();
	if (!options->feed) {
		int r = hf_check_add(report, "content", false, true,
			"it was not compared: no second reading of the snapshot was given");
		return r < 0 ? hf_fail(err, r, "no memory to report a check") : 0;
	}
	int r = hf_tree_compare(options->feed, options->dirfd, report, err);
	report->prove_ns += hf_time_monotonic() - started;
	return r;
}

const struct hf_source_driver hf_source_volume = {
	.kind = "volume",
	.is_ordered = true,
	.open = open_volume,
	.capture = capture_volume,
	.restore = restore_volume,
	.check = check_volume,
	.close = close_volume,
};
