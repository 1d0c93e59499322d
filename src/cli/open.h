/*
 * Opening the repository that the command line, the policy and the environment name: HOLDFAST_REPO, HOLDFAST_KEY_FILE, the
 * passphrase's variables (passphrase.h), HOLDFAST_CACHE_DIR, HOLDFAST_STATE_DIR.
 *
 * -r beats --policy, which beats HOLDFAST_REPO. A key file beats a passphrase; of two key files, or two passphrases, the policy's
 * beats the environment's, except with -r: that may name another repository than the policy's.
 */
#ifndef HF_CLI_OPEN_H
#define HF_CLI_OPEN_H

#include "base/buf.h"
#include "cli/cli.h"
#include "repo/repository.h"

/* The repository's URL. HF_E_USAGE if none was given. */
int hf_cli_repo(const struct hf_cli *cli, const char **url, struct hf_error *err) HF_MUST_CHECK;

struct hf_passphrase_options;
/* The passphrase of the repository: the policy's, the environment's, or the terminal's (passphrase.h). */
int hf_cli_passphrase(const struct hf_cli *cli, const struct hf_passphrase_options *ask, struct hf_buf *out,
	struct hf_error *err) HF_MUST_CHECK;

/* What the options say about the way to the store. HF_E_USAGE if one makes no sense. */
int hf_cli_store_options(const struct hf_cli *cli, struct hf_store_open_options *out, struct hf_error *err) HF_MUST_CHECK;

/* Opens it. Afterwards the variables with secrets are out of the environment, so that nothing that we start inherits them. */
int hf_cli_open(struct hf_cli *cli, struct hf_repository **out, struct hf_error *err) HF_MUST_CHECK;

/* Another repository that a command needs beside the first (copy --to, init --like), and what opens it. */
struct hf_cli_other {
	const char *url;
	const char *prefix; /* of variables: PREFIX_KEY_FILE, PREFIX_PASSPHRASE, …_FILE, …_COMMAND */
	const char *key_file, *passphrase_file; /* options, which come before the variables; NULL: not given */
};
/* Opens it; a passphrase is asked for where nothing else is given. To be called before hf_cli_open, which takes the variables with
 * secrets out of the environment. */
int hf_cli_open_other(const struct hf_cli *cli, const struct hf_cli_other *other, struct hf_repository **out,
	struct hf_error *err) HF_MUST_CHECK;

struct hf_policy_place;
/* Opening the copies of a policy. What the environment has of a passphrase is gone from there once a repository is open, so that it
 * is kept here: begin before hf_cli_open, end in any case. */
struct hf_cli_places {
	const struct hf_cli *cli;
	struct hf_buf passphrase;
};
void hf_cli_places_begin(struct hf_cli_places *places, const struct hf_cli *cli);
/* Opens a copy's repository: by its own key file or passphrase, else the policy's passphrase, else what the environment had, else the
 * terminal. `places` is a struct hf_cli_places: so it fits where operations call back. */
int hf_cli_places_open(void *places, const struct hf_policy_place *place, struct hf_repository **out, struct hf_error *err) HF_MUST_CHECK;
/* The passphrase of a copy's repository, found as above; `ask` is for the terminal. */
int hf_cli_places_passphrase(const struct hf_cli_places *places, const struct hf_policy_place *place,
	const struct hf_passphrase_options *ask, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;
void hf_cli_places_end(struct hf_cli_places *places);
#define HF_CLI_PLACES_AUTO __attribute__((cleanup(hf_cli_places_end))) struct hf_cli_places

#endif
