/*
 * Time. An instant is int64_t nanoseconds since 1970-01-01 UTC (years 1677 to 2262); a duration likewise in ns.
 * Text forms: RFC 3339 in UTC with fractions ("2026-11-21T13:30:00.25Z") and durations (90s, 15m, 1h30m, 7d).
 */
#ifndef HF_BASE_TIME_H
#define HF_BASE_TIME_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define HF_SECOND INT64_C(1000000000)
#define HF_TIME_TEXT 40 /* bytes that the longest text form takes, terminator included */

int64_t hf_time_now(void);	 /* wall clock */
int64_t hf_time_monotonic(void); /* for measuring durations */

/* Writes the shortest exact RFC 3339 form in UTC to `out`; returns `out`. */
const char *hf_time_format(int64_t ns, char out[HF_TIME_TEXT]);
/* Reads RFC 3339 with "Z" or an offset, "T" or a space; also a bare date (midnight UTC). */
int hf_time_parse(const char *text, int64_t *ns, struct hf_error *err) HF_MUST_CHECK;

/* "250ms 90s 15m 24h 7d 2w", joined without spaces ("1h30m"). */
int hf_duration_parse(const char *text, int64_t *ns, struct hf_error *err) HF_MUST_CHECK;
/* For people: "1.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
const char *hf_duration_format(int64_t ns, char out[HF_TIME_TEXT]);

static inline double hf_seconds(int64_t ns)
{
	return (double)ns / 1e9;
}

#endif
