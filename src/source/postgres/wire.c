/* BASE_BACKUP's two forms; see wire.h. */
#include "source/postgres/wire.h"

#include "base/cursor.h"

#include <stdlib.h>
#include <string.h>

static int untyped(struct hf_pg_wire *w, enum hf_pg_event *event, struct hf_error *err)
{
	if (w->in_copy) {
		int r = w->copy->message(w->copy, &w->data, &w->len, err);
		*event = HF_PG_DATA;
		if (r != 0)
			return r < 0 ? r : 0;
		w->in_copy = false;
	}
	int r = w->copy->next(w->copy, err);
	if (r < 0)
		return r;
	*event = HF_PG_END;
	size_t expected = w->tablespace_count + (w->has_manifest ? 1 : 0);
	if (r == 0 && w->copies < expected)
		return hf_fail(err, HF_E_CORRUPT, "the base backup ended after %zu of %zu parts", w->copies, expected);
	if (r == 0)
		return 0;
	if (w->copies >= expected)
		return hf_fail(err, HF_E_CORRUPT, "the base backup has more than its %zu parts", expected);
	w->in_copy = true;
	size_t at = w->copies++;
	if (at == w->tablespace_count) {
		*event = HF_PG_MANIFEST;
		return 0;
	}
	w->oid = w->tablespaces[at].oid;
	*event = HF_PG_ARCHIVE;
	return 0;
}

/* "base.tar", or "16385.tar" of a tablespace. */
static bool archive_oid(const char *name, size_t len, uint32_t *oid)
{
	*oid = 0;
	if (len == 8 && memcmp(name, "base.tar", 8) == 0)
		return true;
	uint64_t n = 0;
	size_t i = 0;
	for (; i < len && name[i] >= '0' && name[i] <= '9' && n <= UINT32_MAX; i++)
		n = n * 10 + (uint64_t)(name[i] - '0');
	*oid = (uint32_t)n;
	return i > 0 && n > 0 && n <= UINT32_MAX && len - i == 4 && memcmp(name + i, ".tar", 4) == 0;
}

static int typed_message(struct hf_pg_wire *w, enum hf_pg_event *event, struct hf_error *err)
{
	struct hf_cursor c = hf_cursor(w->data, w->len);
	uint8_t type = hf_cursor_u8(&c);
	size_t left = hf_cursor_left(&c);
	const char *rest = (const char *)hf_cursor_bytes(&c, left);
	switch (type) {
	case 'n': {
		const char *end = left ? memchr(rest, 0, left) : NULL;
		*event = HF_PG_ARCHIVE;
		if (!end || !archive_oid(rest, (size_t)(end - rest), &w->oid))
			return hf_fail(err, HF_E_CORRUPT, "the base backup opens an archive without a proper name");
		return 1;
	}
	case 'm':
		*event = HF_PG_MANIFEST;
		return 1;
	case 'd':
		*event = HF_PG_DATA;
		w->data = rest;
		w->len = left;
		return 1;
	case 'p':
		return 0;
	default:
		return hf_fail(err, HF_E_CORRUPT, "the base backup holds a message of unknown type %u", type);
	}
}

static int typed(struct hf_pg_wire *w, enum hf_pg_event *event, struct hf_error *err)
{
	for (;;) {
		int r;
		if (!w->in_copy) {
			r = w->copy->next(w->copy, err);
			if (r == 0 && w->copies == 0)
				r = hf_fail(err, HF_E_CORRUPT, "the base backup holds no data");
			*event = HF_PG_END;
			if (r <= 0)
				return r;
			w->in_copy = true;
			w->copies++;
		}
		r = w->copy->message(w->copy, &w->data, &w->len, err);
		if (r == 0) {
			w->in_copy = false;
			continue;
		}
		if (r > 0)
			r = typed_message(w, event, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
}

int hf_pg_wire_next(struct hf_pg_wire *wire, enum hf_pg_event *event, struct hf_error *err)
{
	return wire->version >= 150000 ? typed(wire, event, err) : untyped(wire, event, err);
}
