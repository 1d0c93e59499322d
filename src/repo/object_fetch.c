/* Verified reading through the cache; see object_fetch.h. */
#include "repo/object_fetch.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

unsigned hf_writer_rights(const struct hf_repository *repo, const struct hf_id *writer)
{
	if (hf_id_equal(writer, &repo->key->owner_id))
		return HF_RIGHT_BACKUP | HF_RIGHT_MAINTAIN | HF_RIGHT_PROVE;
	const struct hf_cert *cert = hf_certs_find(&repo->certs, writer);
	return cert ? cert->rights : 0;
}

static const uint8_t *writer_public(const struct hf_repository *repo, const struct hf_id *writer)
{
	if (hf_id_equal(writer, &repo->key->owner_id))
		return repo->key->owner_public;
	const struct hf_cert *cert = hf_certs_find(&repo->certs, writer);
	return cert ? cert->sign_public : NULL;
}

/* Where `public_key` is NULL, there is no such writer. */
static int get_verified(struct hf_repository *repo, struct hf_store *store, const struct hf_object_wanted *wanted,
	struct hf_object *out, struct hf_error *err)
{
	if (wanted->public_key)
		return hf_object_get_signed(store, wanted, out, err);
	int r = hf_object_get(store, wanted->name, wanted->repository, out, err);
	return r < 0 ? r
		     : hf_fail(err, HF_E_CORRUPT, "object %s: the owner has certified no such writer%s", wanted->name,
			       repo->certs.set_aside ? " (or its certificate is damaged)" : "");
}

/* Keeps a copy. Not synced, and written under its own name: what is left half-written does not verify, and is dropped when it is
 * read. No failure matters. */
static void keep(struct hf_repository *repo, const char *name, const struct hf_object *o)
{
	HF_FD_AUTO dir = open(repo->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char parent[HF_NAME_MAX];
	size_t n = (size_t)(strrchr(name, '/') - name);
	memcpy(parent, name, n);
	parent[n] = 0;
	if (dir < 0 || hf_mkdirs(dir, parent, 0700, NULL) < 0)
		return;
	HF_FD_AUTO fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (hf_write_full(fd, o->bytes.data, o->bytes.len, name, NULL) < 0)
		unlinkat(dir, name, 0);
}

static void drop(struct hf_repository *repo, const char *name)
{
	HF_FD_AUTO dir = open(repo->cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && unlinkat(dir, name, 0) == 0)
		hf_debug("the copy of %s in the cache was not usable and is dropped", name);
}

int hf_object_fetch(struct hf_repository *repo, enum hf_kind kind, const struct hf_ref *ref, bool from_store,
	struct hf_object *out, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	const struct hf_object_wanted wanted = {hf_object_name(kind, ref, name), &repo->id, writer_public(repo, &ref->writer)};
	if (repo->cache && !from_store) {
		int r = get_verified(repo, repo->cache, &wanted, out, NULL);
		if (r == 0)
			return 0;
		hf_object_free(out);
		if (r != HF_E_NOTFOUND)
			drop(repo, name);
	}
	int r = get_verified(repo, repo->store, &wanted, out, err);
	if (r == 0 && repo->cache)
		keep(repo, name, out);
	return r;
}

bool hf_object_is_lost(int code)
{
	return code == HF_E_CORRUPT || code == HF_E_NOTFOUND || code == HF_E_UNSUPPORTED;
}
