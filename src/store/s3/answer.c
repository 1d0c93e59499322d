/* S3's XML; see answer.h. */
#include "store/s3/answer.h"

#include "base/time.h"
#include "store/http.h"
#include "store/xml.h"

#include <stdlib.h>
#include <string.h>

void hf_s3_page_free(struct hf_s3_page *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->items[i].version);
	free(p->items);
	free(p->next);
	free(p->next_version);
	*p = (struct hf_s3_page){0};
}

struct parsing {
	struct hf_s3_page *page;
	const char *prefix;
	struct hf_s3_item item; /* being read */
	bool has_key, has_size, has_time, is_list;
};

static int keep(char **field, const char *text, struct hf_error *err)
{
	free(*field);
	*field = strdup(text);
	return *field ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

/* A key as it stands between the tags, decoded; to be freed. NULL if it is not encoded rightly. */
static char *decode(const char *text)
{
	char *copy = strdup(text);
	for (char *p = copy; p && *p; p++)
		if (*p == '+')
			*p = ' ';
	long len = copy ? hf_percent_decode(copy, strlen(copy)) : -1;
	if (len >= 0)
		copy[len] = 0;
	if (len >= 0)
		return copy;
	free(copy);
	return NULL;
}

static int take_key(struct parsing *p, const char *text, struct hf_error *err)
{
	char *key = decode(text);
	size_t n = strlen(p->prefix);
	if (!key || strncmp(key, p->prefix, n) != 0) {
		free(key);
		return hf_fail(err, HF_E_CORRUPT, "it lists the key \"%s\", which was not asked for", text);
	}
	strncpy(p->item.info.name, key + n, HF_NAME_MAX - 1);
	p->has_key = true;
	free(key);
	return 0;
}

static int take_size(struct parsing *p, const char *text, struct hf_error *err)
{
	char *end;
	p->item.info.size = strtoull(text, &end, 10);
	p->has_size = *text >= '0' && *text <= '9' && !*end;
	return p->has_size ? 0 : hf_fail(err, HF_E_CORRUPT, "it gives an object the size \"%s\"", text);
}

static int finish_item(struct parsing *p, bool is_gone, struct hf_error *err)
{
	struct hf_s3_page *page = p->page;
	if (!p->has_key || !p->has_time || !(p->has_size || is_gone))
		return hf_fail(err, HF_E_CORRUPT, "it lists an object without its name, time or size");
	if (page->count == page->room) {
		size_t room = page->room ? 2 * page->room : 64;
		struct hf_s3_item *more = reallocarray(page->items, room, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "out of memory");
		page->items = more;
		page->room = room;
	}
	p->item.is_gone = is_gone;
	page->items[page->count++] = p->item;
	p->item = (struct hf_s3_item){0};
	p->has_key = p->has_size = p->has_time = false;
	return 0;
}

/* A field of an object. */
static int take_field(struct parsing *p, const char *name, const char *text, struct hf_error *err)
{
	if (strcmp(name, "Key") == 0)
		return take_key(p, text, err);
	if (strcmp(name, "Size") == 0)
		return take_size(p, text, err);
	if (strcmp(name, "VersionId") == 0)
		return keep(&p->item.version, text, err);
	if (strcmp(name, "LastModified") != 0)
		return 0;
	p->has_time = true;
	return hf_time_parse(text, &p->item.info.time_ns, err);
}

static int take_next_key(struct hf_s3_page *page, const char *text, struct hf_error *err)
{
	free(page->next);
	page->next = decode(text);
	return page->next ? 0 : hf_fail(err, HF_E_CORRUPT, "it gives the marker \"%s\"", text);
}

/* `name`: the path without the root. */
static int take(struct parsing *p, const char *name, const char *text, struct hf_error *err)
{
	static const char *const objects[] = {"Contents", "Version", "DeleteMarker"};
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		size_t n = strlen(objects[i]);
		if (strncmp(name, objects[i], n) != 0)
			continue;
		if (name[n] == 0)
			return finish_item(p, i == 2, err);
		return name[n] == '/' ? take_field(p, name + n + 1, text, err) : 0;
	}
	if (strcmp(name, "IsTruncated") == 0)
		p->page->is_truncated = strcmp(text, "true") == 0;
	else if (strcmp(name, "NextContinuationToken") == 0)
		return keep(&p->page->next, text, err);
	else if (strcmp(name, "NextKeyMarker") == 0)
		return take_next_key(p->page, text, err);
	else if (strcmp(name, "NextVersionIdMarker") == 0)
		return keep(&p->page->next_version, text, err);
	return 0;
}

static int on_list(void *user, const char *path, const char *text, struct hf_error *err)
{
	static const char *const roots[] = {"ListBucketResult", "ListVersionsResult"};
	struct parsing *p = user;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(roots[i]);
		if (strncmp(path, roots[i], n) != 0)
			continue;
		if (path[n] == '/')
			return take(p, path + n + 1, text, err);
		p->is_list = p->is_list || path[n] == 0;
	}
	return 0;
}

int hf_s3_page_parse(const void *text, size_t len, const char *prefix, struct hf_s3_page *out, struct hf_error *err)
{
	struct hf_s3_failure failure = {0};
	struct parsing p = {.page = out, .prefix = prefix};
	*out = (struct hf_s3_page){0};
	int r = hf_xml_read(text, len, on_list, &p, err);
	free(p.item.version);
	if (r == 0 && !p.is_list) {
		if (hf_s3_failure_parse(text, len, &failure))
			return hf_fail(err, HF_E_CHECK, "%s: %s", failure.code, failure.message);
		r = hf_fail(err, HF_E_CORRUPT, "it is no list of objects");
	}
	if (r == 0 && out->is_truncated && !out->next)
		r = hf_fail(err, HF_E_CORRUPT, "it says that more follows, but not where");
	return r < 0 ? hf_wrap(err, r, "the server's list") : 0;
}

static int on_error(void *user, const char *path, const char *text, struct hf_error *err)
{
	(void)err;
	struct hf_s3_failure *f = user;
	static const char outer[] = "ErrorResponse/";
	if (strncmp(path, outer, sizeof(outer) - 1) == 0)
		path += sizeof(outer) - 1;
	if (strcmp(path, "Error/Code") == 0)
		strncpy(f->code, text, sizeof(f->code) - 1);
	else if (strcmp(path, "Error/Message") == 0)
		strncpy(f->message, text, sizeof(f->message) - 1);
	else if (strcmp(path, "Error/Region") == 0)
		strncpy(f->region, text, sizeof(f->region) - 1);
	return 0;
}

bool hf_s3_failure_parse(const void *text, size_t len, struct hf_s3_failure *out)
{
	out->code[0] = out->message[0] = out->region[0] = 0;
	return len > 0 && hf_xml_read(text, len, on_error, out, NULL) == 0 && out->code[0];
}
