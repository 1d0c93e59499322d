/* Restoring a database: its one file. There is no -wal or -shm to restore, since what they held is in the file. */
#include "source/one_file.h"
#include "source/sqlite/sqlite_internal.h"

int hf_sqlite_restore(struct hf_source *source, struct hf_feed *feed, int dirfd,
	const struct hf_restore_options *options, struct hf_restored *out, struct hf_error *err)
{
	(void)source;
	return hf_one_file_restore(feed, dirfd, options, out, err);
}
