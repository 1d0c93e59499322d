/* The kinds of sources that there are: adding one is a line here and a folder. */
#include "source/command/command.h"
#include "source/postgres/postgres.h"
#include "source/source.h"
#include "source/sqlite/sqlite.h"
#include "source/volume/volume.h"

#include <string.h>

static const struct hf_source_driver *const drivers[] = {
	&hf_source_command,
	&hf_source_postgresql,
	&hf_source_sqlite,
	&hf_source_volume,
	NULL,
};

const struct hf_source_driver *hf_source_driver(const char *kind)
{
	for (size_t i = 0; drivers[i]; i++)
		if (strcmp(drivers[i]->kind, kind) == 0)
			return drivers[i];
	return NULL;
}
