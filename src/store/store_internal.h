/* The constructors of the drivers: for store.c only. */
#ifndef HF_STORE_STORE_INTERNAL_H
#define HF_STORE_STORE_INTERNAL_H

#include "store/store.h"

int hf_store_open_local(const char *path, const struct hf_store_open_options *options, struct hf_store **out,
	struct hf_error *err) HF_MUST_CHECK;
int hf_store_open_s3(const char *url, const struct hf_store_open_options *options, struct hf_store **out,
	struct hf_error *err) HF_MUST_CHECK;
/* In builds with libs3 only. */
int hf_store_open_libs3(const char *url, const struct hf_store_open_options *options, struct hf_store **out,
	struct hf_error *err) HF_MUST_CHECK;

/* For a directory that is not there: HF_E_IO if it is to lie on a file system that stands in /etc/fstab and is not mounted; 0. */
int hf_store_check_mounted(const char *path, struct hf_error *err) HF_MUST_CHECK;

#endif
