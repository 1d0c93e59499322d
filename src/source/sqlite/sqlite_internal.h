/* What the files of the sqlite driver share: the source itself and its three verbs. */
#ifndef HF_SOURCE_SQLITE_INTERNAL_H
#define HF_SOURCE_SQLITE_INTERNAL_H

#include "source/source.h"

enum hf_sqlite_check { HF_SQLITE_CHECK_QUICK, HF_SQLITE_CHECK_FULL, HF_SQLITE_CHECK_NONE };

struct hf_sqlite {
	struct hf_source source; /* must be first */
	char *name;
	char *path; /* NULL when only restoring or checking */
	char *scratch;
	enum hf_sqlite_check check;
	bool direct, no_row_counts;
	uint64_t wal_limit; /* 0: the default */
	int64_t busy_ns;    /* 0: the default */
};

int hf_sqlite_capture(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out, struct hf_error *err)
	HF_MUST_CHECK;
int hf_sqlite_restore(struct hf_source *source, struct hf_feed *feed, int dirfd,
	const struct hf_restore_options *options, struct hf_restored *out, struct hf_error *err) HF_MUST_CHECK;
int hf_sqlite_may_replace(int dirfd, struct hf_error *err) HF_MUST_CHECK;
int hf_sqlite_check(struct hf_source *source, const struct hf_check_options *options, struct hf_check_report *report,
	struct hf_error *err) HF_MUST_CHECK;

#endif
