/* What the files of the S3 driver share: objects by their versions. `version` NULL is the present one. */
#ifndef HF_STORE_S3_INTERNAL_H
#define HF_STORE_S3_INTERNAL_H

#include "store/s3/request.h"

int hf_s3_get(struct hf_s3 *s, const char *name, const char *version, struct iovec out, uint64_t offset,
	struct hf_error *err) HF_MUST_CHECK;
int hf_s3_get_all(struct hf_s3 *s, const char *name, const char *version, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;
int hf_s3_stat(struct hf_s3 *s, const char *name, const char *version, struct hf_object_info *info,
	struct hf_error *err) HF_MUST_CHECK;
int hf_s3_erase(struct hf_s3 *s, const char *name, const char *version, struct hf_error *err) HF_MUST_CHECK;

/* All objects, or with `versions` all versions and delete markers (newest first within a name), ascending by name. No request is
 * under way while `each` runs. */
typedef int hf_s3_each(const struct hf_s3_item *item, void *user, struct hf_error *err);
int hf_s3_list(struct hf_s3 *s, const char *prefix, bool versions, hf_s3_each *each, void *user, struct hf_error *err) HF_MUST_CHECK;

/* --- versions.c: what a bucket with versions and locks takes --- */

/* As the store's list, of each name its oldest version, also where a delete marker hides it. */
int hf_s3_list_oldest(struct hf_s3 *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err) HF_MUST_CHECK;
/* The version of an object that is to be read: NULL in `version` is the present one. To be freed. */
int hf_s3_find_version(struct hf_s3 *s, const char *name, char **version, struct hf_error *err) HF_MUST_CHECK;
/* Deletes every version and every delete marker of the name. */
int hf_s3_erase_versions(struct hf_s3 *s, const char *name, struct hf_error *err) HF_MUST_CHECK;
/* Adds the headers of a lock from now on, which ends at `ns`. `until` (HF_TIME_TEXT) must live until the request is sent. */
int hf_s3_add_lock(struct hf_s3 *s, struct hf_s3_request *q, char until[], int64_t *ns, struct hf_error *err) HF_MUST_CHECK;
/* Notes that `name` is under a lock. */
void hf_s3_note_lock(struct hf_s3 *s, const char *name, int64_t ns);
/* The store's operations of these names. */
int hf_s3_retain(struct hf_store *store, const char *name, int64_t *until_ns, struct hf_error *err) HF_MUST_CHECK;
int64_t hf_s3_lock_horizon(struct hf_store *store);
bool hf_s3_doubt(struct hf_store *store, const char *name, bool is_gone);
int hf_s3_each_doubted(struct hf_store *store, hf_store_each_name *each, void *user, struct hf_error *err) HF_MUST_CHECK;
int hf_s3_describe(struct hf_store *store, hf_store_fact *fact, void *user, struct hf_error *err) HF_MUST_CHECK;

#endif
