/* Where a SQLite source lies: a path, or a URL as in DATABASE_URL. */
#ifndef HF_SOURCE_SQLITE_LOCATION_H
#define HF_SOURCE_SQLITE_LOCATION_H

#include "base/error.h"

/*
 * Makes a path of a location; the caller frees it.
 *
 *	sqlite:///queue.db, sqlite:///data/queue.db	 relative to the working directory
 *	sqlite:////srv/queue.db				 absolute
 *	sqlite:queue.db, sqlite:/srv/queue.db		 as it stands
 *	queue.db					 as it stands
 *
 * In URLs with slashes %XX is decoded, and what follows '?' is left out: it speaks to the application's driver.
 * HF_E_USAGE: a host (sqlite://queue.db is the commonest slip), an in-memory database, an empty path, a bad %XX or
 * one for NUL.
 */
int hf_sqlite_location(const char *location, char **path, struct hf_error *err) HF_MUST_CHECK;

#endif
