/* Choosing the snapshot that a command works on. */
#ifndef HF_CLI_CHOOSE_H
#define HF_CLI_CHOOSE_H

#include "cli/select_args.h"

struct hf_choice {
	struct hf_catalogue catalogue; /* with its snapshots */
	const struct hf_point *point;  /* in it */
	const char *source;	       /* as hf_catalogue_select has it */
};

/* With a policy "latest" is the newest that holds any of its sources, by its host if it names one; --host and latest:NAME say more. */
void hf_choose_by_policy(const struct hf_cli *cli, struct hf_select_options *select);

/* Loads the catalogue, warns of what is wrong with it, and chooses. HF_E_KEY if this key can't read data: `what` says what for. Free
 * with hf_choice_free, also after failure. */
int hf_choose(struct hf_repository *repo, const struct hf_select_options *select, const char *what,
	struct hf_choice *out, struct hf_error *err) HF_MUST_CHECK;
void hf_choice_free(struct hf_choice *c);

#endif
