/* hook.h: a hook's output goes to the log, its status and its time are watched, and what must run runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "ops/hook.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static char logged[4096];

static void take_line(enum hf_log_level level, const char *line, void *user)
{
	(void)level;
	(void)user;
	size_t len = strlen(logged);
	snprintf(logged + len, sizeof(logged) - len, "%s\n", line);
}

static int begin(void **state)
{
	(void)state;
	logged[0] = 0;
	hf_stop_reset();
	hf_log_set(take_line, NULL, HF_LOG_INFO);
	return 0;
}

static int run(const char *sh, const struct hf_hook_options *options, struct hf_error *err)
{
	const struct hf_policy_command hook = {.sh = sh, .timeout = 60 * HF_SECOND};
	return hf_hook_run(&hook, options, err);
}

static const struct hf_hook_options plain = {.stage = "before"};

static void output_is_logged_by_the_line(void **state)
{
	(void)state;
	assert_int_equal(run("echo one; echo two >&2; printf 'thr\\033ee'", &plain, NULL), 0);
	assert_string_equal(logged, "hook before: one\nhook before: two\nhook before: thr?ee\n");
}

static void a_program_gets_its_arguments_as_they_are(void **state)
{
	(void)state;
	const char *items[] = {"printf", "%s|", "a b", "$x", NULL};
	const struct hf_policy_command hook = {.run = {items, items, 4}};
	assert_int_equal(hf_hook_run(&hook, &plain, NULL), 0);
	assert_string_equal(logged, "hook before: a b|$x|\n");
}

static void it_finds_its_variables(void **state)
{
	(void)state;
	const char *const variables[] = {"HOLDFAST_POLICY=p", NULL};
	const struct hf_hook_options o = {.stage = "after", .variables = variables, .directory = "/"};
	assert_int_equal(run("echo $HOLDFAST_HOOK $HOLDFAST_POLICY ${PATH:+path} $PWD", &o, NULL), 0);
	assert_string_equal(logged, "hook after: after p path /\n");
}

static void failures_are_told(void **state)
{
	(void)state;
	struct hf_error err = {0};
	assert_int_equal(run("exit 3", &plain, &err), HF_E_IO);
	assert_non_null(strstr(err.msg, "\"exit 3\": it ended with status 3"));
	const char *items[] = {"/nonexistent", NULL};
	const struct hf_policy_command hook = {.run = {items, items, 1}};
	assert_int_equal(hf_hook_run(&hook, &plain, &err), HF_E_NOTFOUND);
}

static void it_is_ended_when_its_time_is_over(void **state)
{
	(void)state;
	struct hf_error err = {0};
	const struct hf_policy_command hook = {.sh = "echo begun; sleep 1000", .timeout = HF_SECOND / 5};
	assert_int_equal(hf_hook_run(&hook, &plain, &err), HF_E_IO);
	assert_non_null(strstr(err.msg, "timeout"));
	assert_string_equal(logged, "hook before: begun\n");
}

static void what_it_leaves_behind_is_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(run("sleep 1000 & echo $!", &plain, NULL), 0);
	int pid = 0;
	assert_int_equal(sscanf(logged, "hook before: %d", &pid), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void being_told_to_stop_ends_all_but_what_must_run(void **state)
{
	(void)state;
	const struct hf_hook_options always = {.stage = "thaw", .whatever_happened = true};
	hf_stop_request(SIGTERM);
	assert_int_equal(run("sleep 1000", &plain, NULL), HF_E_STOPPED);
	assert_int_equal(run("echo thawed", &always, NULL), 0);
	assert_string_equal(logged, "hook thaw: thawed\n");
	hf_stop_reset();
}

static void a_list_ends_at_the_first_failure_or_runs_whatever_happened(void **state)
{
	(void)state;
	struct hf_error err = {0};
	struct hf_policy_command items[] = {{.sh = "echo 1"}, {.sh = "exit 2"}, {.sh = "echo 3"}, {.sh = "exit 4"}};
	const struct hf_groups list = {items, 4};
	const struct hf_hook_options always = {.stage = "thaw", .whatever_happened = true};
	assert_int_equal(hf_hooks_run(&list, &plain, &err), HF_E_IO);
	assert_string_equal(logged, "hook before: 1\n");
	logged[0] = 0;
	assert_int_equal(hf_hooks_run(&list, &always, &err), HF_E_IO);
	assert_non_null(strstr(err.msg, "status 2"));
	assert_non_null(strstr(logged, "hook thaw: 3\n"));
	assert_non_null(strstr(logged, "status 4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(output_is_logged_by_the_line, begin),
		cmocka_unit_test_setup(a_program_gets_its_arguments_as_they_are, begin),
		cmocka_unit_test_setup(it_finds_its_variables, begin),
		cmocka_unit_test_setup(failures_are_told, begin),
		cmocka_unit_test_setup(it_is_ended_when_its_time_is_over, begin),
		cmocka_unit_test_setup(what_it_leaves_behind_is_not_waited_for, begin),
		cmocka_unit_test_setup(being_told_to_stop_ends_all_but_what_must_run, begin),
		cmocka_unit_test_setup(a_list_ends_at_the_first_failure_or_runs_whatever_happened, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
