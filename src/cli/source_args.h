/*
 * SOURCE arguments: what holdfast backup is given to back up, as specifications of sources (source/source.h).
 *
 *	PATH				a volume
 *	sqlite:PATH, sqlite:///PATH	a SQLite database; as in DATABASE_URL a relative path after three slashes, an absolute after four
 *	postgresql://…, postgresql:DIR	a PostgreSQL cluster, by URL or by the directory of its socket
 *	command:NAME			the output of what stands after "--"
 *
 *	add, name, option in the order of the command line -> finish -> specs
 */
#ifndef HF_CLI_SOURCE_ARGS_H
#define HF_CLI_SOURCE_ARGS_H

#include "source/source.h"

enum { HF_SOURCE_KINDS = 4 };

struct hf_source_args {
	struct hf_source_spec *specs; /* complete after finish; their texts belong to this struct or the command line */
	size_t count;
	char **texts; /* made by us, by spec: name, location */
	const char *early_name; /* --name before any SOURCE */
	struct {
		struct hf_option *options;
		size_t count;
	} kinds[HF_SOURCE_KINDS];
};

/* One SOURCE. HF_E_USAGE if it makes no sense. */
int hf_source_args_add(struct hf_source_args *a, const char *text, struct hf_error *err) HF_MUST_CHECK;
/* --name: of the SOURCE before it, or of the only one that there is. */
int hf_source_args_name(struct hf_source_args *a, const char *name, struct hf_error *err) HF_MUST_CHECK;
/* An option of all sources of one kind. `value` must live on. */
int hf_source_args_option(struct hf_source_args *a, const char *kind, const char *name, const char *value,
	struct hf_error *err) HF_MUST_CHECK;

/* Names, options, the words after "--" (NULL: none) and the scratch directory (NULL: /var/tmp) to their places. HF_E_USAGE: no
 * source, two of one name, an option of a kind that is not there, a command without words or words without a command. */
int hf_source_args_finish(struct hf_source_args *a, char *const *rest, const char *scratch, struct hf_error *err) HF_MUST_CHECK;

void hf_source_args_free(struct hf_source_args *a);

#endif
