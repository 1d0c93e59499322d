/* JSON habits over jansson; see json.h. */
#include "base/json.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/hex.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hf_json_parse(const void *text, size_t len, json_t **out, struct hf_error *err)
{
	json_error_t why;
	*out = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!*out)
		return hf_fail(err, HF_E_CORRUPT, "not JSON at line %d, column %d: %s", why.line, why.column, why.text);
	return 0;
}

char *hf_json_text(const json_t *j)
{
	return json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

static int member(const json_t *j, const char *key, json_type type, json_t **out, struct hf_error *err)
{
	static const char *const names[] = {"an object", "an array", "a string", "an integer"};
	*out = json_object_get(j, key);
	if (!*out || json_typeof(*out) != type)
		return hf_fail(err, HF_E_CORRUPT, "\"%s\" is missing or not %s", key, names[type]);
	return 0;
}

int hf_json_string(const json_t *j, const char *key, const char **out, struct hf_error *err)
{
	json_t *m;
	int r = member(j, key, JSON_STRING, &m, err);
	*out = r < 0 ? NULL : json_string_value(m);
	return r;
}

int hf_json_int(const json_t *j, const char *key, int64_t *out, struct hf_error *err)
{
	json_t *m;
	int r = member(j, key, JSON_INTEGER, &m, err);
	*out = r < 0 ? 0 : json_integer_value(m);
	return r;
}

int hf_json_hex(const json_t *j, const char *key, void *out, size_t len, struct hf_error *err)
{
	const char *text;
	int r = hf_json_string(j, key, &text, err);
	if (r < 0)
		return r;
	if (!hf_unhex(text, out, len))
		return hf_fail(err, HF_E_CORRUPT, "\"%s\" is not %zu bytes of hexadecimal", key, len);
	return 0;
}

int hf_json_array(const json_t *j, const char *key, json_t **out, struct hf_error *err)
{
	return member(j, key, JSON_ARRAY, out, err);
}

int hf_json_object(const json_t *j, const char *key, json_t **out, struct hf_error *err)
{
	return member(j, key, JSON_OBJECT, out, err);
}

json_t *hf_json_hex_string(const void *data, size_t len)
{
	char text[2 * 64 + 1];
	if (len > 64)
		return NULL;
	return json_string(hf_hex(data, len, text));
}

json_t *hf_json_time(int64_t ns)
{
	char text[HF_TIME_TEXT];
	return json_string(hf_time_format(ns, text));
}

/* The length of the UTF-8 sequence at `p`, or 0 if there is none (RFC 3629: no surrogates, nothing over-long). */
static size_t utf8_length(const uint8_t *p, size_t left)
{
	static const struct {
		uint8_t first, last, second_low, second_high, len;
	} forms[] = {{0x01, 0x7f, 0, 0, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (*p < forms[i].first || *p > forms[i].last)
			continue;
		if (forms[i].len > left)
			return 0;
		if (forms[i].len > 1 && (p[1] < forms[i].second_low || p[1] > forms[i].second_high))
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

json_t *hf_json_bytes(const void *data, size_t len)
{
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	const uint8_t *p = data;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(p + i, len - i);
		if (n)
			hf_buf_add(&text, p + i, n);
		else
			hf_buf_str(&text, "\xef\xbf\xbd");
		i += n ? n : 1;
	}
	return text.failed ? NULL : json_stringn((const char *)(text.data ? text.data : p), text.len);
}

static bool is_utf8(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(p + i, len - i);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

static json_t *base64(const uint8_t *p, size_t len)
{
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	hf_base64(p, len, &text);
	return text.failed ? NULL : json_stringn((const char *)text.data, text.len);
}

void hf_json_put_path(json_t *obj, const char *key, const void *data, size_t len)
{
	json_object_set_new(obj, key, hf_json_bytes(data, len));
	if (is_utf8(data, len))
		return;
	char name[64];
	snprintf(name, sizeof(name), "%s_base64", key);
	json_object_set_new(obj, name, base64(data, len));
}
