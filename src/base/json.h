/*
 * JSON: jansson, and the few habits on top of it. This is the only header that includes jansson; other rooms
 * include this one and use json_t directly. Owned references are released by HF_JSON_AUTO.
 */
#ifndef HF_BASE_JSON_H
#define HF_BASE_JSON_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

static inline void hf_json_release(json_t **j)
{
	json_decref(*j);
}
#define HF_JSON_AUTO __attribute__((cleanup(hf_json_release))) json_t

/* Parses one JSON value of `len` bytes; nothing may follow it but white space. New reference in `out`. */
int hf_json_parse(const void *text, size_t len, json_t **out, struct hf_error *err) HF_MUST_CHECK;
/* Compact, keys in insertion order; the caller frees. NULL without memory. */
char *hf_json_text(const json_t *j);

/* Required members. Each sets `err` (HF_E_CORRUPT, naming the key) where the member is absent or of another type.
 * Strings belong to `j`. */
int hf_json_string(const json_t *j, const char *key, const char **out, struct hf_error *err) HF_MUST_CHECK;
int hf_json_int(const json_t *j, const char *key, int64_t *out, struct hf_error *err) HF_MUST_CHECK;
int hf_json_hex(const json_t *j, const char *key, void *out, size_t len, struct hf_error *err) HF_MUST_CHECK;
int hf_json_array(const json_t *j, const char *key, json_t **out, struct hf_error *err) HF_MUST_CHECK; /* borrowed */
int hf_json_object(const json_t *j, const char *key, json_t **out, struct hf_error *err) HF_MUST_CHECK;

/* Makers. hf_json_bytes makes a string of any bytes: what is not UTF-8 is shown with U+FFFD. hf_json_put_path
 * sets `key` so, and where the bytes are not UTF-8 also `key`_base64 with the true bytes. */
json_t *hf_json_hex_string(const void *data, size_t len);
json_t *hf_json_time(int64_t ns); /* RFC 3339 string */
json_t *hf_json_bytes(const void *data, size_t len);
void hf_json_put_path(json_t *obj, const char *key, const void *data, size_t len);

#endif
