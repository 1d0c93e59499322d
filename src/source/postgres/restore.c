/* Restoring a cluster; see postgres.h. */
#include "source/postgres/internal.h"

int hf_pg_restore(struct hf_source *source, struct hf_feed *feed, int dirfd, const struct hf_restore_options *options,
	struct hf_restored *out, struct hf_error *err)
{
	(void)source, (void)feed, (void)dirfd, (void)options, (void)out;
	return hf_fail(err, HF_E_UNSUPPORTED, "this build can't restore PostgreSQL yet");
}
