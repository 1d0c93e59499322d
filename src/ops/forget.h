/* Forgetting restore points: an entry of the catalogue, which deletes nothing. */
#ifndef HF_OPS_FORGET_H
#define HF_OPS_FORGET_H

#include "repo/catalogue.h"

struct hf_forgotten {
	struct hf_ref *snapshots; /* in the order given, none twice */
	size_t count;
};

/* Forgets the snapshots of these ids, or starts of ids: all of them, or none if one is not to be found. HF_E_NOTFOUND, HF_E_USAGE
 * (ambiguous), HF_E_KEY (no right to). Free with hf_forgotten_free, also after failure. */
int hf_forget(struct hf_repository *repo, const char *const *ids, size_t count, struct hf_forgotten *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_forgotten_free(struct hf_forgotten *f);

#endif
