/* Checking a restored cluster; see postgres.h. */
#include "source/postgres/internal.h"

int hf_pg_check(struct hf_source *source, const struct hf_check_options *options, struct hf_check_report *report,
	struct hf_error *err)
{
	(void)source, (void)options, (void)report;
	return hf_fail(err, HF_E_UNSUPPORTED, "this build can't check PostgreSQL yet");
}
