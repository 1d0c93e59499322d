/* What the catalogue's files share: the graph and what is known while it is loaded. */
#ifndef HF_REPO_CATALOGUE_INTERNAL_H
#define HF_REPO_CATALOGUE_INTERNAL_H

#include "repo/catalogue.h"

/* catalogue_entry.c: reads one entry object into plain data. `kind` 0: a type that this version doesn't know. */
int hf_catalogue_entry_parse(const struct hf_object *o, struct hf_catalogue_entry *out, struct hf_error *err) HF_MUST_CHECK;
void hf_catalogue_entry_free(struct hf_catalogue_entry *e);
/* The right that a writer needs for such an entry; 0: none but to be certified. */
unsigned hf_catalogue_entry_right(enum hf_entry_kind kind);
const char *hf_catalogue_entry_name(enum hf_entry_kind kind);

/* catalogue_graph.c: entries by hash. */
struct hf_graph {
	const struct hf_catalogue_entry *entries;
	size_t count;
	size_t *by_hash; /* numbers of entries, sorted by hash */
};
int hf_graph_init(struct hf_graph *g, const struct hf_catalogue_entry *entries, size_t count,
	struct hf_error *err) HF_MUST_CHECK;
void hf_graph_free(struct hf_graph *g);
/* The number of the entry, or -1. */
ssize_t hf_graph_find(const struct hf_graph *g, const struct hf_hash *hash);
/* Marks entry `from` and all of its ancestors in `marks`, which has a bool for each entry; marked ones are not followed again. */
int hf_graph_mark(const struct hf_graph *g, size_t from, bool *marks, struct hf_error *err) HF_MUST_CHECK;
/* The hashes of what checkpoints among the entries cover, sorted; those marked in `apart` (may be NULL) have no say. To be freed
 * (hf_hash_set_free). */
struct hf_hash_set {
	struct hf_hash *hashes;
	size_t count;
};
int hf_graph_covered(const struct hf_graph *g, const bool *apart, struct hf_hash_set *out, struct hf_error *err) HF_MUST_CHECK;
bool hf_hash_set_has(const struct hf_hash_set *set, const struct hf_hash *hash);
void hf_hash_set_free(struct hf_hash_set *set);
/* All numbers in an order in which each entry comes after its parents, and otherwise by time. `order` has room for them. */
int hf_graph_order(const struct hf_graph *g, size_t *order, struct hf_error *err) HF_MUST_CHECK;

/* Appends to c->problems; takes no ownership. */
int hf_catalogue_blame(struct hf_catalogue *c, const char *object, bool is_loss, const char *why,
	struct hf_error *err) HF_MUST_CHECK;

/* catalogue_points.c: fills in c->points and c->forgotten from the entries. */
int hf_catalogue_make_points(struct hf_catalogue *c, const struct hf_catalogue_options *options,
	struct hf_error *err) HF_MUST_CHECK;

#endif
