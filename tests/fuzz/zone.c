/* Files of the time zone database, and the calendar that they make. */
#include "fuzz.h"

#include "base/time.h"
#include "base/zone.h"

static void check(const struct hf_zone *zone, int64_t ns)
{
	const struct hf_civil c = hf_zone_civil(zone, ns);
	FUZZ_MUST(c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= 31 && c.hour >= 0 && c.hour <= 23);
	FUZZ_MUST(c.iso_week >= 1 && c.iso_week <= 53 && c.iso_year >= c.year - 1 && c.iso_year <= c.year + 1);
	FUZZ_MUST(c.offset == hf_zone_offset(zone, (ns - ((ns % HF_SECOND) + HF_SECOND) % HF_SECOND) / HF_SECOND));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The ends of what a time can be, around 1970, and a few days of each month of two years, one of them a leap year. */
	static const int64_t instants[] = {INT64_MIN + HF_SECOND, INT64_MAX, 0, -1, 1, -86400 * HF_SECOND};
	struct hf_zone *zone = NULL;
	struct hf_error err = {0};
	if (hf_zone_parse(data, size, &zone, &err) < 0) {
		FUZZ_MUST(err.code == HF_E_CORRUPT || err.code == HF_E_NOMEM);
		return 0;
	}
	for (size_t i = 0; i < sizeof(instants) / sizeof(*instants); i++)
		check(zone, instants[i]);
	for (int64_t day = 19723; day < 19723 + 731; day += 5)
		check(zone, (day * 86400 + 3599) * HF_SECOND);
	hf_zone_free(zone);
	return 0;
}
