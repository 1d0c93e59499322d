/* Choosing a snapshot; see select_args.h. */
#include "cli/select_args.h"

#include "base/time.h"

int hf_select_arg(struct hf_select_options *s, int id, const char *value, struct hf_error *err)
{
	int r;
	switch (id) {
	case HF_ARG_SOURCE:
		s->source = value;
		return 1;
	case HF_ARG_HOST:
		s->host = value;
		return 1;
	case HF_ARG_AT:
		r = hf_time_parse(value, &s->at, err);
		s->has_at = true;
		return r < 0 ? hf_wrap(err, r, "--at") : 1;
	default:
		return 0;
	}
}
