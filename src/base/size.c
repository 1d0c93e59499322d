/* Sizes and shares; see size.h. */
#include "base/size.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char units[] = "KMGTPE";

static int bad_size(const char *text, struct hf_error *err)
{
	return hf_fail(err, HF_E_USAGE, "\"%s\" is not a size; write it like 4096, 64K, 32M or 2G", text);
}

int hf_size_parse(const char *text, uint64_t *bytes, struct hf_error *err)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return bad_size(text, err);
	unsigned long long n = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	unsigned shift = 0;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
		if (end[0] == 'i' && end[1] == 'B')
			end++;
	}
	if (*end == 'B')
		end++;
	if (*end || n > UINT64_MAX >> shift || (n == UINT64_MAX && !shift))
		return bad_size(text, err);
	*bytes = (uint64_t)n << shift;
	return 0;
}

const char *hf_size_format(uint64_t bytes, char out[HF_SIZE_TEXT])
{
	if (bytes < 1024) {
		snprintf(out, HF_SIZE_TEXT, "%u B", (unsigned)bytes);
		return out;
	}
	double v = (double)bytes / 1024;
	size_t unit = 0;
	while (v >= 1023.5 && unit + 1 < sizeof(units) - 1) {
		v /= 1024;
		unit++;
	}
	snprintf(out, HF_SIZE_TEXT, v < 9.95 ? "%.1f %ciB" : "%.0f %ciB", v, units[unit]);
	return out;
}

int hf_share_parse(const char *text, double *share, struct hf_error *err)
{
	size_t digits = strspn(text, "0123456789.");
	char *end = NULL;
	double v = digits ? strtod(text, &end) : 0;
	if (!end || end != text + digits || strcmp(end, "%") != 0 || v <= 0 || v > 100)
		return hf_fail(err, HF_E_USAGE, "\"%s\" is not a share; write it like 5%% or 0.5%%, up to 100%%", text);
	*share = v / 100;
	return 0;
}
