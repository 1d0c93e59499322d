/* A policy's drill; see policy_drill.h. */
#include "ops/policy_drill.h"

#include <string.h>

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

/* "NAME:SQL", or the libraries with commas between. */
static const char *join(struct hf_arena *a, const char *const *texts, size_t count, char between)
{
	size_t len = 1;
	for (size_t i = 0; i < count; i++)
		len += strlen(texts[i]) + 1;
	char *out = hf_arena_alloc(a, len), *at = out;
	for (size_t i = 0; out && i < count; i++) {
		if (i)
			*at++ = between;
		at = stpcpy(at, texts[i]);
	}
	return out;
}

static size_t count_sql(const struct hf_policy *policy)
{
	size_t n = 0;
	for (size_t i = 0; i < policy->drill.sql.count; i++)
		n += policy->drill.sql.items[i].texts.count;
	return n;
}

/* Checks of a source that is not drilled (--source) are none of its business. */
static int add_sql(const struct hf_policy *policy, struct hf_arena *a, const char *source, struct hf_option *options,
	size_t *count, struct hf_error *err)
{
	for (size_t i = 0; i < policy->drill.sql.count; i++) {
		const struct hf_named_texts *of = &policy->drill.sql.items[i];
		for (size_t k = 0; k < of->texts.count; k++) {
			const char *parts[] = {of->name, of->texts.items[k]};
			if (source && strcmp(source, of->name) != 0)
				continue;
			options[*count] = (struct hf_option){"check-sql", join(a, parts, 2, ':')};
			if (!options[(*count)++].value)
				return no_memory(err);
		}
	}
	return 0;
}

int hf_policy_drill_options(const struct hf_policy *policy, struct hf_arena *arena, struct hf_drill_options *out,
	struct hf_error *err)
{
	size_t count = out->option_count;
	const struct hf_texts *libraries = &policy->drill.preload_libraries;
	struct hf_option *options = hf_arena_alloc(arena, (count + count_sql(policy) + 2) * sizeof(*options));
	if (!options)
		return no_memory(err);
	if (count)
		memcpy(options, out->options, count * sizeof(*options));
	int r = add_sql(policy, arena, out->source, options, &count, err);
	if (r == 0 && libraries->count)
		options[count++] = (struct hf_option){"preload-libraries", join(arena, libraries->items, libraries->count, ',')};
	if (r == 0 && libraries->count && !options[count - 1].value)
		r = no_memory(err);
	if (policy->drill.allow_network)
		options[count++] = (struct hf_option){"allow-network", "true"};
	out->options = options;
	out->option_count = count;
	out->files = &policy->drill.files;
	out->command = hf_policy_has_command(&policy->drill.command) && !out->source ? &policy->drill.command : NULL;
	out->policy_path = policy->path;
	out->rto_objective = out->rto_objective ? out->rto_objective : policy->objectives.rto;
	out->rpo_objective = out->rpo_objective ? out->rpo_objective : policy->objectives.rpo;
	out->scratch = out->scratch ? out->scratch : policy->scratch;
	return r;
}
