/* What the files of this room share about a PostgreSQL source; the verbs of the driver's table. */
#ifndef HF_SOURCE_POSTGRES_INTERNAL_H
#define HF_SOURCE_POSTGRES_INTERNAL_H

#include "source/postgres/conn.h"
#include "source/source.h"

struct hf_pg_source {
	struct hf_source source;
	struct hf_pg_place place; /* empty without a location */
	bool has_place;
	char *scratch;
};

int hf_pg_capture(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out, struct hf_error *err);
int hf_pg_restore(struct hf_source *source, struct hf_feed *feed, int dirfd, const struct hf_restore_options *options,
	struct hf_restored *out, struct hf_error *err);
int hf_pg_may_replace(int dirfd, struct hf_error *err);
int hf_pg_check(struct hf_source *source, const struct hf_check_options *options, struct hf_check_report *report,
	struct hf_error *err);

#endif
