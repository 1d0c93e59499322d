/* Reading a snapshot back; see access.h. */
#include "ops/access.h"

#include "base/log.h"
#include "crypto/random.h"
#include "repo/key_cert.h"

int hf_access_open(struct hf_repository *repo, const struct hf_id *domain, struct hf_access *out,
	struct hf_error *err)
{
	*out = (struct hf_access){.repo = repo};
	int r = hf_domain_open(repo->store, repo->key, &repo->certs, domain, &out->domain, err);
	const struct hf_index_options index = {.store = repo->store, .key = repo->key, .domain = &out->domain,
		.certs = &repo->certs};
	if (r == 0)
		r = hf_index_open(&index, &out->index, err);
	const char *why;
	for (size_t i = 0; r == 0 && hf_index_damaged(out->index, i, NULL, &why); i++)
		hf_warn("an index segment is set aside (rebuild-index makes the index anew): %s", why);
	const struct hf_reader_options reader = {.repo = repo, .index = out->index, .domain = &out->domain};
	return r < 0 ? r : hf_reader_new(&reader, &out->reader, err);
}

void hf_access_close(struct hf_access *a)
{
	hf_reader_free(a->reader);
	hf_index_close(a->index);
	hf_wipe(&a->domain, sizeof(a->domain));
	*a = (struct hf_access){0};
}

int hf_access_about(struct hf_access *a, const struct hf_snapshot_source *source, json_t **out, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(HF_CHUNK_MAX);
	*out = NULL;
	int r = hf_reader_load(a->reader, HF_CHUNK_ABOUT, &source->about, 0, &text, err);
	if (r == 0)
		r = hf_json_parse(text.data, text.len, out, err);
	return r < 0 ? hf_wrap(err, r, "what was recorded of source %s", source->name) : 0;
}
