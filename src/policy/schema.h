/*
 * A schema: what a YAML map may hold, as a table; and a plain struct that is filled from it. Reading, defaults, error messages with
 * their place, and printing all come from the one table.
 *
 *	struct retention { unsigned daily; };
 *	static const struct hf_field fields[] = {
 *		{.name = "daily", .type = HF_FIELD_COUNT, .offset = offsetof(struct retention, daily), .fallback = "7"},
 *		{0},
 *	};
 *	static const struct hf_schema schema = {.what = "retention", .fields = fields, .size = sizeof(struct retention)};
 *
 * Texts are expanded (env_file.h: ${NAME}) unless the field is `raw`. What is null in the YAML is as if it were not there.
 */
#ifndef HF_POLICY_SCHEMA_H
#define HF_POLICY_SCHEMA_H

#include "base/buf.h"
#include "policy/document.h"

enum hf_field_type {
	HF_FIELD_TEXT = 1, /* const char * */
	HF_FIELD_URL,	   /* const char *; a password in it is masked when printed */
	HF_FIELD_SECRET,   /* const char *; masked */
	HF_FIELD_FLAG,	   /* bool */
	HF_FIELD_COUNT,	   /* unsigned; from `least` to `most` */
	HF_FIELD_DURATION, /* int64_t ns; 0: none */
	HF_FIELD_SIZE,	   /* uint64_t bytes; 0: none */
	HF_FIELD_SHARE,	   /* double: "5%" is 0.05; 0: none */
	HF_FIELD_CHOICE,   /* const char *: one of `choices` */
	HF_FIELD_TEXTS,	   /* struct hf_texts: a list; a single text is a list of one */
	HF_FIELD_ARGV,	   /* struct hf_texts: a list, not empty */
	HF_FIELD_NAMED,	   /* struct hf_named: a map from names of the user's own to lists of texts */
	HF_FIELD_GROUP,	   /* the struct of `schema` */
	HF_FIELD_GROUPS,   /* struct hf_groups of them: a list; a single one is a list of one */
};

struct hf_texts {
	const char **items; /* NULL-terminated; NULL: there are none */
	const char **written; /* as the file has them, before ${NAME} was replaced: for printing without what variables hold */
	size_t count;
};

struct hf_named {
	struct hf_named_texts {
		const char *name;
		struct hf_texts texts;
		size_t line, column;
	} *items;
	size_t count;
};

struct hf_groups {
	void *items; /* an array of the schema's struct */
	size_t count;
};

struct hf_field {
	const char *name;
	enum hf_field_type type;
	bool raw;
	bool required;
	bool optional; /* of several forms one: where it is not there it is all zero, and not printed */
	size_t offset;
	const struct hf_schema *schema;	  /* GROUP, GROUPS */
	const char *const *choices;	  /* CHOICE: NULL-terminated */
	const char *fallback;		  /* what holds if it is not there, as the file would say it; NULL: zero */
	const char *only;		  /* makes sense only beside this key of the same map */
	unsigned least, most;		  /* COUNT; most 0: 1000000 */
};

struct hf_schema {
	const char *what; /* "a source" */
	const struct hf_field *fields; /* ends with .name = NULL */
	size_t size;
	const char *text_means, *list_means; /* a text, a list in the map's place is short for a map with this one key; or NULL */
	/* What one field alone can't say; optional. Fails by hf_document_fail. `map` is NULL where it was short. */
	int (*check)(const struct hf_document *d, const struct hf_node *node, const void *object, struct hf_error *err);
};

/* Fills the struct (zeroed first) from `node` (NULL: defaults only). Everything is copied into `arena`. HF_E_USAGE. */
int hf_schema_read(const struct hf_schema *schema, const struct hf_document *d, const struct hf_node *node,
	struct hf_arena *arena, void *object, struct hf_error *err) HF_MUST_CHECK;

/* The struct as YAML, every field spelled out, what is secret masked. */
void hf_schema_print(const struct hf_schema *schema, const void *object, struct hf_buf *out);

/* Of the names, the one that takes the fewest changes to make from `word`. `names` ends with NULL and is not empty. */
const char *hf_nearest(const char *word, const char *const *names);

#endif
