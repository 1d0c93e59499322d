/* URLs of applications; see url.h. What libpq knows is asked of libpq. */
#include "source/postgres/url.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* "ssl=true" is no keyword of libpq's, yet its URLs take it. */
static bool is_known(const PQconninfoOption *known, const char *name, size_t len)
{
	if (len == 3 && memcmp(name, "ssl", 3) == 0)
		return true;
	for (; known->keyword; known++)
		if (strlen(known->keyword) == len && memcmp(known->keyword, name, len) == 0)
			return true;
	return false;
}

/* From `from`, which starts after the "?", to `to`. */
static void filter(const PQconninfoOption *known, const char *from, char *to)
{
	char before = '?';
	while (*from) {
		size_t len = strcspn(from, "&"), name = strcspn(from, "=&");
		if (is_known(known, from, name)) {
			*to++ = before;
			memcpy(to, from, len);
			to += len;
			before = '&';
		}
		from += len + (from[len] == '&');
	}
	*to = 0;
}

char *hf_pg_url_plain(const char *url)
{
	const char *query = strchr(url, '?');
	char *out = strdup(url);
	PQconninfoOption *known = query && out ? PQconndefaults() : NULL;
	if (known)
		filter(known, query + 1, out + (query - url));
	PQconninfoFree(known);
	return out;
}
