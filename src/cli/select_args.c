/* Choosing a snapshot; see select_args.h. */
#include "cli/select_args.h"

#include "base/time.h"

/* 1 if `id` is one of them, and is taken into `s`; 0 if not. */
static int take_arg(struct hf_select_options *s, int id, const char *value, struct hf_error *err)
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

int hf_select_parse(struct hf_args *args, struct hf_select_options *s, hf_select_take *take, void *user, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r >= 0 && (id = hf_args_next(args, &value, err)) != 0) {
		r = id < 0 ? id : take_arg(s, id, value, err);
		if (r != 0)
			continue;
		if (id == HF_ARG_OPERAND && !s->selector)
			s->selector = value;
		else
			r = take(user, id, value, err);
	}
	return r < 0 ? r : 0;
}

int hf_select_require(const struct hf_select_options *s, struct hf_error *err)
{
	return s->selector ? 0 : hf_fail(err, HF_E_USAGE, "which snapshot? Give its id, \"latest\" or \"latest:NAME\"");
}
