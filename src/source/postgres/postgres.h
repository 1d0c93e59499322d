/*
 * PostgreSQL, physical: the driver "postgresql". Location: a postgresql:// URL or a socket directory.
 *
 * capture  BASE_BACKUP over the replication protocol, streamed into the sink; the WAL that makes it consistent over a
 *	    second connection and a temporary slot; configuration from outside the data directory. Takes two of
 *	    max_wal_senders and one of max_replication_slots while it runs.
 * restore  a data directory that `postgres` starts from and pg_verifybackup accepts. Options:
 *		tablespace-map=OLD=NEW	the tablespace that was at OLD goes to NEW (repeated)
 *		tablespace-root=DIR	every tablespace without a map goes to DIR/OID
 *	    Without either a tablespace goes to where it was, which must not exist or be empty.
 * check	    starts it as an unprivileged user, cut off from the network and the rest of the machine, and asks whether
 *	    it is alive and whole. Options:
 *		check-sql=[DATABASE:]SQL   one statement that must return one row, true (repeated). DATABASE may be left
 *					   out: then that of the captured URL, else "postgres"
 *		preload-libraries=LIST	   shared_preload_libraries while it is checked; by default none
 *		allow-network=true	   run it even where there are no namespaces, and don't cut the network off
 *		tablespace-root=DIR	   where tablespaces may lie; by default only beside the data directory
 *
 * The detail of a capture: server_version, server_version_num, system_identifier, timeline, start_lsn, stop_lsn,
 * wal_segment_size, block_size, data_checksums, manifest, tablespaces [{oid, location}], configuration {kind, files},
 * wal_bytes, and as far as SQL was possible: superuser, database, databases [{name, bytes}], last_commit.
 */
#ifndef HF_SOURCE_POSTGRES_POSTGRES_H
#define HF_SOURCE_POSTGRES_POSTGRES_H

#include "source/source.h"

extern const struct hf_source_driver hf_source_postgresql;

#endif
