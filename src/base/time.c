/* Instants and durations; see time.h. */
#include "base/time.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * HF_SECOND + ts.tv_nsec;
}

int64_t hf_time_now(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t hf_time_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

const char *hf_time_format(int64_t ns, char out[HF_TIME_TEXT])
{
	int64_t sec = ns / HF_SECOND, frac = ns % HF_SECOND;
	if (frac < 0) {
		frac += HF_SECOND;
		sec--;
	}
	time_t t = (time_t)sec;
	struct tm tm;
	gmtime_r(&t, &tm);
	size_t n = strftime(out, HF_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	if (frac) {
		n += (size_t)snprintf(out + n, HF_TIME_TEXT - n, ".%09lld", (long long)frac);
		while (out[n - 1] == '0')
			n--;
	}
	out[n] = 'Z';
	out[n + 1] = 0;
	return out;
}

static int bad_time(const char *text, struct hf_error *err)
{
	return hf_fail(err, HF_E_USAGE, "\"%s\" is not a time; write it like 2026-11-21T13:30:00Z", text);
}

/* The digits after a decimal point as nanoseconds; more than nine are cut off. */
static int64_t parse_fraction(const char **p)
{
	int64_t frac = 0, unit = HF_SECOND / 10;
	for (; isdigit((unsigned char)**p); (*p)++, unit /= 10)
		frac += (**p - '0') * unit;
	return frac;
}

static bool parse_offset(const char *p, long *seconds)
{
	*seconds = 0;
	if ((*p == 'Z' || *p == 'z') && !p[1])
		return true;
	unsigned h, m;
	int used = 0;
	if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2u:%2u%n", &h, &m, &used) != 2 || p[1 + used])
		return false;
	if (h > 23 || m > 59)
		return false;
	*seconds = (long)(h * 3600 + m * 60) * (*p == '-' ? -1 : 1);
	return true;
}

int hf_time_parse(const char *text, int64_t *ns, struct hf_error *err)
{
	int year, mon, day, used = 0;
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &mon, &day, &used) != 3 || used != 10)
		return bad_time(text, err);
	if (year < 1680 || year > 2260 || mon < 1 || mon > 12 || day < 1 || day > 31)
		return bad_time(text, err);
	struct tm tm = {.tm_year = year - 1900, .tm_mon = mon - 1, .tm_mday = day};
	const char *p = text + used;
	int64_t frac = 0;
	long offset = 0;
	if (*p) {
		int more = 0;
		if ((*p != 'T' && *p != 't' && *p != ' ') ||
			sscanf(p + 1, "%2d:%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &more) != 3 || more != 8)
			return bad_time(text, err);
		if (tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
			tm.tm_sec > 60)
			return bad_time(text, err);
		p += 1 + more;
		if (*p == '.') {
			p++;
			frac = parse_fraction(&p);
		}
		if (!parse_offset(p, &offset))
			return bad_time(text, err);
	}
	struct tm asked = tm;
	time_t sec = timegm(&tm);
	if (tm.tm_mday != asked.tm_mday)
		return bad_time(text, err); /* 31 February */
	*ns = ((int64_t)sec - offset) * HF_SECOND + frac;
	return 0;
}

static int64_t unit_of(const char *p, size_t n)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {{"ms", HF_SECOND / 1000}, {"s", HF_SECOND}, {"m", 60 * HF_SECOND}, {"h", 3600 * HF_SECOND},
		{"d", 86400 * HF_SECOND}, {"w", 7 * 86400 * HF_SECOND}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == n && memcmp(p, units[i].name, n) == 0)
			return units[i].ns;
	return 0;
}

int hf_duration_parse(const char *text, int64_t *ns, struct hf_error *err)
{
	int64_t total = 0;
	const char *p = text;
	bool any = false;
	while (*p) {
		char *end;
		if (!isdigit((unsigned char)*p))
			break;
		unsigned long long n = strtoull(p, &end, 10);
		size_t letters = 0;
		while (isalpha((unsigned char)end[letters]))
			letters++;
		int64_t unit = unit_of(end, letters), part;
		if (!unit || n > INT64_MAX || __builtin_mul_overflow((int64_t)n, unit, &part) ||
			__builtin_add_overflow(total, part, &total))
			break;
		p = end + letters;
		any = true;
	}
	if (*p || !any)
		return hf_fail(err, HF_E_USAGE,
			"\"%s\" is not a duration; write it like 250ms, 90s, 15m, 24h, 7d, 2w or 1h30m", text);
	*ns = total;
	return 0;
}

const char *hf_duration_format(int64_t ns, char out[HF_TIME_TEXT])
{
	const char *sign = ns < 0 ? "-" : "";
	double s = hf_seconds(ns < 0 ? -ns : ns);
	long whole = (long)(s + 0.5);
	if (s < 10)
		snprintf(out, HF_TIME_TEXT, "%s%.2f s", sign, s);
	else if (whole < 60)
		snprintf(out, HF_TIME_TEXT, "%s%.1f s", sign, s);
	else if (whole < 3600)
		snprintf(out, HF_TIME_TEXT, "%s%ld min %ld s", sign, whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(out, HF_TIME_TEXT, "%s%ld h %ld min", sign, whole / 3600, whole % 3600 / 60);
	else
		snprintf(out, HF_TIME_TEXT, "%s%ld d %ld h", sign, whole / 86400, whole % 86400 / 3600);
	return out;
}
