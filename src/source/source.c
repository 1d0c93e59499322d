/* What all drivers share: options and check reports; see source.h. */
#include "source/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hf_option_value(const struct hf_option *options, size_t count, const char *name)
{
	const char *value = NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].name, name) == 0)
			value = options[i].value;
	return value;
}

int hf_options_check(const struct hf_option *options, size_t count, const char *const *known, const char *kind,
	struct hf_error *err)
{
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		while (known[k] && strcmp(known[k], options[i].name) != 0)
			k++;
		if (!known[k])
			return hf_fail(err, HF_E_USAGE, "a %s source takes no option \"%s\"", kind, options[i].name);
	}
	return 0;
}

int hf_check_add(struct hf_check_report *report, const char *name, bool ok, bool proves, const char *fmt, ...)
{
	struct hf_check *grown = realloc(report->checks, (report->count + 1) * sizeof(*grown));
	if (!grown)
		return HF_E_NOMEM;
	report->checks = grown;
	char *detail = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&detail, fmt, ap);
	va_end(ap);
	if (n < 0)
		return HF_E_NOMEM;
	report->checks[report->count++] =
		(struct hf_check){.name = name, .ok = ok, .proves = proves, .detail = detail};
	return 0;
}

void hf_check_report_free(struct hf_check_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->checks[i].detail);
	free(report->checks);
	*report = (struct hf_check_report){0};
}

int hf_source_open(const struct hf_source_spec *spec, struct hf_source **out, struct hf_error *err)
{
	const struct hf_source_driver *driver = hf_source_driver(spec->kind);
	if (!driver)
		return hf_fail(err, HF_E_USAGE, "there is no kind of source called \"%s\"", spec->kind);
	int r = driver->open(spec, out, err);
	return r;
}

void hf_source_close(struct hf_source *source)
{
	if (source)
		source->driver->close(source);
}
