/*
 * Making a repository: the owner's key, its passphrase slot and certificate, the first configuration, and the rescue files. The
 * configuration is PUT last: until it is there, there is no repository.
 */
#ifndef HF_OPS_INIT_H
#define HF_OPS_INIT_H

#include "repo/repository.h"

struct hf_init_options {
	const char *url;
	struct iovec passphrase;     /* not empty */
	struct hf_store_open_options store; /* connections, limits */
	const char *name;	     /* of the owner's key; NULL: "owner" */
	uint64_t grace_seconds;	     /* 0: the default, 48 h */
	/* Shares chunking and the naming of chunks with a domain of this repository, so that copies between the two need no cutting
	 * anew: the one of this name, or NULL for that of the key that opened it. Whoever knows that domain's keys can test
	 * guesses of what is stored in both. NULL: shares nothing. */
	struct hf_repository *like;
	const char *like_domain;
};

struct hf_init_result {
	struct hf_id repository;
	uint8_t owner_public[32];
	size_t rescue_files; /* stored */
};

/* Whether a repository is at `url`: 1 or 0, or why that can't be told. Changes nothing. */
int hf_init_is_made(const char *url, struct hf_error *err) HF_MUST_CHECK;

/* Whether `repo` shares with `like` what init would make it share, so that copies into it pass as they are: 1 or 0. `domain` as
 * like_domain above. */
int hf_init_is_alike(const struct hf_repository *repo, const struct hf_repository *like, const char *domain,
	struct hf_error *err) HF_MUST_CHECK;

/* HF_E_EXISTS: a repository is there, or the directory holds something else. What a failed or killed attempt left behind is no
 * obstacle to the next. */
int hf_init(const struct hf_init_options *options, struct hf_init_result *out, struct hf_error *err) HF_MUST_CHECK;

#endif
