/* The PostgreSQL driver's table, and its open and close; see postgres.h. */
#include "source/postgres/postgres.h"

#include "source/postgres/internal.h"

#include <stdlib.h>
#include <string.h>

static void close_source(struct hf_source *source)
{
	struct hf_pg_source *s = (struct hf_pg_source *)source;
	hf_pg_place_free(&s->place);
	free(s->scratch);
	free(s);
}

static int open_source(const struct hf_source_spec *spec, struct hf_source **out, struct hf_error *err)
{
	/* Restore and check take their options with each call; they are allowed here so that a policy can list them
	 * with the source. */
	static const char *const known[] = {"tablespace-map", "tablespace-root", "check-sql", "preload-libraries",
		"allow-network", NULL};
	int r = hf_options_check(spec->options, spec->option_count, known, spec->kind, err);
	if (r < 0)
		return r;
	struct hf_pg_source *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "open a PostgreSQL source: no memory");
	s->source.driver = &hf_source_postgresql;
	s->scratch = strdup(spec->scratch);
	if (!s->scratch)
		r = hf_fail(err, HF_E_NOMEM, "open a PostgreSQL source: no memory");
	if (r == 0 && spec->location)
		r = hf_pg_place_parse(spec->location, &s->place, err);
	s->has_place = spec->location != NULL;
	if (r < 0) {
		close_source(&s->source);
		return r;
	}
	*out = &s->source;
	return 0;
}

const struct hf_source_driver hf_source_postgresql = {
	.kind = "postgresql",
	.open = open_source,
	.capture = hf_pg_capture,
	.restore = hf_pg_restore,
	.may_replace = hf_pg_may_replace,
	.check = hf_pg_check,
	.close = close_source,
};
