/* args.h: global options on both sides of the command, operands in their places, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/args.h"

#include <string.h>

enum { WORDS_MAX = 16 };

static struct hf_cli cli;
static struct hf_args args;

/* Parses "holdfast WORD…", the words parted by blanks. */
static int begin(const char *line, struct hf_error *err)
{
	static char text[256];
	static char *words[WORDS_MAX];
	int n = 0;
	cli = (struct hf_cli){0};
	strncpy(text, line, sizeof(text) - 1);
	words[n++] = text + sizeof(text) - 1;
	for (char *w = strtok(text, " "); w && n < WORDS_MAX - 1; w = strtok(NULL, " "))
		words[n++] = w;
	words[n] = NULL;
	return hf_args_begin(n, words, &cli, &args, err);
}

static int tear_down(void **state)
{
	(void)state;
	hf_args_free(&args);
	return 0;
}

static void globals_stand_on_both_sides(void **state)
{
	(void)state;
	static const char *const lines[] = {"-r here --json snapshots", "snapshots --json -r here", "--repo=here snapshots --js",
		"--json snapshots --repo here"};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(begin(lines[i], NULL), 0);
		assert_ptr_equal(args.command, &hf_cmd_snapshots);
		assert_string_equal(cli.repo, "here");
		assert_true(cli.json);
		assert_false(cli.quiet);
		const char *value;
		assert_int_equal(hf_args_next(&args, &value, NULL), 0);
		hf_args_free(&args);
	}
	assert_int_equal(begin("-r first snapshots -r last", NULL), 0);
	assert_string_equal(cli.repo, "last");
}

static void quiet_has_a_letter(void **state)
{
	(void)state;
	assert_int_equal(begin("-q snapshots", NULL), 0);
	assert_true(cli.quiet);
	hf_args_free(&args);
	assert_int_equal(begin("snapshots -qr here", NULL), 0);
	assert_true(cli.quiet);
	assert_string_equal(cli.repo, "here");
}

static void words_come_in_order(void **state)
{
	(void)state;
	const char *value;
	assert_int_equal(begin("backup a --json --name x b --tag=t -- cat --json -r y", NULL), 0);
	assert_true(cli.json);
	assert_null(cli.repo); /* what follows the dashes is not ours */
	assert_int_equal(hf_args_next(&args, &value, NULL), HF_ARG_OPERAND);
	assert_string_equal(value, "a");
	assert_true(hf_args_next(&args, &value, NULL) >= HF_ARG_OWN);
	assert_string_equal(value, "x");
	assert_int_equal(hf_args_next(&args, &value, NULL), HF_ARG_OPERAND);
	assert_string_equal(value, "b");
	assert_true(hf_args_next(&args, &value, NULL) >= HF_ARG_OWN);
	assert_string_equal(value, "t");
	assert_int_equal(hf_args_next(&args, &value, NULL), 0);
	char **rest = hf_args_rest(&args);
	assert_non_null(rest);
	assert_string_equal(rest[0], "cat");
	assert_string_equal(rest[3], "y");
	assert_null(rest[4]);
	assert_int_equal(hf_args_no_rest(&args, NULL), HF_E_USAGE);
}

static void without_dashes_there_is_no_rest(void **state)
{
	(void)state;
	const char *value;
	assert_int_equal(begin("forget a b", NULL), 0);
	while (hf_args_next(&args, &value, NULL) > 0)
		;
	assert_null(hf_args_rest(&args));
	assert_int_equal(hf_args_no_rest(&args, NULL), 0);
}

static void what_is_refused_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *line, *named;
	} cases[] = {
		{"", "command"},
		{"--json", "command"},
		{"nosuchcommand", "nosuchcommand"},
		{"--nosuchoption init", "--nosuchoption"},
		{"init --nosuchoption", "--nosuchoption"},
		{"snapshots -Z", "-Z"},
		{"snapshots -r", "-r"},
		{"snapshots --host", "--host"},
		{"--tag x backup a", "--tag"}, /* options of a command stand after it */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hf_error err = {0};
		assert_int_equal(begin(cases[i].line, &err), HF_E_USAGE);
		assert_non_null(strstr(err.msg, cases[i].named));
		hf_args_free(&args);
	}
}

static void help_and_version_need_no_command(void **state)
{
	(void)state;
	assert_int_equal(begin("--help", NULL), 0);
	assert_true(args.help && !args.command);
	hf_args_free(&args);
	assert_int_equal(begin("--version", NULL), 0);
	assert_true(args.version);
	hf_args_free(&args);
	assert_int_equal(begin("forget --help", NULL), 0);
	assert_true(args.help && args.command == &hf_cmd_forget);
	hf_args_free(&args);
	assert_int_equal(begin("key add --read --help", NULL), 0); /* where a file's name should be */
	assert_true(args.help && args.command == &hf_cmd_key);
	hf_args_free(&args);
	assert_int_equal(begin("-r --help", NULL), 0);
	assert_true(args.help);
	hf_args_free(&args);
	static const char *const files[] = {"key add --read=--help", "key add --read ./--help", "key add -- --help"};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(begin(files[i], NULL), 0);
		assert_false(args.help);
		hf_args_free(&args);
	}
}

static void every_command_has_a_sound_table(void **state)
{
	(void)state;
	for (const struct hf_command *const *c = hf_commands; *c; c++) {
		assert_non_null((*c)->run);
		assert_true(*(*c)->summary && (*c)->arguments);
		for (const struct hf_option_info *o = (*c)->options; o && o->id; o++) {
			assert_true(*o->name && *o->help);
			for (const struct hf_option_info *g = hf_global_options; g->id; g++)
				assert_true(g->id != o->id && strcmp(g->name, o->name) != 0);
			for (const struct hf_option_info *p = (*c)->options; p != o; p++)
				assert_true(p->id != o->id && strcmp(p->name, o->name) != 0);
		}
	}
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(globals_stand_on_both_sides),
		TEST(quiet_has_a_letter),
		TEST(words_come_in_order),
		TEST(without_dashes_there_is_no_rest),
		TEST(what_is_refused_is_named),
		TEST(help_and_version_need_no_command),
		TEST(every_command_has_a_sound_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
