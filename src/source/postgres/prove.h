/*
 * The checks that prove a restored cluster whole, rather than tell that it is ready: the base backup's own manifest,
 * every B-tree index against its table, every page's checksum. Results go into the report, marked as proofs; a negative
 * return means that the checking itself was ended.
 */
#ifndef HF_SOURCE_POSTGRES_PROVE_H
#define HF_SOURCE_POSTGRES_PROVE_H

#include "source/postgres/questions.h"

/* pg_verifybackup: check "manifest". Before the start, which changes the files. */
int hf_pg_prove_manifest(struct hf_pg_server *server, struct hf_check_report *report, struct hf_error *err) HF_MUST_CHECK;
/* amcheck's bt_index_check with heapallindexed, on each valid B-tree index of each database: check "amcheck". */
int hf_pg_prove_indexes(struct hf_pg_server *server, const char *user, const struct hf_pg_databases *databases,
	struct hf_check_report *report, struct hf_error *err) HF_MUST_CHECK;
/* pg_checksums: check "checksums". After a clean stop; nothing where the cluster has none. */
int hf_pg_prove_checksums(struct hf_pg_server *server, bool clean, struct hf_check_report *report,
	struct hf_error *err) HF_MUST_CHECK;

#endif
