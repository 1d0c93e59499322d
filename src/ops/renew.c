/* Renewing locks; see renew.h. What is remembered is a text file of lines "SECONDS NAME", rewritten as a whole, sorted by name. */
#include "ops/renew.h"

#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "repo/object.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMO_MAX = 1 << 30 };

struct lock {
	char name[HF_NAME_MAX];
	int64_t until; /* seconds */
};

struct locks {
	struct lock *locks;
	size_t count, room;
};

struct renewal {
	struct hf_repository *repo;
	int64_t horizon; /* seconds */
	struct locks before, now; /* `before` is sorted */
	uint64_t failed;
	struct hf_error first;
};

static int add(struct locks *l, const char *name, int64_t until, struct hf_error *err)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 256;
		struct lock *more = reallocarray(l->locks, room, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "out of memory");
		l->locks = more;
		l->room = room;
	}
	struct lock *new = &l->locks[l->count++];
	*new = (struct lock){.until = until};
	strncpy(new->name, name, sizeof(new->name) - 1);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct lock *)a)->name, ((const struct lock *)b)->name);
}

/* --- the memory ---------------------------------------------------------------------------------------------------- */

/* A memory that can't be read costs requests, nothing else. */
static void load(struct renewal *n)
{
	HF_BUF_AUTO text = HF_BUF(MEMO_MAX);
	HF_FD_AUTO dir = n->repo->cache_dir ? open(n->repo->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir < 0 || hf_file_read(dir, "locks", &text, NULL) < 0 || !hf_buf_cstr(&text))
		return;
	char *save;
	for (char *line = strtok_r((char *)text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *name = strchr(line, ' ');
		if (name && strlen(name + 1) < HF_NAME_MAX && add(&n->before, name + 1, strtoll(line, NULL, 10), NULL) < 0)
			return;
	}
	if (n->before.count)
		qsort(n->before.locks, n->before.count, sizeof(*n->before.locks), by_name);
}

static void save(const struct renewal *n)
{
	HF_BUF_AUTO text = HF_BUF(MEMO_MAX);
	HF_FD_AUTO dir = n->repo->cache_dir ? open(n->repo->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = 0; i < n->now.count; i++)
		hf_buf_printf(&text, "%" PRId64 " %s\n", n->now.locks[i].until, n->now.locks[i].name);
	const struct iovec part = {text.data, text.len};
	const struct hf_file_options options = {.secret = true};
	if (dir >= 0 && (text.failed || hf_file_write(dir, "locks", &part, 1, &options, NULL) < 0))
		hf_debug("when locks end can't be remembered");
}

static int64_t remembered(const struct renewal *n, const char *name)
{
	struct lock key = {.until = 0};
	strncpy(key.name, name, sizeof(key.name) - 1);
	const struct lock *l = n->before.count ? bsearch(&key, n->before.locks, n->before.count, sizeof(key), by_name) : NULL;
	return l ? l->until : 0;
}

/* --- renewing ------------------------------------------------------------------------------------------------------ */

static int renew(struct renewal *n, const char *name, struct hf_error *err)
{
	struct hf_error why = {0};
	int64_t until = remembered(n, name), ns = 0;
	int r = hf_stop_check(err);
	if (r < 0 || until >= n->horizon)
		return r < 0 ? r : add(&n->now, name, until, err);
	r = hf_store_retain(n->repo->store, name, &ns, &why);
	if (r == 0)
		return add(&n->now, name, ns / HF_SECOND, err);
	if (r == HF_E_NOMEM || r == HF_E_STOPPED || r == HF_E_NETWORK)
		return hf_fail(err, r, "%s", why.msg);
	if (n->failed++ == 0)
		n->first = why;
	return 0;
}

static int renew_listed(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	return renew(user, info->name, err);
}

static int renew_all(struct renewal *n, const struct hf_ref *packs, size_t count, struct hf_error *err)
{
	static const char *const kinds[] = {"config/", "slot/", "cert/", "rescue/", "index/", "snapshot/", "entry/"};
	char name[HF_NAME_MAX];
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = renew(n, hf_object_name(HF_KIND_PACK, &packs[i], name), err);
	for (size_t i = 0; r == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		r = hf_store_list(n->repo->store, kinds[i], renew_listed, n, err);
	return r;
}

int hf_renew(struct hf_repository *repo, const struct hf_ref *packs, size_t count, struct hf_error *err)
{
	struct renewal n = {.repo = repo, .horizon = hf_store_lock_horizon(repo->store) / HF_SECOND};
	if (n.horizon == 0)
		return 0;
	load(&n);
	int r = renew_all(&n, packs, count, err);
	save(&n);
	free(n.before.locks);
	free(n.now.locks);
	if (r == 0 && n.failed)
		r = hf_fail(err, n.first.code, "%s (and %" PRIu64 " more)", n.first.msg, n.failed - 1);
	return r < 0 ? hf_wrap(err, r, "renew the locks of what restore points need") : 0;
}
