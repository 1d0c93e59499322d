/* document.h: a YAML text as a tree with places; what is no YAML, or left out on purpose, is named by its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/document.h"

#include <stdio.h>
#include <string.h>

static void a_tree_knows_its_places(void **state)
{
	(void)state;
	static const char text[] = "# comment\na: one\nb:\n  - x\n  - \"two words\"\nc: {d: ~, e: 'null'}\n";
	struct hf_document d;
	assert_int_equal(hf_document_parse("f", text, strlen(text), &d, NULL), 0);
	assert_int_equal(d.root->kind, HF_NODE_MAP);
	const struct hf_node *a = hf_node_get(d.root, "a"), *b = hf_node_get(d.root, "b"), *c = hf_node_get(d.root, "c");
	assert_string_equal(a->text, "one");
	assert_int_equal(a->line, 2);
	assert_int_equal(a->column, 4);
	assert_int_equal(a->key_column, 1);
	assert_int_equal(b->kind, HF_NODE_LIST);
	assert_string_equal(b->first->next->text, "two words");
	assert_int_equal(b->first->next->line, 5);
	assert_null(b->first->next->next);
	assert_true(hf_node_get(c, "d")->is_null);
	assert_false(hf_node_get(c, "e")->is_null);
	assert_null(hf_node_get(c, "f"));
	hf_document_free(&d);
}

static void nothing_is_no_root(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "# only a comment\n", "~", "---\n...\n"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hf_document d;
		assert_int_equal(hf_document_parse("f", cases[i], strlen(cases[i]), &d, NULL), 0);
		assert_null(d.root);
		hf_document_free(&d);
	}
}

static void bad_files_are_named_by_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *place, *says;
	} cases[] = {
		{"a: [1, 2\nb: 3\n", "f:2:", "no YAML"},
		{"a: 1\n\tb: 2\n", "f:2:", "no YAML"},
		{"a: 1\nb: 2\na: 3\n", "f:3:1: ", "second time"},
		{"a: &x 1\nb: *x\n", "f:1:4: ", "anchors"},
		{"a: *x\n", "f:1:4: ", "aliases"},
		{"a: !!int 1\n", "f:1:4: ", "tags"},
		{"a: 1\n---\nb: 2\n", "f:2:", "second document"},
		{"a: \"x\\0y\"\n", "f:1:4: ", "NUL"},
		{"? [a, b]\n: c\n", "f:1:3: ", "key"},
		{"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "f:1:17: ", "deep"},
		{"a: \"\xff\"\n", "f:1:5:", "no YAML"},
		{"a: \"\xc3\xa4\"\nb: \"\xc3\xa4\xff\"\n", "f:2:6:", "no YAML"},
		{"a: b\n\n  c\x01" "d\n", "f:3:4:", "no YAML"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hf_document d;
		struct hf_error err = {0};
		size_t len = strlen(cases[i].text);
		assert_int_equal(hf_document_parse("f", cases[i].text, len, &d, &err), HF_E_USAGE);
		if (strncmp(err.msg, cases[i].place, strlen(cases[i].place)) != 0 || !strstr(err.msg, cases[i].says))
			fail_msg("case %zu: %s", i, err.msg);
		hf_document_free(&d);
	}
}

/* Whatever the bytes are, it ends with a result: each prefix of a document, and each of its bytes replaced. */
static void any_bytes_are_survived(void **state)
{
	(void)state;
	static const char whole[] = "a: {b: [1, \"x\\n\", 'y''z'], c: |\n  text\n}\n? k\n: v\n";
	static const char other[] = "\0\t\n :-?[]{}#&*!|>'\"%@`\xff\x80";
	char text[sizeof(whole)];
	struct hf_document d;
	for (size_t i = 0; i < sizeof(whole); i++) {
		(void)!hf_document_parse("f", whole, i, &d, NULL);
		hf_document_free(&d);
		for (size_t k = 0; k < sizeof(other); k++) {
			memcpy(text, whole, sizeof(whole));
			text[i] = other[k];
			(void)!hf_document_parse("f", text, sizeof(whole) - 1, &d, NULL);
			hf_document_free(&d);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_knows_its_places),
		cmocka_unit_test(nothing_is_no_root),
		cmocka_unit_test(bad_files_are_named_by_their_place),
		cmocka_unit_test(any_bytes_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
