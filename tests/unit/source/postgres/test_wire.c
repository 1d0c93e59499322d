/* wire.h: both forms of a base backup, from messages in memory, become the same events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/postgres/wire.h"

#include <stdio.h>
#include <string.h>

/* A script of messages; a NULL begins the next COPY. */
struct script {
	struct hf_pg_copy copy;
	const char *const *messages;
	const size_t *lengths; /* NULL: strlen */
	size_t count, at;
};

static int message(struct hf_pg_copy *copy, const char **data, size_t *len, struct hf_error *err)
{
	(void)err;
	struct script *s = (struct script *)copy;
	if (s->at == s->count || !s->messages[s->at])
		return 0;
	*data = s->messages[s->at];
	*len = s->lengths ? s->lengths[s->at] : strlen(*data);
	s->at++;
	return 1;
}

static int next(struct hf_pg_copy *copy, struct hf_error *err)
{
	(void)err;
	struct script *s = (struct script *)copy;
	if (s->at == s->count)
		return 0;
	s->at++;
	return 1;
}

static const struct hf_pg_tablespace tablespaces[] = {{16385, NULL}, {0, NULL}};

/* All events as text: "A16385 dab dc A0 … M d{} ." or the code of a failure. */
static int tell(int version, const char *const *messages, const size_t *lengths, size_t count, char *out, size_t size)
{
	struct script s = {{message, next}, messages, lengths, count, 0};
	struct hf_pg_wire w = {.copy = &s.copy, .version = version, .tablespaces = tablespaces, .tablespace_count = 2,
		.has_manifest = true};
	size_t n = 0;
	out[0] = 0;
	for (;;) {
		enum hf_pg_event event;
		struct hf_error err;
		int r = hf_pg_wire_next(&w, &event, &err);
		if (r < 0)
			return r;
		if (event == HF_PG_ARCHIVE)
			n += (size_t)snprintf(out + n, size - n, "A%u ", w.oid);
		else if (event == HF_PG_MANIFEST)
			n += (size_t)snprintf(out + n, size - n, "M ");
		else if (event == HF_PG_DATA)
			n += (size_t)snprintf(out + n, size - n, "d%.*s ", (int)w.len, w.data);
		else
			return 0;
		assert_true(n < size);
	}
}

#define EVENTS "A16385 dab dc A0 dd M d{} "
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void one_copy_a_tablespace(void **state)
{
	(void)state;
	static const char *const messages[] = {NULL, "ab", "c", NULL, "d", NULL, "{}"};
	char out[200];
	assert_int_equal(tell(140012, messages, NULL, COUNT(messages), out, sizeof(out)), 0);
	assert_string_equal(out, EVENTS);
	/* The manifest is missing; a tablespace is missing; one too many. */
	assert_int_equal(tell(140012, messages, NULL, 5, out, sizeof(out)), HF_E_CORRUPT);
	assert_int_equal(tell(140012, messages, NULL, 3, out, sizeof(out)), HF_E_CORRUPT);
	static const char *const more[] = {NULL, "ab", NULL, "d", NULL, "{}", NULL, "x"};
	assert_int_equal(tell(140012, more, NULL, COUNT(more), out, sizeof(out)), HF_E_CORRUPT);
}

static void typed_messages(void **state)
{
	(void)state;
	static const char *const messages[] = {NULL, "n16385.tar\0/tmp/x", "dab", "p12345678", "dc", "nbase.tar\0", "dd", "m",
		"d{}"};
	static const size_t lengths[] = {0, 18, 3, 9, 2, 11, 2, 1, 3};
	char out[200];
	assert_int_equal(tell(150020, messages, lengths, COUNT(messages), out, sizeof(out)), 0);
	assert_string_equal(out, EVENTS);
	assert_int_equal(tell(150020, messages, lengths, 0, out, sizeof(out)), HF_E_CORRUPT);
}

static void messages_that_make_no_sense(void **state)
{
	(void)state;
	static const struct {
		const char *message;
		size_t len;
	} bad[] = {{"", 0}, {"x", 1}, {"n", 1}, {"nbase.tar", 9}, {"n.tar\0", 6}, {"n0.tar\0", 7}, {"n1x.tar\0", 8},
		{"n99999999999999999999.tar\0", 26}, {"n4294967296.tar\0", 16}, {"nbase.tar.gz\0", 13}};
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *const messages[] = {NULL, bad[i].message};
		const size_t lengths[] = {0, bad[i].len};
		char out[200];
		assert_int_equal(tell(150020, messages, lengths, 2, out, sizeof(out)), HF_E_CORRUPT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_copy_a_tablespace),
		cmocka_unit_test(typed_messages),
		cmocka_unit_test(messages_that_make_no_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
