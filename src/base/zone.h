/*
 * Time zones: the calendar of a place, read from the system's database (/usr/share/zoneinfo, RFC 8536), so that two zones
 * can be used in one process, by any thread, whatever TZ says. "UTC" needs no database.
 *
 *	hf_zone_load("Europe/Berlin") -> hf_zone_civil(zone, instant) -> hf_zone_free
 *
 * A loaded zone is read-only. Where a function takes a zone, NULL is UTC.
 */
#ifndef HF_BASE_ZONE_H
#define HF_BASE_ZONE_H

#include "base/error.h"

#include <stdint.h>

struct hf_zone;

/* By name, as in the TZ database. HF_E_USAGE if there is none of that name. NULL in `out` for "UTC". */
int hf_zone_load(const char *name, struct hf_zone **out, struct hf_error *err) HF_MUST_CHECK;
/* Out of the bytes of a TZif file, which need not be sound: HF_E_CORRUPT. */
int hf_zone_parse(const void *data, size_t len, struct hf_zone **out, struct hf_error *err) HF_MUST_CHECK;
void hf_zone_free(struct hf_zone *zone); /* NULL is fine */

/* Seconds east of UTC at that instant (seconds since 1970). */
int32_t hf_zone_offset(const struct hf_zone *zone, int64_t seconds);

struct hf_civil {
	int64_t days; /* since 1970-01-01, by the place's calendar */
	int year, month, day, hour; /* month and day from 1 */
	int iso_year, iso_week;	    /* ISO 8601: a week starts on Monday, the year's first one holds its first Thursday */
	int32_t offset;		    /* seconds east of UTC */
};
struct hf_civil hf_zone_civil(const struct hf_zone *zone, int64_t ns);

#endif
