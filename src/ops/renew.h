/*
 * Renewing locks: in a store with object lock, what restore points need must stay locked for lock-days from now on. A backup renews
 * what its snapshot refers to, and what every restore needs.
 *
 * When each lock ends is remembered in the cache directory, so that an unchanged backup asks the store for nothing here.
 */
#ifndef HF_OPS_RENEW_H
#define HF_OPS_RENEW_H

#include "repo/id.h"
#include "repo/repository.h"

/* The `packs`; and configuration, slots, certificates, rescue files, index segments, snapshots and entries. 0 at once where the store
 * locks nothing. What could not be renewed is the error, after all others were tried. */
int hf_renew(struct hf_repository *repo, const struct hf_ref *packs, size_t count, struct hf_error *err) HF_MUST_CHECK;

#endif
