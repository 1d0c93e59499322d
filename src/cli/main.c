/*
 * holdfast: signals, and how a run ends. SIGINT, SIGTERM and SIGHUP ask the work to stop (base/stop.h); it unwinds, cleans up,
 * and the program dies by that signal, so that a shell sees what happened.
 */
#include "base/json.h"
#include "base/stop.h"
#include "cli/args.h"
#include "cli/guardian.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/policy_args.h"
#include "cli/screen.h"
#include "cli/status.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifndef HF_VERSION /* the build says it */
#define HF_VERSION "of no release"
#endif

/* A write to a closed pipe is an error like others, until it is clear that nothing else is at stake (is_only_unread). True if it
 * would have killed us: nobody who started us had SIGPIPE ignored. */
static bool catch_signals(void)
{
	const int asking[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction stop = {.sa_handler = hf_stop_request}, ignore = {.sa_handler = SIG_IGN}, old;
	for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++)
		if (sigaction(asking[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup */
			sigaction(asking[i], &stop, NULL);
	return sigaction(SIGPIPE, &ignore, &old) == 0 && old.sa_handler != SIG_IGN;
}

static void die_by(int signal_number)
{
	sigset_t one;
	signal(signal_number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, signal_number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(signal_number);
}

/* Wrong usage may come before --json was read. */
static bool asks_for_json(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--json") == 0)
			return true;
	return false;
}

static void report(const struct hf_cli *cli, const struct hf_error *err)
{
	hf_screen_error(err->msg);
	if (!cli->json)
		return;
	json_t *error = json_object(), *whole = json_object();
	json_object_set_new(error, "status", json_integer(hf_status_of(err->code)));
	json_object_set_new(error, "message", hf_json_bytes(err->msg, strlen(err->msg)));
	json_object_set_new(whole, "error", error);
	if (hf_print_json(whole, NULL) < 0 || hf_print_finish(NULL) < 0)
		return; /* nowhere left to say it */
}

/* The environment is settled before the screen's thread starts. */
static int run_command(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	int r = hf_policy_args_load(cli, err);
	if (r < 0)
		return r;
	hf_screen_begin(cli);
	r = args->command->run(cli, args, err);
	hf_screen_end();
	return r;
}

/* `holdfast ls latest | head`: the failure `r` is of printing, and that is all that was to be done. */
static bool is_only_unread(const struct hf_args *args, int r)
{
	return r == HF_E_IO && hf_print_has_no_reader() && (!args->command || args->help || args->command->only_shows);
}

static int dispatch(int argc, char **argv, struct hf_cli *cli, bool *unread, struct hf_error *err)
{
	struct hf_args args;
	int r = hf_args_begin(argc, argv, cli, &args, err);
	if (r == 0 && args.help && args.command)
		hf_help_command(args.command);
	else if (r == 0 && args.help)
		hf_help_program();
	else if (r == 0 && args.version)
		hf_print("holdfast %s\n", HF_VERSION);
	else if (r == 0)
		r = run_command(cli, &args, err);
	*unread = is_only_unread(&args, r);
	int finished = hf_print_finish(r < 0 ? NULL : err);
	if (r >= 0 && finished < 0) {
		r = finished;
		*unread = is_only_unread(&args, r);
	}
	hf_args_free(&args);
	hf_policy_args_free(cli);
	return r;
}

int main(int argc, char **argv)
{
	struct hf_cli cli = {.json = asks_for_json(argv)};
	struct hf_error err = {0};
	if (hf_guardian_is_asked(argc, argv))
		return hf_guardian_main();
	bool pipes_kill = catch_signals(), unread = false;
	int r = dispatch(argc, argv, &cli, &unread, &err);
	if (r >= 0)
		return r;
	if (unread && pipes_kill)
		die_by(SIGPIPE);
	err.code = r;
	report(&cli, &err);
	if (hf_stopped())
		die_by(hf_stop_signal());
	return hf_status_of(r);
}
