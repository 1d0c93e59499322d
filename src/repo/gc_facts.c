/* Facts of packs: records of fixed size in a sorter, those of one pack joined on the way out; see gc_facts.h. */
#include "repo/gc_facts.h"

#include "base/sorter.h"

#include <stdlib.h>

enum { MEMORY = 16 << 20 };

struct hf_gc_facts {
	struct hf_sorter *sorter;
	struct hf_gc_pack ahead; /* the first record of the next pack */
	bool has_ahead, at_end;
};

static int by_pack(const void *a, size_t a_len, const void *b, size_t b_len)
{
	(void)a_len;
	(void)b_len;
	return memcmp(a, b, sizeof(struct hf_ref)); /* the first member */
}

int hf_gc_facts_new(const char *scratch, struct hf_gc_facts **out, struct hf_error *err)
{
	struct hf_gc_facts *f = calloc(1, sizeof(*f));
	if (!f)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	int r = hf_sorter_new(MEMORY, scratch, by_pack, &f->sorter, err);
	if (r < 0) {
		free(f);
		return r;
	}
	*out = f;
	return 0;
}

int hf_gc_facts_add(struct hf_gc_facts *f, const struct hf_gc_pack *pack, struct hf_error *err)
{
	return hf_sorter_add(f->sorter, pack, sizeof(*pack), err);
}

int hf_gc_facts_finish(struct hf_gc_facts *f, struct hf_error *err)
{
	return hf_sorter_finish(f->sorter, err);
}

static int read_ahead(struct hf_gc_facts *f, struct hf_error *err)
{
	const void *record;
	size_t len;
	int r = f->at_end ? 0 : hf_sorter_next(f->sorter, &record, &len, err);
	f->has_ahead = r > 0;
	f->at_end = f->at_end || r == 0;
	if (r > 0)
		memcpy(&f->ahead, record, sizeof(f->ahead));
	return r;
}

int hf_gc_facts_next(struct hf_gc_facts *f, struct hf_gc_pack *out, struct hf_error *err)
{
	int r = f->has_ahead ? 1 : read_ahead(f, err);
	if (r <= 0)
		return r;
	*out = (struct hf_gc_pack){.ref = f->ahead.ref};
	while (r > 0 && hf_ref_equal(&f->ahead.ref, &out->ref)) {
		out->flags |= f->ahead.flags;
		if (f->ahead.domain)
			out->domain = !out->domain || out->domain == f->ahead.domain ? f->ahead.domain : HF_GC_MIXED;
		if (f->ahead.flags & HF_GC_EXISTS) {
			out->size = f->ahead.size;
			out->time_ns = f->ahead.time_ns;
		}
		r = read_ahead(f, err);
	}
	return r < 0 ? r : 1;
}

void hf_gc_facts_free(struct hf_gc_facts *f)
{
	if (!f)
		return;
	hf_sorter_free(f->sorter);
	free(f);
}
