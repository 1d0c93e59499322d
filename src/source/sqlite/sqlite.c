/* The sqlite driver's table, and its options; see sqlite.h. */
#include "source/sqlite/sqlite.h"

#include "base/size.h"
#include "base/time.h"
#include "source/sqlite/location.h"
#include "source/sqlite/sqlite_internal.h"

#include <stdlib.h>
#include <string.h>

static void sqlite_close(struct hf_source *source)
{
	struct hf_sqlite *s = (struct hf_sqlite *)source;
	free(s->name);
	free(s->path);
	free(s->scratch);
	free(s);
}

static int choose(const char *name, const char *value, const char *const *choices, size_t *out, struct hf_error *err)
{
	for (size_t i = 0; choices[i]; i++) {
		if (value && strcmp(value, choices[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	if (!value)
		return 0;
	return hf_fail(err, HF_E_USAGE, "option %s: \"%s\" is none of %s, %s%s%s", name, value, choices[0], choices[1],
		choices[2] ? ", " : "", choices[2] ? choices[2] : "");
}

static int read_options(struct hf_sqlite *s, const struct hf_source_spec *spec, struct hf_error *err)
{
	static const char *const known[] = {"direct", "check", "row-counts", "wal-limit", "busy-timeout", NULL};
	static const char *const checks[] = {"quick", "full", "none", NULL};
	static const char *const switches[] = {"on", "off", NULL};
	static const char *const flags[] = {"false", "true", NULL};
	const struct hf_option *o = spec->options;
	size_t n = spec->option_count;
	size_t check = 0;
	size_t off = 0;
	size_t direct = 0;
	int r = hf_options_check(o, n, known, "sqlite", err);
	if (r == 0)
		r = choose("check", hf_option_value(o, n, "check"), checks, &check, err);
	if (r == 0)
		r = choose("row-counts", hf_option_value(o, n, "row-counts"), switches, &off, err);
	if (r == 0)
		r = choose("direct", hf_option_value(o, n, "direct"), flags, &direct, err);
	s->check = (enum hf_sqlite_check)check;
	s->no_row_counts = off == 1;
	s->direct = direct == 1;
	const char *limit = hf_option_value(o, n, "wal-limit");
	const char *busy = hf_option_value(o, n, "busy-timeout");
	if (r == 0 && limit)
		r = hf_size_parse(limit, &s->wal_limit, err);
	if (r == 0 && busy)
		r = hf_duration_parse(busy, &s->busy_ns, err);
	return r;
}

static int sqlite_open(const struct hf_source_spec *spec, struct hf_source **out, struct hf_error *err)
{
	struct hf_sqlite *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	s->source.driver = &hf_source_sqlite;
	s->name = strdup(spec->name);
	s->scratch = strdup(spec->scratch);
	int r = s->name && s->scratch ? read_options(s, spec, err) : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0 && spec->location)
		r = hf_sqlite_location(spec->location, &s->path, err);
	if (r < 0) {
		sqlite_close(&s->source);
		return r;
	}
	*out = &s->source;
	return 0;
}

const struct hf_source_driver hf_source_sqlite = {
	.kind = "sqlite",
	.is_ordered = true,
	.open = sqlite_open,
	.capture = hf_sqlite_capture,
	.restore = hf_sqlite_restore,
	.may_replace = hf_sqlite_may_replace,
	.check = hf_sqlite_check,
	.close = sqlite_close,
};
