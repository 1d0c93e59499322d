/*
 * The graph of entries: finding one by its hash, its ancestors, and an order in which parents come first. A graph of hashes has
 * no cycle; a parent that is not there is simply no edge.
 */
#include "repo/catalogue_internal.h"

#include <stdlib.h>

static int by_hash(const void *a, const void *b, void *entries)
{
	const struct hf_catalogue_entry *e = entries;
	return memcmp(e[*(const size_t *)a].hash.b, e[*(const size_t *)b].hash.b, sizeof(e->hash.b));
}

int hf_graph_init(struct hf_graph *g, const struct hf_catalogue_entry *entries, size_t count, struct hf_error *err)
{
	*g = (struct hf_graph){.entries = entries, .count = count, .by_hash = calloc(count + 1, sizeof(size_t))};
	if (!g->by_hash)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		g->by_hash[i] = i;
	if (count > 1)
		qsort_r(g->by_hash, count, sizeof(size_t), by_hash, (void *)(uintptr_t)entries);
	return 0;
}

void hf_graph_free(struct hf_graph *g)
{
	free(g->by_hash);
	*g = (struct hf_graph){0};
}

ssize_t hf_graph_find(const struct hf_graph *g, const struct hf_hash *hash)
{
	size_t low = 0, high = g->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = memcmp(g->entries[g->by_hash[mid]].hash.b, hash->b, sizeof(hash->b));
		if (c == 0)
			return (ssize_t)g->by_hash[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* --- what is replaced ------------------------------------------------------------------------------------------------- */

static int compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hf_hash));
}

int hf_graph_covered(const struct hf_graph *g, const bool *apart, struct hf_hash_set *out, struct hf_error *err)
{
	size_t room = 0;
	for (size_t i = 0; i < g->count; i++)
		room += g->entries[i].cover_count;
	*out = (struct hf_hash_set){.hashes = calloc(room + 1, sizeof(*out->hashes))};
	if (!out->hashes)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < g->count; i++) {
		const struct hf_catalogue_entry *e = &g->entries[i];
		if (!e->cover_count || (apart && apart[i]))
			continue;
		memcpy(out->hashes + out->count, e->covers, e->cover_count * sizeof(*out->hashes));
		out->count += e->cover_count;
	}
	if (out->count > 1)
		qsort(out->hashes, out->count, sizeof(*out->hashes), compare_hashes);
	return 0;
}

bool hf_hash_set_has(const struct hf_hash_set *set, const struct hf_hash *hash)
{
	return set->count && bsearch(hash, set->hashes, set->count, sizeof(*hash), compare_hashes);
}

void hf_hash_set_free(struct hf_hash_set *set)
{
	free(set->hashes);
	*set = (struct hf_hash_set){0};
}

/* --- ancestors -------------------------------------------------------------------------------------------------------- */

int hf_graph_mark(const struct hf_graph *g, size_t from, bool *marks, struct hf_error *err)
{
	size_t *wait = calloc(g->count, sizeof(*wait)), n = 0;
	if (!wait)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (!marks[from])
		wait[n++] = from;
	marks[from] = true;
	while (n) {
		const struct hf_catalogue_entry *e = &g->entries[wait[--n]];
		for (size_t p = 0; p < e->parent_count; p++) {
			ssize_t i = hf_graph_find(g, &e->parents[p]);
			if (i < 0 || marks[i])
				continue;
			marks[i] = true;
			wait[n++] = (size_t)i;
		}
	}
	free(wait);
	return 0;
}

/* --- the order: those whose parents are all out wait in a heap, the earliest on top ---------------------------------- */

struct ordering {
	const struct hf_graph *g;
	size_t *first_child, *next_edge, *child; /* edges parent -> child, as lists */
	size_t *parents_left;
	size_t *heap, heap_count;
};

static bool earlier(const struct ordering *o, size_t a, size_t b)
{
	const struct hf_catalogue_entry *x = &o->g->entries[a], *y = &o->g->entries[b];
	return x->time != y->time ? x->time < y->time : memcmp(x->hash.b, y->hash.b, sizeof(x->hash.b)) < 0;
}

static void swap(size_t *a, size_t *b)
{
	size_t t = *a;
	*a = *b;
	*b = t;
}

static void heap_add(struct ordering *o, size_t entry)
{
	size_t i = o->heap_count++;
	o->heap[i] = entry;
	for (; i && earlier(o, o->heap[i], o->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&o->heap[i], &o->heap[(i - 1) / 2]);
}

static size_t heap_take(struct ordering *o)
{
	size_t top = o->heap[0], i = 0;
	o->heap[0] = o->heap[--o->heap_count];
	for (;;) {
		size_t least = i;
		for (size_t c = 2 * i + 1; c <= 2 * i + 2 && c < o->heap_count; c++)
			if (earlier(o, o->heap[c], o->heap[least]))
				least = c;
		if (least == i)
			return top;
		swap(&o->heap[i], &o->heap[least]);
		i = least;
	}
}

static void add_edges(struct ordering *o)
{
	size_t edge = 0;
	for (size_t i = 0; i < o->g->count; i++) {
		const struct hf_catalogue_entry *e = &o->g->entries[i];
		for (size_t p = 0; p < e->parent_count; p++) {
			ssize_t parent = hf_graph_find(o->g, &e->parents[p]);
			if (parent < 0)
				continue;
			o->child[++edge] = i; /* edge 0 means none */
			o->next_edge[edge] = o->first_child[parent];
			o->first_child[parent] = edge;
			o->parents_left[i]++;
		}
	}
}

int hf_graph_order(const struct hf_graph *g, size_t *order, struct hf_error *err)
{
	size_t edges = 1, done = 0;
	for (size_t i = 0; i < g->count; i++)
		edges += g->entries[i].parent_count;
	size_t *memory = calloc(3 * g->count + 2 * edges + 1, sizeof(size_t));
	if (!memory)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	struct ordering o = {.g = g,
		.first_child = memory,
		.parents_left = memory + g->count,
		.heap = memory + 2 * g->count,
		.child = memory + 3 * g->count,
		.next_edge = memory + 3 * g->count + edges};
	add_edges(&o);
	for (size_t i = 0; i < g->count; i++)
		if (o.parents_left[i] == 0)
			heap_add(&o, i);
	while (o.heap_count) {
		size_t i = heap_take(&o);
		order[done++] = i;
		for (size_t e = o.first_child[i]; e; e = o.next_edge[e])
			if (--o.parents_left[o.child[e]] == 0)
				heap_add(&o, o.child[e]);
	}
	free(memory);
	return done == g->count ? 0 : hf_fail(err, HF_E_CORRUPT, "the catalogue's entries name each other in a circle");
}
