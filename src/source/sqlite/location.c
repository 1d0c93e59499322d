/* Locations; see location.h. */
#include "source/sqlite/location.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; what follows '?' or '#' is left out. */
static int decode(char *s, const char *location, struct hf_error *err)
{
	char *out = s;
	for (; *s && *s != '?' && *s != '#'; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		int high = digit(s[1]);
		int low = high < 0 ? -1 : digit(s[2]);
		if (low < 0 || (high == 0 && low == 0))
			return hf_fail(err, HF_E_USAGE, "%s: \"%.3s\" is no percent-encoded byte", location, s);
		*out++ = (char)(high << 4 | low);
		s += 2;
	}
	*out = 0;
	return 0;
}

static int refuse_memory(const char *path, const char *location, struct hf_error *err)
{
	if (!path[0])
		return hf_fail(err, HF_E_USAGE, "%s: there is no path in it", location);
	if (strcmp(path, ":memory:") == 0)
		return hf_fail(err, HF_E_USAGE, "%s: a database in memory can't be backed up from outside", location);
	return 0;
}

int hf_sqlite_location(const char *location, char **path, struct hf_error *err)
{
	static const char scheme[] = "sqlite:";
	const char *rest = location;
	bool is_url = false;
	if (strncmp(location, scheme, sizeof(scheme) - 1) == 0) {
		rest += sizeof(scheme) - 1;
		is_url = strncmp(rest, "//", 2) == 0;
	}
	if (is_url && rest[2] != '/' && rest[2])
		return hf_fail(err, HF_E_USAGE,
			"%s: a SQLite URL has no host: sqlite:///relative.db or sqlite:////absolute.db", location);
	if (is_url)
		rest += rest[2] ? 3 : 2;
	*path = strdup(rest);
	if (!*path)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	int r = is_url ? decode(*path, location, err) : 0;
	if (r == 0)
		r = refuse_memory(*path, location, err);
	if (r < 0) {
		free(*path);
		*path = NULL;
	}
	return r;
}
