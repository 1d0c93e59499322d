/*
 * Reading objects that any certified writer may have made (entries, snapshots, condemnations, voids), verified, through copies
 * in the cache directory: objects never change, so one that was read is not read from the store again. A copy is believed no
 * more than the store is: it is verified each time, and dropped if it fails.
 */
#ifndef HF_REPO_OBJECT_FETCH_H
#define HF_REPO_OBJECT_FETCH_H

#include "repo/object.h"
#include "repo/repository.h"

/* What the owner certified of a writer (enum hf_right); all rights for the owner; 0 for an unknown one. */
unsigned hf_writer_rights(const struct hf_repository *repo, const struct hf_id *writer);

/* Reads the object and checks that its writer, whom the owner certified, signed it. Its right to is for the caller to check. With
 * `from_store` copies are not looked at. HF_E_CORRUPT and HF_E_NOTFOUND name the object. Free with hf_object_free, also after
 * failure. */
int hf_object_fetch(struct hf_repository *repo, enum hf_kind kind, const struct hf_ref *ref, bool from_store,
	struct hf_object *out, struct hf_error *err) HF_MUST_CHECK;

/* True for failures that mean that an object is damaged, gone, or of a newer version; not for those that say nothing of the
 * object itself (the network, rights, memory). */
bool hf_object_is_lost(int code);

#endif
