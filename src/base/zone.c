/*
 * Time zones; see zone.h. A TZif file is a list of instants at which the offset changes, and a rule in the form of POSIX' TZ
 * variable ("CET-1CEST,M3.5.0,M10.5.0/3") for what comes after the last of them. Numbers in it are big-endian.
 */
#include "base/zone.h"

#include "base/cursor.h"
#include "base/file.h"
#include "base/time.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 86400, FILE_MAX = 1 << 20, COUNT_MAX = 65536, NAME_SIZE = 100 };

/* When daylight saving starts or ends: the day in a year, and the local time on it. */
struct rule {
	char form; /* 'M': week `week` (5: the last) of `month`, weekday `day`; 'J': day 1 to 365, no 29 February; 'n': 0 to 365 */
	int month, week, day;
	int32_t time;
};

struct hf_zone {
	size_t count;
	int64_t *when;	 /* ascending */
	int32_t *offset; /* from when[i] on */
	int32_t first;	 /* before when[0] */
	bool has_footer, has_daylight;
	int32_t standard, daylight;
	struct rule begin, end;
};

/* --- the calendar -------------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of_month(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	return days[month - 1] + (month == 2 && is_leap(year));
}

/* 1 January of `year`, as days since 1970. */
static int64_t new_year(int64_t year)
{
	int64_t y = year - 1;
	return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - 719162;
}

static int64_t year_of(int64_t days)
{
	int64_t year = 1970 + floor_div(days, 366); /* at most a little too early; later than 1970 */
	while (new_year(year) > days)
		year--;
	while (new_year(year + 1) <= days)
		year++;
	return year;
}

static int weekday(int64_t days) /* 0: Sunday */
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

/* --- the rule for what comes after the last known change ----------------------------------------------------------- */

static int64_t day_of_rule(const struct rule *r, int64_t year)
{
	int64_t day = new_year(year);
	if (r->form == 'n')
		return day + r->day;
	if (r->form == 'J')
		return day + r->day - 1 + (r->day >= 60 && is_leap(year));
	for (int m = 1; m < r->month; m++)
		day += days_of_month(year, m);
	int64_t end = day + days_of_month(year, r->month);
	day += (r->day - weekday(day) + 7) % 7 + 7 * (r->week - 1);
	return day < end ? day : day - 7;
}

static int32_t offset_by_rule(const struct hf_zone *z, int64_t seconds)
{
	if (!z->has_daylight)
		return z->standard;
	int64_t year = year_of(floor_div(seconds + z->standard, DAY));
	int64_t begin = day_of_rule(&z->begin, year) * DAY + z->begin.time - z->standard;
	int64_t end = day_of_rule(&z->end, year) * DAY + z->end.time - z->daylight;
	bool is_daylight = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
	return is_daylight ? z->daylight : z->standard;
}

static bool skip_name(const char **p)
{
	const char *start = *p;
	if (**p == '<') {
		while (**p && **p != '>')
			(*p)++;
		return *(*p)++ == '>';
	}
	while (isalpha((unsigned char)**p))
		(*p)++;
	return *p - start >= 3;
}

static bool read_number(const char **p, int max, int *out)
{
	const char *start = *p;
	for (*out = 0; isdigit((unsigned char)**p) && *out <= max; (*p)++)
		*out = *out * 10 + (**p - '0');
	return *p > start && *out <= max;
}

/* [+-]h[h][:mm[:ss]], as seconds. */
static bool read_time(const char **p, int32_t *out)
{
	int sign = **p == '-' ? -1 : 1, part[3] = {0};
	*p += **p == '-' || **p == '+';
	bool ok = read_number(p, 167, &part[0]);
	for (int i = 1; ok && i < 3 && **p == ':'; i++) {
		(*p)++;
		ok = read_number(p, 59, &part[i]);
	}
	*out = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return ok;
}

static bool read_dots(const char **p, struct rule *r)
{
	bool ok = read_number(p, 12, &r->month) && *(*p)++ == '.' && read_number(p, 5, &r->week);
	return ok && *(*p)++ == '.' && read_number(p, 6, &r->day) && r->month > 0 && r->week > 0;
}

static bool read_rule(const char **p, struct rule *r)
{
	*r = (struct rule){.form = 'n', .time = 7200};
	if (*(*p)++ != ',')
		return false;
	if (**p == 'M' || **p == 'J')
		r->form = *(*p)++;
	bool ok = r->form == 'M' ? read_dots(p, r) : read_number(p, 365, &r->day) && (r->form == 'n' || r->day > 0);
	if (!ok || **p != '/')
		return ok;
	(*p)++;
	return read_time(p, &r->time);
}

/* The text of the footer; without one what was in force last goes on. */
static bool read_footer(struct hf_zone *z, const char *p)
{
	if (!*p)
		return true;
	int32_t west;
	if (!skip_name(&p) || !read_time(&p, &west))
		return false;
	z->has_footer = true;
	z->standard = -west;
	if (!*p)
		return true;
	if (!skip_name(&p))
		return false;
	z->has_daylight = true;
	z->daylight = z->standard + 3600;
	if (*p != ',') {
		if (!read_time(&p, &west))
			return false;
		z->daylight = -west;
	}
	return read_rule(&p, &z->begin) && read_rule(&p, &z->end) && !*p;
}

/* --- the file ------------------------------------------------------------------------------------------------------ */

struct header {
	uint8_t version;
	uint32_t utc, standard, leaps, times, types, chars;
};

static uint32_t big32(struct hf_cursor *c)
{
	return __builtin_bswap32(hf_cursor_u32(c));
}

static bool read_header(struct hf_cursor *c, struct header *h)
{
	const uint8_t *magic = hf_cursor_bytes(c, 4);
	bool ok = magic && memcmp(magic, "TZif", 4) == 0;
	h->version = hf_cursor_u8(c);
	hf_cursor_bytes(c, 15);
	h->utc = big32(c);
	h->standard = big32(c);
	h->leaps = big32(c);
	h->times = big32(c);
	h->types = big32(c);
	h->chars = big32(c);
	return ok && !c->failed && h->utc <= COUNT_MAX && h->standard <= COUNT_MAX && h->leaps <= COUNT_MAX &&
	       h->times <= COUNT_MAX && h->types > 0 && h->types <= 256 && h->chars <= COUNT_MAX;
}

static size_t rest_of_block(const struct header *h, size_t width)
{
	return h->chars + h->leaps * (width + 4) + h->standard + h->utc;
}

/* The block with times of eight bytes. */
static bool read_block(struct hf_cursor *c, const struct header *h, struct hf_zone *z)
{
	int32_t types[256] = {0};
	for (uint32_t i = 0; i < h->times; i++)
		z->when[i] = (int64_t)__builtin_bswap64(hf_cursor_u64(c));
	const uint8_t *of = hf_cursor_bytes(c, h->times);
	for (uint32_t i = 0; i < h->types; i++) {
		types[i] = (int32_t)big32(c);
		hf_cursor_u16(c); /* is daylight; its name */
		if (types[i] <= -26 * 3600 || types[i] >= 26 * 3600)
			return false;
	}
	hf_cursor_bytes(c, rest_of_block(h, 8));
	if (c->failed)
		return false;
	z->first = types[0];
	for (z->count = 0; z->count < h->times; z->count++) {
		if (of[z->count] >= h->types || (z->count && z->when[z->count] <= z->when[z->count - 1]))
			return false;
		z->offset[z->count] = types[of[z->count]];
	}
	return true;
}

static bool read_footer_line(struct hf_cursor *c, struct hf_zone *z)
{
	char text[256];
	size_t len = hf_cursor_left(c);
	const char *at = (const char *)hf_cursor_bytes(c, len);
	if (!at || len < 2 || len >= sizeof(text) || at[0] != '\n' || at[len - 1] != '\n' || memchr(at, 0, len))
		return false;
	memcpy(text, at + 1, len - 2);
	text[len - 2] = 0;
	return read_footer(z, text);
}

int hf_zone_parse(const void *data, size_t len, struct hf_zone **out, struct hf_error *err)
{
	struct hf_cursor c = hf_cursor(data, len);
	struct header h;
	if (!read_header(&c, &h) || h.version < '2')
		return hf_fail(err, HF_E_CORRUPT, "no time zone file of version 2 or later");
	hf_cursor_bytes(&c, h.times * 5 + h.types * 6 + rest_of_block(&h, 4));
	if (!read_header(&c, &h))
		return hf_fail(err, HF_E_CORRUPT, "the time zone file is damaged");
	struct hf_zone *z = calloc(1, sizeof(*z));
	if (z) {
		z->when = calloc(h.times + 1, sizeof(*z->when));
		z->offset = calloc(h.times + 1, sizeof(*z->offset));
	}
	if (!z || !z->when || !z->offset) {
		hf_zone_free(z);
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	if (!read_block(&c, &h, z) || !read_footer_line(&c, z)) {
		hf_zone_free(z);
		return hf_fail(err, HF_E_CORRUPT, "the time zone file is damaged");
	}
	*out = z;
	return 0;
}

void hf_zone_free(struct hf_zone *zone)
{
	if (!zone)
		return;
	free(zone->when);
	free(zone->offset);
	free(zone);
}

/* A name, and no path out of the database. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len < NAME_SIZE && name[0] != '/' && name[0] != '.' && !strstr(name, "/.") &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-.") == len;
}

int hf_zone_load(const char *name, struct hf_zone **out, struct hf_error *err)
{
	HF_BUF_AUTO bytes = HF_BUF(FILE_MAX);
	static const char database[] = "/usr/share/zoneinfo/";
	char path[sizeof(database) + NAME_SIZE];
	struct hf_error why = {0};
	*out = NULL;
	if (strcmp(name, "UTC") == 0)
		return 0;
	int r = is_name(name) ? 0 : HF_E_NOTFOUND;
	if (r == 0) {
		memcpy(stpcpy(path, database), name, strlen(name) + 1);
		r = hf_file_read(AT_FDCWD, path, &bytes, &why);
	}
	if (r == 0)
		r = hf_zone_parse(bytes.data, bytes.len, out, &why);
	if (r == HF_E_NOMEM)
		return hf_fail(err, r, "%s", why.msg);
	return r == 0 ? 0 : hf_fail(err, HF_E_USAGE,
		"there is no time zone \"%s\" in /usr/share/zoneinfo (package tzdata); write it like Europe/Berlin", name);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

int32_t hf_zone_offset(const struct hf_zone *zone, int64_t seconds)
{
	if (!zone)
		return 0;
	size_t low = 0, high = zone->count; /* how many changes are not after it */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (zone->when[mid] <= seconds)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == zone->count && zone->has_footer)
		return offset_by_rule(zone, seconds);
	return low ? zone->offset[low - 1] : zone->first;
}

struct hf_civil hf_zone_civil(const struct hf_zone *zone, int64_t ns)
{
	int64_t seconds = floor_div(ns, HF_SECOND);
	struct hf_civil c = {.offset = hf_zone_offset(zone, seconds)};
	c.days = floor_div(seconds + c.offset, DAY);
	c.hour = (int)((seconds + c.offset - c.days * DAY) / 3600);
	int64_t year = year_of(c.days);
	c.year = (int)year;
	c.day = (int)(c.days - new_year(year)) + 1;
	for (c.month = 1; c.day > days_of_month(year, c.month); c.month++)
		c.day -= days_of_month(year, c.month);
	int64_t thursday = c.days - (weekday(c.days) + 6) % 7 + 3;
	int64_t iso_year = year_of(thursday);
	c.iso_year = (int)iso_year;
	c.iso_week = (int)((thursday - new_year(iso_year)) / 7) + 1;
	return c;
}
