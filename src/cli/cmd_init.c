/* holdfast init */
#include "base/hex.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/init_policy.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "ops/init.h"

#include <stdio.h>

enum { NAME = HF_ARG_OWN, GRACE, LIKE, LIKE_KEY_FILE, LIKE_PASSPHRASE_FILE, DOMAIN };

static const struct hf_option_info options[] = {
	{NAME, "name", "NAME", "the name of the owner's key (default: owner)"},
	{GRACE, "grace", "TIME", "how long unreferenced packs are kept from pruning\n(default: 2d)"},
	{LIKE, "like", "REPO", "cut and name chunks as that repository does, so that copies\nbetween the two need no cutting anew"},
	{LIKE_KEY_FILE, "like-key-file", "FILE", "its key (or HOLDFAST_LIKE_KEY_FILE)"},
	{LIKE_PASSPHRASE_FILE, "like-passphrase-file", "FILE",
		"its passphrase (or HOLDFAST_LIKE_PASSPHRASE, _FILE,\n_COMMAND; or it is asked for)"},
	{DOMAIN, "domain", "NAME", "which domain of it (default: that of the key which opens it)"},
	{0},
};

static int take_grace(struct hf_init_options *o, const char *value, struct hf_error *err)
{
	int64_t grace = 0;
	int r = hf_duration_parse(value, &grace, err);
	if (r == 0 && grace < HF_SECOND)
		return hf_fail(err, HF_E_USAGE, "--grace %s is less than a second", value);
	o->grace_seconds = (uint64_t)(grace / HF_SECOND);
	return r < 0 ? hf_wrap(err, r, "--grace") : 0;
}

static int take(struct hf_init_options *o, struct hf_cli_other *like, int id, const char *value, struct hf_error *err)
{
	switch (id) {
	case NAME:
		o->name = value;
		return 0;
	case GRACE:
		return take_grace(o, value, err);
	case LIKE:
		like->url = value;
		return 0;
	case LIKE_KEY_FILE:
		like->key_file = value;
		return 0;
	case LIKE_PASSPHRASE_FILE:
		like->passphrase_file = value;
		return 0;
	case DOMAIN:
		o->like_domain = value;
		return 0;
	default:
		return hf_fail(err, HF_E_USAGE, "init takes no \"%s\"; name the repository by -r", value);
	}
}

static int parse(const struct hf_cli *cli, struct hf_args *args, struct hf_init_options *o, struct hf_cli_other *like, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0)
		r = id < 0 ? id : take(o, like, id, value, err);
	bool is_alone = !hf_init_is_by_policy(cli) && !like->url;
	if (r == 0 && ((!like->url && (like->key_file || like->passphrase_file)) || (is_alone && o->like_domain)))
		return hf_fail(err, HF_E_USAGE,
			"--like-key-file, --like-passphrase-file and --domain go with --like (--domain with a policy's copies, too)");
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
	HF_REPOSITORY_AUTO *alike = NULL;
	struct hf_init_options o = {0};
	struct hf_cli_other like = {.prefix = "HOLDFAST_LIKE"};
	struct hf_init_result result;
	HF_PASSPHRASE_AUTO passphrase = HF_BUF(HF_PASSPHRASE_MAX);
	char prompt[512];
	int r = parse(cli, args, &o, &like, err);
	if (r == 0)
		r = hf_cli_repo(cli, &o.url, err);
	if (r == 0)
		r = hf_cli_store_options(cli, &o.store, err);
	if (r == 0 && like.url)
		r = hf_cli_open_other(cli, &like, &alike, err);
	if (r < 0)
		return r;
	o.like = alike;
	if (hf_init_is_by_policy(cli))
		return hf_init_by_policy(cli, &o, err);
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
	.arguments = "[OPTION…]",
	.summary = "make a new, empty repository, or all that a policy names",
	.notes = "With --policy, its copies are made too, each so that copying needs no cutting anew; what is there already\n"
		 "is kept. -r names one repository, and makes that alone.\n"
		 "The passphrase comes from HOLDFAST_PASSPHRASE, HOLDFAST_PASSPHRASE_FILE or\n"
		 "HOLDFAST_PASSPHRASE_COMMAND, or is asked for on the terminal.",
	.options = options,
	.run = run,
};
