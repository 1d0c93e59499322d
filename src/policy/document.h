/*
 * A YAML document as a tree whose every node knows its line and column, so that whatever is wrong with it later can be named
 * by its place. Read from libyaml's events.
 *
 *	hf_document_read -> root -> (hf_node_get, the lists' `first` and `next`)* -> hf_document_free
 *
 * Left out on purpose: anchors and aliases (a few lines of them expand to gigabytes), tags, several documents in one file. Keys are
 * plain texts and none comes twice. A file is at most 1 MiB, and nests at most 16 deep.
 */
#ifndef HF_POLICY_DOCUMENT_H
#define HF_POLICY_DOCUMENT_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

enum hf_node_kind { HF_NODE_TEXT, HF_NODE_LIST, HF_NODE_MAP };

struct hf_node {
	enum hf_node_kind kind;
	size_t line, column; /* from 1 */
	const char *key; /* of a map's member; else NULL */
	size_t key_line, key_column;
	const char *text; /* HF_NODE_TEXT: terminated, without NUL in it */
	bool is_null;	  /* nothing, "~" or "null", unquoted: as if it were not there */
	struct hf_node *first, *last, *next; /* members of a list or map, in their order */
};

struct hf_document {
	const char *name; /* for messages: the path; the caller's */
	struct hf_arena arena;
	struct hf_node *root; /* NULL: the file is empty */
};

/* Reads the file. HF_E_USAGE with "FILE:LINE:COLUMN: …" for what is no YAML or is left out; what kept it from being read else. Free
 * with hf_document_free, also after failure. `path` must live as long. */
int hf_document_read(const char *path, struct hf_document *out, struct hf_error *err) HF_MUST_CHECK;
/* The same of a text in memory. */
int hf_document_parse(const char *name, const void *text, size_t len, struct hf_document *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_document_free(struct hf_document *d);

/* The member of a map by its key, or NULL. */
const struct hf_node *hf_node_get(const struct hf_node *map, const char *key);

/* "text", "list" or "map", for messages. */
const char *hf_node_kind_name(enum hf_node_kind kind);

/* HF_E_USAGE with the node's place in front. */
int hf_document_fail(const struct hf_document *d, const struct hf_node *at, struct hf_error *err, const char *fmt, ...)
	HF_PRINTF(4, 5);

#endif
