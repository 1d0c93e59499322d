/* passphrase.h: each place that it may come from, and a real terminal (a pty) that shows nothing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/stop.h"
#include "cli/passphrase.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const variables[] = {"HOLDFAST_PASSPHRASE", "HOLDFAST_PASSPHRASE_FILE",
	"HOLDFAST_PASSPHRASE_COMMAND", "HOLDFAST_NEW_PASSPHRASE", "HOLDFAST_NEW_PASSPHRASE_FILE",
	"HOLDFAST_NEW_PASSPHRASE_COMMAND"};

static int clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	return 0;
}

static void gives(const char *expected)
{
	HF_PASSPHRASE_AUTO p = HF_BUF(HF_PASSPHRASE_MAX);
	struct hf_error err = {0};
	if (hf_passphrase_get(&(struct hf_passphrase_options){.prompt = "Passphrase"}, &p, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(p.len, strlen(expected));
	assert_memory_equal(p.data, expected, p.len);
}

static void refuses(const char *because)
{
	HF_PASSPHRASE_AUTO p = HF_BUF(HF_PASSPHRASE_MAX);
	struct hf_error err = {0};
	assert_int_equal(hf_passphrase_get(&(struct hf_passphrase_options){.prompt = "Passphrase"}, &p, &err),
		HF_E_KEY);
	assert_int_equal(err.code, HF_E_KEY);
	if (!strstr(err.msg, because))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, because);
}

static void file_with(char path[32], const char *text, size_t len)
{
	strcpy(path, "/tmp/test-passphrase-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	setenv("HOLDFAST_PASSPHRASE_FILE", path, 1);
}

static void from_the_environment(void **state)
{
	(void)state;
	setenv("HOLDFAST_PASSPHRASE", " correct horse\n", 1);
	gives(" correct horse\n"); /* taken as it is */
	setenv("HOLDFAST_PASSPHRASE", "", 1);
	refuses("HOLDFAST_PASSPHRASE is empty");
}

static void from_a_file(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cases[] = {{"horse", "horse"}, {"horse\n", "horse"}, {"horse\r\n", "horse"},
		{"horse\n\n", "horse\n"}, {"horse\r", "horse\r"}, {" two words \n", " two words "}};
	char path[32];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		file_with(path, cases[i].text, strlen(cases[i].text));
		gives(cases[i].expected);
		unlink(path);
	}
	refuses(path); /* it is gone */
	file_with(path, "\n", 1);
	refuses("HOLDFAST_PASSPHRASE_FILE is empty");
	unlink(path);
}

static void lengths_are_bounded(void **state)
{
	(void)state;
	char path[32], text[HF_PASSPHRASE_MAX + 3];
	memset(text, 'x', sizeof(text));
	text[HF_PASSPHRASE_MAX] = '\n';
	file_with(path, text, HF_PASSPHRASE_MAX + 1);
	text[HF_PASSPHRASE_MAX] = 0;
	gives(text);
	unlink(path);
	memset(text, 'x', sizeof(text));
	for (size_t len = HF_PASSPHRASE_MAX + 1; len <= sizeof(text); len++) {
		file_with(path, text, len);
		refuses("HOLDFAST_PASSPHRASE_FILE");
		unlink(path);
	}
	clean(NULL);
	setenv("HOLDFAST_PASSPHRASE_COMMAND", "head -c 1025 /dev/zero", 1);
	refuses("longer than 1024");
}

static void from_a_command(void **state)
{
	(void)state;
	setenv("HOLDFAST_PASSPHRASE_COMMAND", "printf 'correct %s\\n' horse", 1);
	gives("correct horse");
	setenv("HOLDFAST_PASSPHRASE_COMMAND", "echo secret; echo 'the vault is sealed' >&2; exit 3", 1);
	refuses("status 3: the vault is sealed");
	setenv("HOLDFAST_PASSPHRASE_COMMAND", "true", 1);
	refuses("HOLDFAST_PASSPHRASE_COMMAND is empty");
}

static void the_first_that_is_set_counts(void **state)
{
	(void)state;
	char path[32];
	setenv("HOLDFAST_PASSPHRASE_COMMAND", "echo command", 1);
	gives("command");
	file_with(path, "file\n", 5);
	gives("file");
	setenv("HOLDFAST_PASSPHRASE", "itself", 1);
	gives("itself");
	unlink(path);
}

static void a_new_one_has_names_of_its_own(void **state)
{
	(void)state;
	struct hf_passphrase_options options = {
		.name = "HOLDFAST_NEW_PASSPHRASE", .prompt = "New passphrase"};
	HF_PASSPHRASE_AUTO p = HF_BUF(HF_PASSPHRASE_MAX);
	setenv("HOLDFAST_PASSPHRASE", "old", 1);
	setenv("HOLDFAST_NEW_PASSPHRASE_COMMAND", "echo new", 1);
	assert_int_equal(hf_passphrase_get(&options, &p, NULL), 0);
	assert_int_equal(p.len, 3);
	assert_memory_equal(p.data, "new", 3);
}

static void scrubbing_leaves_no_secret(void **state)
{
	(void)state;
	setenv("HOLDFAST_PASSPHRASE", "itself", 1);
	setenv("HOLDFAST_NEW_PASSPHRASE", "new", 1);
	hf_passphrase_scrub_environment();
	assert_null(getenv("HOLDFAST_PASSPHRASE"));
	assert_null(getenv("HOLDFAST_NEW_PASSPHRASE"));
}

/* --- the terminal
 * ------------------------------------------------------------------------------------------- */

/* In a session of its own, with the pty as its terminal: asks, writes what it got (or the message) to
 * `report`. */
static void child(int report, bool twice)
{
	HF_PASSPHRASE_AUTO p = HF_BUF(HF_PASSPHRASE_MAX);
	struct hf_error err = {0};
	struct hf_passphrase_options options = {.prompt = "Passphrase of /srv", .twice = twice};
	signal(SIGINT, hf_stop_request);
	int r = hf_passphrase_get(&options, &p, &err);
	if (r < 0)
		dprintf(report, "%d %s", r, err.msg);
	else
		dprintf(report, "got %.*s", (int)p.len, (const char *)p.data);
	hf_passphrase_free(&p);
}

/* Reads what the terminal shows until `text` is in it (collected in `shown`). */
static void await(int terminal, char *shown, size_t max, const char *text)
{
	size_t len = strlen(shown);
	while (!strstr(shown, text)) {
		ssize_t n = read(terminal, shown + len, max - len - 1);
		if (n <= 0)
			fail_msg("the terminal closed before it showed \"%s\", but: %s", text, shown);
		len += (size_t)n;
		shown[len] = 0;
	}
}

static void talk(
	bool twice, const char *const *prompts, const char *const *answers, char *result, char *shown)
{
	int report[2], terminal;
	assert_int_equal(pipe(report), 0);
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		child(report[1], twice);
		_exit(0);
	}
	close(report[1]);
	shown[0] = 0;
	for (size_t i = 0; prompts[i]; i++) {
		await(terminal, shown, 2000, prompts[i]);
		assert_int_equal(write(terminal, answers[i], strlen(answers[i])), strlen(answers[i]));
	}
	ssize_t n, len = 0;
	while ((n = read(report[0], result + len, (size_t)(1999 - len))) > 0)
		len += n;
	result[len] = 0;
	close(report[0]);
	close(terminal);
	waitpid(pid, NULL, 0);
}

static void a_terminal_is_asked_without_echo(void **state)
{
	(void)state;
	char result[2000], shown[2000];
	talk(false, (const char *const[]){"Passphrase of /srv: ", NULL},
		(const char *const[]){"hunter two\n"}, result, shown);
	assert_string_equal(result, "got hunter two");
	assert_null(strstr(shown, "hunter"));
}

static void a_new_one_is_asked_twice(void **state)
{
	(void)state;
	static const char *const prompts[] = {"Passphrase of /srv: ", "Passphrase of /srv, again: ", NULL};
	char result[2000], shown[2000];
	talk(true, prompts, (const char *const[]){"hunter two\n", "hunter two\n"}, result, shown);
	assert_string_equal(result, "got hunter two");
	talk(true, prompts, (const char *const[]){"hunter two\n", "hunter three\n"}, result, shown);
	assert_non_null(strstr(result, "the two passphrases differ"));
	assert_null(strstr(shown, "hunter"));
}

static void an_empty_answer_is_refused(void **state)
{
	(void)state;
	char result[2000], shown[2000];
	talk(false, (const char *const[]){"/srv: ", NULL}, (const char *const[]){"\n"}, result, shown);
	assert_non_null(strstr(result, "the passphrase from the terminal is empty"));
	talk(false, (const char *const[]){"/srv: ", NULL}, (const char *const[]){"\004"}, result, shown);
	assert_non_null(strstr(result, "the passphrase from the terminal is empty"));
}

static void control_c_stops_the_asking(void **state)
{
	(void)state;
	char result[2000], shown[2000];
	talk(false, (const char *const[]){"/srv: ", NULL}, (const char *const[]){"half\003"}, result, shown);
	assert_non_null(strstr(result, "stopped by signal 2"));
}

/* Without a terminal it says what to set. */
static void without_a_terminal_it_says_what_to_set(void **state)
{
	(void)state;
	int report[2];
	char result[2000];
	assert_int_equal(pipe(report), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setsid();
		child(report[1], false);
		_exit(0);
	}
	close(report[1]);
	ssize_t n = read(report[0], result, sizeof(result) - 1);
	assert_true(n > 0);
	result[n] = 0;
	assert_non_null(strstr(result, "HOLDFAST_PASSPHRASE_FILE"));
	close(report[0]);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(from_the_environment, clean),
		cmocka_unit_test_setup(from_a_file, clean),
		cmocka_unit_test_setup(lengths_are_bounded, clean),
		cmocka_unit_test_setup(from_a_command, clean),
		cmocka_unit_test_setup(the_first_that_is_set_counts, clean),
		cmocka_unit_test_setup(a_new_one_has_names_of_its_own, clean),
		cmocka_unit_test_setup(scrubbing_leaves_no_secret, clean),
		cmocka_unit_test_setup(a_terminal_is_asked_without_echo, clean),
		cmocka_unit_test_setup(a_new_one_is_asked_twice, clean),
		cmocka_unit_test_setup(an_empty_answer_is_refused, clean),
		cmocka_unit_test_setup(control_c_stops_the_asking, clean),
		cmocka_unit_test_setup(without_a_terminal_it_says_what_to_set, clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
