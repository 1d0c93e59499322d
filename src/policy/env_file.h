/*
 * A .env file, as applications have it, and ${NAME} in texts.
 *
 *	# a comment
 *	DATABASE_URL=postgresql://app:s#cret@db/shop     an unquoted value ends at " #" or with the line
 *	export NAME = value                              "export" and blanks around "=" are fine
 *	QUOTED="line one\nline two"                      \n \r \t \" \\ \$ are meant; may go on over several lines
 *	LITERAL='as it $tands'
 *	URL=http://${HOST}:${PORT:-80}/                  from what stands above or the environment; what is not set stays as it is
 */
#ifndef HF_POLICY_ENV_FILE_H
#define HF_POLICY_ENV_FILE_H

#include "base/arena.h"
#include "base/buf.h"

struct hf_env_file {
	struct hf_arena arena;
	struct hf_env_pair {
		const char *name, *value;
		struct hf_env_pair *next;
	} *first, *last;
};

/* HF_E_USAGE with "FILE:LINE: …" for a line that makes no sense. Free with hf_env_file_free, also after failure. */
int hf_env_file_read(const char *path, struct hf_env_file *out, struct hf_error *err) HF_MUST_CHECK;
int hf_env_file_parse(const char *name, const char *text, struct hf_env_file *out, struct hf_error *err) HF_MUST_CHECK;
void hf_env_file_free(struct hf_env_file *f); /* wipes the values: they hold passwords */

/* The last value of that name, or NULL. */
const char *hf_env_file_get(const struct hf_env_file *f, const char *name);

/* Puts what the environment does not have yet into it: the environment beats the file. Before threads start. */
int hf_env_file_export(const struct hf_env_file *f, struct hf_error *err) HF_MUST_CHECK;

/* `text` with ${NAME} and ${NAME:-default} replaced from the environment, appended to `out`; "$$" is a "$", and any other "$" itself.
 * HF_E_USAGE for a name that is not set (or "${" without an end), naming it. An empty value counts as set, except before
 * ":-", as in a shell. */
int hf_env_expand(const char *text, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;

#endif
