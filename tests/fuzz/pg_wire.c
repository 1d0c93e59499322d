/* BASE_BACKUP's two forms. Input: u8 which, then messages, ( u16 length, bytes )*; the length 65535 ends a COPY. */
#include "fuzz.h"

#include "base/cursor.h"
#include "source/postgres/wire.h"

static volatile unsigned sink; /* every byte is looked at */

struct script {
	struct hf_pg_copy copy;
	struct hf_cursor at;
	int copies;
};

static int message(struct hf_pg_copy *copy, const char **data, size_t *len, struct hf_error *err)
{
	struct script *s = (struct script *)copy;
	(void)err;
	size_t n = hf_cursor_left(&s->at) >= 2 ? hf_cursor_u16(&s->at) : UINT16_MAX, left = hf_cursor_left(&s->at);
	if (n == UINT16_MAX)
		return 0;
	*len = n < left ? n : left;
	*data = (const char *)hf_cursor_bytes(&s->at, *len);
	return 1;
}

static int next(struct hf_pg_copy *copy, struct hf_error *err)
{
	struct script *s = (struct script *)copy;
	(void)err;
	return hf_cursor_left(&s->at) > 0 && s->copies++ < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hf_pg_tablespace tablespaces[] = {{16385, NULL}, {0, NULL}};
	struct script s = {.copy = {message, next}, .at = hf_cursor(data, size)};
	int version = hf_cursor_u8(&s.at) % 2 ? 150000 : 140000;
	struct hf_pg_wire w = {.copy = &s.copy, .version = version, .tablespaces = tablespaces, .tablespace_count = 2, .has_manifest = true};
	enum hf_pg_event event = HF_PG_DATA;
	struct hf_error err = {0};
	while (hf_pg_wire_next(&w, &event, &err) == 0 && event != HF_PG_END)
		for (size_t i = 0; event == HF_PG_DATA && i < w.len; i++)
			sink += (unsigned char)w.data[i];
	return 0;
}
