/*
 * The sheet for paper: what to check the rescue files against before they are run, when nothing but a copy of the repository is
 * left. The sums come from the key that opened the repository, where the owner put them, and not from the store.
 */
#ifndef HF_OPS_KEY_SHEET_H
#define HF_OPS_KEY_SHEET_H

#include "repo/repository.h"

struct hf_key_sheet_file {
	char *name;	 /* "rescue.py" */
	char sha256[65]; /* hexadecimal */
	bool is_there;	 /* the repository holds it so, signed by the owner */
};

struct hf_key_sheet {
	char owner[65], repository[HF_ID_TEXT];
	struct hf_key_sheet_file *files;
	size_t count;
};

/* Any key may ask. HF_E_NOTFOUND if the key knows of no rescue files. Free with hf_key_sheet_free, also after failure. */
int hf_key_sheet(struct hf_repository *repo, struct hf_key_sheet *out, struct hf_error *err) HF_MUST_CHECK;
void hf_key_sheet_free(struct hf_key_sheet *sheet);

/* A line for a shell, in the directory that holds the copy of the repository `REPO`: takes the files out of their objects into
 * the current directory, under the names of the objects, and prints the sum of each. */
extern const char hf_key_sheet_line[];

#endif
