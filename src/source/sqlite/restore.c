/* Restoring a database: its one file. There is no -wal or -shm to restore, since what they held is in the file. */
#include "source/sqlite/sqlite_internal.h"
#include "source/tree_write.h"

int hf_sqlite_restore(struct hf_source *source, struct hf_feed *feed, int dirfd,
	const struct hf_restore_options *options, struct hf_restored *out, struct hf_error *err)
{
	(void)source;
	const struct hf_tree_write_options writing = {.own_as_is = options->own_as_is};
	return hf_tree_write(feed, dirfd, &writing, out, err);
}
