/* What this host remembers of a repository; see state.h. */
#include "repo/state.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

enum { STATE_MAX = 16 << 20 };

void hf_state_free(struct hf_state *state)
{
	free(state->path);
	free(state->heads);
	*state = (struct hf_state){0};
}

static int parse_heads(const json_t *j, struct hf_state *out, struct hf_error *err)
{
	json_t *a;
	int r = hf_json_array(j, "heads", &a, err);
	size_t n = r == 0 ? json_array_size(a) : 0;
	if (n == 0)
		return r;
	out->heads = calloc(n, sizeof(*out->heads));
	if (!out->heads)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(a, i));
		if (!text || !hf_unhex(text, out->heads[i].b, sizeof(out->heads[i].b)))
			return hf_fail(err, HF_E_CORRUPT, "\"heads\" holds something that is no hash");
	}
	out->head_count = n;
	return 0;
}

/* Fills in config, heads and known from the file; a missing file is fine. */
static int read_file(struct hf_state *out, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(STATE_MAX);
	HF_JSON_AUTO *j = NULL;
	int64_t n = 0;
	int r = hf_file_read(AT_FDCWD, out->path, &text, err);
	if (r == HF_E_NOTFOUND)
		return 0;
	if (r == 0)
		r = hf_json_parse(text.data, text.len, &j, err);
	if (r == 0)
		r = hf_json_int(j, "config", &n, err);
	if (r == 0)
		r = parse_heads(j, out, err);
	if (r < 0)
		return r;
	out->config = n > 0 ? (uint64_t)n : 0;
	out->known = true;
	return 0;
}

int hf_state_load(const char *dir, const struct hf_id *repository, struct hf_state *out, struct hf_error *err)
{
	*out = (struct hf_state){0};
	char id[HF_ID_TEXT];
	struct hf_error why = {0};
	if (!dir)
		return 0;
	if (asprintf(&out->path, "%s/%s.json", dir, hf_hex(repository->b, HF_ID_SIZE, id)) < 0) {
		out->path = NULL;
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	if (read_file(out, &why) < 0) {
		free(out->heads);
		out->heads = NULL;
		out->head_count = 0;
		hf_warn("what this host remembers of the repository can't be used, so a rollback would not be noticed: "
			"%s: %s", out->path, why.msg);
	}
	return 0;
}

static void append_head(json_t *heads, const struct hf_hash *head)
{
	json_array_append_new(heads, hf_json_hex_string(head->b, sizeof(head->b)));
}

/* What is to be written: `seen`, and of `now` (the file's content) what `seen` does not know. */
static json_t *merge(const struct hf_state *now, const struct hf_state_seen *seen)
{
	json_t *j = json_object(), *heads = json_array();
	uint64_t n = now->config > seen->config ? now->config : seen->config;
	json_object_set_new(j, "config", json_integer((json_int_t)n));
	json_object_set_new(j, "heads", heads);
	for (size_t i = 0; i < seen->head_count; i++)
		append_head(heads, &seen->heads[i]);
	for (size_t i = 0; i < now->head_count; i++)
		if (!seen->is_known || !seen->is_known(&now->heads[i], seen->user))
			append_head(heads, &now->heads[i]);
	return j;
}

static int write_file(const struct hf_state *now, const struct hf_state_seen *seen, struct hf_error *err)
{
	HF_JSON_AUTO *j = merge(now, seen);
	char *text = hf_json_text(j);
	if (!text)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	struct iovec part = {text, strlen(text)};
	const struct hf_file_options secret = {.secret = true};
	int r = hf_file_write(AT_FDCWD, now->path, &part, 1, &secret, err);
	free(text);
	return r;
}

/* The lock is on the directory, which is always there and never replaced. */
static int lock_parent(const char *path, struct hf_error *err)
{
	char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	int r = dir ? hf_mkdirs(AT_FDCWD, dir, 0700, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	int fd = r < 0 ? r : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && (fd < 0 || flock(fd, LOCK_EX) < 0)) {
		r = hf_fail_errno(err, errno, "lock %s", dir);
		hf_fd_close(&fd);
	}
	free(dir);
	return r < 0 ? r : fd;
}

void hf_state_remember(struct hf_state *state, const struct hf_state_seen *seen)
{
	if (!state->path)
		return;
	struct hf_error why = {0};
	HF_FD_AUTO lock = lock_parent(state->path, &why);
	struct hf_state now = {.path = state->path};
	int r = lock < 0 ? lock : read_file(&now, &why);
	if (r != HF_E_NOMEM && lock >= 0)
		r = write_file(&now, seen, &why);
	free(now.heads);
	if (r < 0 && !state->warned)
		hf_warn("can't remember what was seen of the repository, so a later rollback may not be noticed: %s: %s",
			state->path, why.msg);
	state->warned = state->warned || r < 0;
}
