/* holdfast init --policy: the repositories that a policy names, its first and the copies. */
#ifndef HF_CLI_INIT_POLICY_H
#define HF_CLI_INIT_POLICY_H

#include "cli/cli.h"
#include "ops/init.h"

/* A policy says which: one was given, and no -r. */
bool hf_init_is_by_policy(const struct hf_cli *cli);

/* Makes those that are not there; what is there is opened as the nightly job would, told of, and left as it is. `options->url` is the
 * first one's; like and like_domain are for it, else like_domain is the domain of the first one that copies share. Without the
 * first one nothing follows; of the copies each is tried, although another failed. An exit status, that of the first failure, or a
 * negative code where the first one failed. */
int hf_init_by_policy(struct hf_cli *cli, const struct hf_init_options *options, struct hf_error *err) HF_MUST_CHECK;

#endif
