/*
 * Renewing locks in a prune: of the packs that snapshots refer to; of what the catalogue and the index need; and of the words that say
 * where a pack of a snapshot was moved to, without which the packs that it was moved to would be taken for unreferenced.
 *
 * What was forgotten, voided or replaced is left out: its locks end, and then it goes. Where something can't be read, what it may refer
 * to is kept, as it is from deletion.
 */
#include "ops/prune_internal.h"

#include "repo/ref_list.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY = 4 << 20 };

/* --- while looking ------------------------------------------------------------------------------------------------------ */

static bool is_locking(const struct hf_prune *p)
{
	return !p->options->dry_run && hf_store_lock_horizon(p->repo->store) != 0;
}

int hf_prune_note_word(struct hf_prune *p, const struct hf_condemnation *c, struct hf_error *err)
{
	struct hf_prune_look *look = &p->look;
	if (!c->moved_count || !is_locking(p))
		return 0;
	struct hf_prune_word *more = reallocarray(look->words, look->word_count + c->moved_count, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	look->words = more;
	for (size_t i = 0; i < c->moved_count; i++)
		if (i == 0 || !hf_ref_equal(&c->moved[i].from, &c->moved[i - 1].from))
			more[look->word_count++] = (struct hf_prune_word){.from = c->moved[i].from, .ref = c->ref};
	return 0;
}

/* Both orders begin with the first member of what they compare. */
static int by_from(const void *a, const void *b)
{
	return hf_ref_compare(a, b);
}

static int by_ref(const void *a, const void *b)
{
	const struct hf_prune_word *x = a, *y = b;
	return hf_ref_compare(&x->ref, &y->ref);
}

void hf_prune_sort_words(struct hf_prune *p)
{
	if (p->look.word_count)
		qsort(p->look.words, p->look.word_count, sizeof(*p->look.words), by_from);
}

/* Several words may be of one pack. */
static void need_words(struct hf_prune_look *look, const struct hf_ref *from)
{
	struct hf_prune_word *end = look->words + look->word_count, *w = NULL;
	if (look->word_count)
		w = bsearch(from, look->words, look->word_count, sizeof(*w), by_from);
	for (; w && w > look->words && hf_ref_equal(&w[-1].from, from); w--)
		;
	for (; w && w < end && hf_ref_equal(&w->from, from); w++)
		w->is_needed = true;
}

static int by_pack(const void *a, size_t a_len, const void *b, size_t b_len)
{
	(void)a_len;
	(void)b_len;
	return hf_ref_compare(a, b);
}

int hf_prune_note_kept(struct hf_prune *p, const struct hf_gc_pack *pack, struct hf_error *err)
{
	struct hf_prune_look *look = &p->look;
	if (!(pack->flags & (HF_GC_REFERENCED | HF_GC_BLOCKED)) || !is_locking(p))
		return 0;
	need_words(look, &pack->ref);
	if (!(pack->flags & HF_GC_EXISTS))
		return 0;
	int r = look->kept ? 0 : hf_sorter_new(MEMORY, p->options->scratch, by_pack, &look->kept, err);
	return r < 0 ? r : hf_sorter_add(look->kept, &pack->ref, sizeof(pack->ref), err);
}

/* --- afterwards --------------------------------------------------------------------------------------------------------- */

static int next_pack(void *user, struct hf_ref *out, struct hf_error *err)
{
	struct hf_prune *p = user;
	const void *record;
	size_t len;
	int r = p->look.kept ? hf_sorter_next(p->look.kept, &record, &len, err) : 0;
	if (r > 0)
		memcpy(out, record, sizeof(*out));
	return r;
}

/* One that is not in the look is younger. */
static bool is_snapshot_needed(const struct hf_prune *p, const struct hf_ref *ref)
{
	const struct hf_prune_look *look = &p->look;
	const struct hf_prune_snapshot *s = NULL;
	if (look->snapshot_count)
		s = bsearch(ref, look->snapshots, look->snapshot_count, sizeof(*s), hf_ref_compare); /* as they are listed */
	return !s || (!s->is_forgotten && !s->is_void) || hf_prune_is_blocked(p, &ref->writer);
}

static bool is_word_needed(const struct hf_prune *p, const struct hf_ref *ref)
{
	const struct hf_prune_word key = {.ref = *ref};
	const struct hf_prune_word *w =
		p->look.word_count ? bsearch(&key, p->look.words, p->look.word_count, sizeof(*w), by_ref) : NULL;
	return w && w->is_needed;
}

static bool is_needed(void *user, enum hf_kind kind, const struct hf_ref *ref)
{
	const struct hf_prune *p = user;
	switch (kind) {
	case HF_KIND_CONFIG:
	case HF_KIND_SLOT:
	case HF_KIND_CERT:
	case HF_KIND_RESCUE:
	case HF_KIND_ENTRY:
		return true;
	case HF_KIND_SNAPSHOT:
		return !ref || is_snapshot_needed(p, ref);
	case HF_KIND_INDEX: /* which are replaced a key that can't read the index can't tell */
		return !ref || !hf_ref_find(p->replaced, p->replaced_count, ref);
	case HF_KIND_CONDEMNED:
		return ref ? is_word_needed(p, ref) : p->look.word_count > 0;
	default:
		return false;
	}
}

/* The words by what they are, each once, needed if it is for one of its packs. */
static void merge_words(struct hf_prune_look *look)
{
	size_t kept = 0;
	if (look->word_count)
		qsort(look->words, look->word_count, sizeof(*look->words), by_ref);
	for (size_t i = 0; i < look->word_count; i++)
		if (kept && hf_ref_equal(&look->words[i].ref, &look->words[kept - 1].ref))
			look->words[kept - 1].is_needed = look->words[kept - 1].is_needed || look->words[i].is_needed;
		else
			look->words[kept++] = look->words[i];
	look->word_count = kept;
}

int hf_prune_renew(struct hf_prune *p, struct hf_error *err)
{
	const struct hf_renew_options options = {.repo = p->repo, .next_pack = next_pack, .is_needed = is_needed, .user = p};
	if (!is_locking(p))
		return 0;
	hf_progress_phase(p->options->progress, "renewing locks", 0, 0);
	merge_words(&p->look);
	int r = p->look.kept ? hf_sorter_finish(p->look.kept, err) : 0;
	return r < 0 ? r : hf_renew(&options, &p->result->locks, err);
}
