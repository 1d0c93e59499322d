/* What the files about keys share: the JSON forms that key files and certificates have in common. */
#ifndef HF_REPO_KEY_INTERNAL_H
#define HF_REPO_KEY_INTERNAL_H

#include "base/json.h"
#include "repo/key.h"

/* ["backup", …] from bits, and back. */
json_t *hf_key_rights_json(unsigned rights);
int hf_key_rights_parse(const json_t *j, const char *key, unsigned *out, struct hf_error *err) HF_MUST_CHECK;

/* The member `key` as a name of a key or a domain (hf_key_name_check) into `out`. */
int hf_key_name_parse(
	const json_t *j, const char *key, char out[HF_KEY_NAME_MAX], struct hf_error *err) HF_MUST_CHECK;
/* The member "kind". */
int hf_key_kind_parse(const json_t *j, enum hf_key_kind *out, struct hf_error *err) HF_MUST_CHECK;

/* The member `key` as a time. */
int hf_key_time_parse(const json_t *j, const char *key, int64_t *out, struct hf_error *err) HF_MUST_CHECK;

/* Turns the failure `r` into `to` where it is `from`: what is damage to one is a wrong key to another. */
static inline int hf_key_recode(int r, int from, int to, struct hf_error *err)
{
	if (r != from)
		return r;
	if (err)
		err->code = to;
	return to;
}

/* {"id_key":…,"cut_key":…,"index_key":…} into `j`, and from it. */
void hf_key_domain_put(json_t *j, const struct hf_domain *domain);
int hf_key_domain_parse(const json_t *j, struct hf_domain *out, struct hf_error *err) HF_MUST_CHECK;

#endif
