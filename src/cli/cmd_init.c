/* holdfast init */
#include "base/hex.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "ops/init.h"

#include <stdio.h>

enum { NAME = HF_ARG_OWN, GRACE };

static const struct hf_option_info options[] = {
	{NAME, "name", "NAME", "the name of the owner's key (default: owner)"},
	{GRACE, "grace", "TIME", "how long unreferenced packs are kept from pruning\n(default: 2d)"},
	{0},
};

static int parse(struct hf_args *args, struct hf_init_options *o, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0) {
		int64_t grace = 0;
		if (id < 0)
			return id;
		if (id == HF_ARG_OPERAND)
			return hf_fail(err, HF_E_USAGE, "init takes no \"%s\"; name the repository by -r", value);
		if (id == NAME)
			o->name = value;
		else
			r = hf_duration_parse(value, &grace, err);
		if (id == GRACE && r == 0 && grace < HF_SECOND)
			return hf_fail(err, HF_E_USAGE, "--grace %s is less than a second", value);
		if (id == GRACE)
			o->grace_seconds = (uint64_t)(grace / HF_SECOND);
	}
	return r < 0 ? r : hf_args_no_rest(args, err);
}

static int print(const struct hf_cli *cli, const char *url, const struct hf_init_result *result, struct hf_error *err)
{
	char id[HF_ID_TEXT], owner[65];
	hf_hex(result->repository.b, HF_ID_SIZE, id);
	hf_hex(result->owner_public, sizeof(result->owner_public), owner);
	if (cli->json) {
		json_t *j = json_object();
		json_object_set_new(j, "repository", json_string(id));
		json_object_set_new(j, "url", hf_json_bytes(url, strlen(url)));
		json_object_set_new(j, "owner_public", json_string(owner));
		return hf_print_json(j, err);
	}
	if (cli->quiet)
		return 0;
	hf_print("Made repository %s at %s.\nOwner's public key: %s\n"
		 "Without its passphrase (or a key file, see holdfast key) nothing in it can be read again.\n", id, url, owner);
	return 0;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct hf_init_options o = {0};
	struct hf_init_result result;
	HF_PASSPHRASE_AUTO passphrase = HF_BUF(HF_PASSPHRASE_MAX);
	char prompt[512];
	int r = parse(args, &o, err);
	if (r == 0)
		r = hf_cli_repo(cli, &o.url, err);
	if (r < 0)
		return r;
	snprintf(prompt, sizeof(prompt), "New passphrase for %s", o.url);
	const struct hf_passphrase_options ask = {.prompt = prompt, .twice = true};
	r = hf_cli_passphrase(cli, &ask, &passphrase, err);
	o.passphrase = (struct iovec){passphrase.data, passphrase.len};
	if (r == 0)
		r = hf_init(&o, &result, err);
	return r < 0 ? r : print(cli, o.url, &result, err);
}

const struct hf_command hf_cmd_init = {
	.name = "init",
	.arguments = "[--name NAME]",
	.summary = "make a new, empty repository",
	.notes = "The passphrase comes from HOLDFAST_PASSPHRASE, HOLDFAST_PASSPHRASE_FILE or\n"
		 "HOLDFAST_PASSPHRASE_COMMAND, or is asked for on the terminal.",
	.options = options,
	.run = run,
};
