/* JSON forms that key files and certificates share; see key_internal.h. */
#include "repo/key_internal.h"

#include "base/time.h"

#include <string.h>

static const struct {
	unsigned bit;
	const char *name;
} rights_names[] = {
	{HF_RIGHT_BACKUP, "backup"},
	{HF_RIGHT_MAINTAIN, "maintain"},
	{HF_RIGHT_PROVE, "prove"},
};
enum { RIGHTS = sizeof(rights_names) / sizeof(rights_names[0]) };

const char *hf_right_name(enum hf_right right)
{
	for (size_t i = 0; i < RIGHTS; i++)
		if (rights_names[i].bit == (unsigned)right)
			return rights_names[i].name;
	return NULL;
}

json_t *hf_key_rights_json(unsigned rights)
{
	json_t *a = json_array();
	for (size_t i = 0; i < RIGHTS; i++)
		if (rights & rights_names[i].bit)
			json_array_append_new(a, json_string(rights_names[i].name));
	return a;
}

static unsigned right_of(const json_t *name)
{
	for (size_t i = 0; i < RIGHTS; i++)
		if (json_is_string(name) && strcmp(json_string_value(name), rights_names[i].name) == 0)
			return rights_names[i].bit;
	return 0; /* one of a later version: not ours to give */
}

int hf_key_rights_parse(const json_t *j, const char *key, unsigned *out, struct hf_error *err)
{
	json_t *a, *name;
	size_t i;
	int r = hf_json_array(j, key, &a, err);
	if (r < 0)
		return r;
	*out = 0;
	json_array_foreach (a, i, name)
		*out |= right_of(name);
	return 0;
}

int hf_key_name_check(const char *name, struct hf_error *err)
{
	size_t len = strlen(name);
	if (len == 0 || len >= HF_KEY_NAME_MAX)
		return hf_fail(
			err, HF_E_USAGE, "a name has 1 to %d bytes, not %zu", HF_KEY_NAME_MAX - 1, len);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return hf_fail(err, HF_E_USAGE, "a name holds no control characters");
	json_t *utf8 = json_string(name);
	json_decref(utf8);
	return utf8 ? 0 : hf_fail(err, HF_E_USAGE, "a name is UTF-8, and this one is not");
}

int hf_key_name_parse(const json_t *j, const char *key, char out[HF_KEY_NAME_MAX], struct hf_error *err)
{
	const char *name;
	int r = hf_json_string(j, key, &name, err);
	if (r < 0)
		return r;
	r = hf_key_recode(hf_key_name_check(name, err), HF_E_USAGE, HF_E_CORRUPT, err);
	if (r < 0)
		return hf_wrap(err, r, "\"%s\"", key);
	memcpy(out, name, strlen(name) + 1);
	return 0;
}

int hf_key_kind_parse(const json_t *j, enum hf_key_kind *out, struct hf_error *err)
{
	const char *name;
	int r = hf_json_string(j, "kind", &name, err);
	if (r < 0)
		return r;
	*out = hf_key_kind_of(name);
	return *out ? 0 : hf_fail(err, HF_E_CORRUPT, "there is no kind of key \"%s\"", name);
}

int hf_key_time_parse(const json_t *j, const char *key, int64_t *out, struct hf_error *err)
{
	const char *text;
	int r = hf_json_string(j, key, &text, err);
	if (r == 0)
		r = hf_key_recode(hf_time_parse(text, out, err), HF_E_USAGE, HF_E_CORRUPT, err);
	return r < 0 ? hf_wrap(err, r, "\"%s\"", key) : 0;
}

void hf_key_domain_put(json_t *j, const struct hf_domain *domain)
{
	json_object_set_new(j, "id_key", hf_json_hex_string(domain->id_key, 32));
	json_object_set_new(j, "cut_key", hf_json_hex_string(domain->cut_key, 32));
	json_object_set_new(j, "index_key", hf_json_hex_string(domain->index_key, 32));
}

int hf_key_domain_parse(const json_t *j, struct hf_domain *out, struct hf_error *err)
{
	int r = hf_json_hex(j, "id_key", out->id_key, 32, err);
	if (r == 0)
		r = hf_json_hex(j, "cut_key", out->cut_key, 32, err);
	return r < 0 ? r : hf_json_hex(j, "index_key", out->index_key, 32, err);
}
