/* Exclusion patterns through libarchive; see archive.h. */
#include "source/archive.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct hf_archive_match {
	struct archive *set;
	struct archive_entry *entry; /* carries the path that is asked about */
	char *root;		     /* without a trailing slash; "" for the file system's root; NULL: unknown */
	bool has_patterns;
};

int hf_archive_match_new(const char *root, struct hf_archive_match **out, struct hf_error *err)
{
	struct hf_archive_match *match = calloc(1, sizeof(*match));
	if (match) {
		match->set = archive_match_new();
		match->entry = archive_entry_new();
		match->root = root && root[0] == '/' ? strdup(root) : NULL;
	}
	if (!match || !match->set || !match->entry || (root && root[0] == '/' && !match->root)) {
		hf_archive_match_free(match);
		return hf_fail(err, HF_E_NOMEM, "no memory for exclusion patterns");
	}
	size_t len = match->root ? strlen(match->root) : 0;
	while (len > 0 && match->root[len - 1] == '/')
		match->root[--len] = 0;
	*out = match;
	return 0;
}

void hf_archive_match_free(struct hf_archive_match *match)
{
	if (!match)
		return;
	archive_match_free(match->set);
	archive_entry_free(match->entry);
	free(match->root);
	free(match);
}

/* Where an anchored pattern goes on after the source's own path, or the pattern as it is. */
static const char *without_root(const struct hf_archive_match *match, const char *pattern)
{
	size_t len = match->root ? strlen(match->root) : 0;
	if (len > 0 && strncmp(pattern, match->root, len) == 0 && pattern[len] == '/')
		return pattern + len;
	return pattern;
}

int hf_archive_match_add(struct hf_archive_match *match, const char *pattern, struct hf_error *err)
{
	if (pattern[0] == '!')
		return hf_fail(err, HF_E_USAGE,
			"exclude \"%s\": negation is not supported; write \"\\%s\" for a name that begins with '!'",
			pattern, pattern);
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	if (pattern[0] == '/') {
		pattern = without_root(match, pattern);
		pattern += strspn(pattern, "/");
		hf_buf_u8(&text, '^'); /* libarchive's anchor */
	}
	if (pattern[0] == 0)
		return hf_fail(err, HF_E_USAGE, "an empty pattern to exclude, or one that excludes the whole source");
	hf_buf_str(&text, pattern);
	if (text.failed)
		return hf_buf_check(&text, "exclusion pattern", err);
	if (archive_match_exclude_pattern(match->set, hf_buf_cstr(&text)) != ARCHIVE_OK)
		return hf_fail(err, HF_E_USAGE, "exclude \"%s\": %s", pattern, archive_error_string(match->set));
	match->has_patterns = true;
	return 0;
}

static int add_lines(struct hf_archive_match *match, char *text, struct hf_error *err)
{
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		size_t len = strlen(line);
		if (len > 0 && line[len - 1] == '\r')
			line[--len] = 0;
		if (len == 0 || line[0] == '#')
			continue;
		int r = hf_archive_match_add(match, line, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int hf_archive_match_add_file(struct hf_archive_match *match, const char *file, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(16 << 20);
	int r = hf_file_read(AT_FDCWD, file, &text, err);
	if (r < 0)
		return hf_wrap(err, r, "read exclusion patterns");
	hf_buf_u8(&text, 0);
	r = hf_buf_check(&text, file, err);
	if (r < 0)
		return r;
	r = add_lines(match, (char *)text.data, err);
	return r < 0 ? hf_wrap(err, r, "%s", file) : 0;
}

int hf_archive_match_path(struct hf_archive_match *match, const char *path, struct hf_error *err)
{
	if (!match->has_patterns)
		return 0;
	archive_entry_copy_pathname(match->entry, path);
	int r = archive_match_path_excluded(match->set, match->entry);
	if (r < 0)
		return hf_fail(err, HF_E_NOMEM, "match %s against the patterns to exclude: %s", path,
			archive_error_string(match->set));
	return r > 0;
}

bool hf_archive_match_is_empty(const struct hf_archive_match *match)
{
	return !match->has_patterns;
}
