/*
 * Key files: a struct hf_key as JSON, in a file that only its owner reads, and in a passphrase slot.
 * FORMAT.md, section 4.
 */
#ifndef HF_REPO_KEY_FILE_H
#define HF_REPO_KEY_FILE_H

#include "base/buf.h"
#include "repo/key.h"

/* The text of `key` to `out` (cleared first). It holds secrets: the caller wipes it (hf_key_text_free). */
int hf_key_print(const struct hf_key *key, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;
void hf_key_text_free(struct hf_buf *text); /* wipes, then frees */

/* Reads it back: a new key in `out`, to be freed. Checks that it is whole and agrees with itself: each public
 * key is that of its secret, and the secrets are those of its kind. HF_E_KEY if not, HF_E_UNSUPPORTED for a
 * newer version. */
int hf_key_parse(const void *text, size_t len, struct hf_key **out, struct hf_error *err) HF_MUST_CHECK;

/* The same from and to a file. Written durably, with mode 0600, and never over an existing one (HF_E_EXISTS).
 * A file that others may read is read, with a warning.
 * One that is not there is HF_E_KEY: it is the key that is missing. */
int hf_key_file_read(const char *path, struct hf_key **out, struct hf_error *err) HF_MUST_CHECK;
int hf_key_file_write(const char *path, const struct hf_key *key, struct hf_error *err) HF_MUST_CHECK;

#endif
