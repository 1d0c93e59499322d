/*
 * Where the tablespaces of a restored cluster go: decided, and refused where they can't go, before anything is written.
 */
#ifndef HF_SOURCE_POSTGRES_TABLESPACE_H
#define HF_SOURCE_POSTGRES_TABLESPACE_H

#include "source/source.h"

struct hf_pg_move {
	uint32_t oid;
	char *from;   /* where it was */
	char *to;     /* where it goes, absolute */
	char prefix[32]; /* "pg_tblspc/OID" */
	int dirfd;    /* -1 until hf_pg_moves_open */
	bool is_made; /* the directory `to` is ours */
};

struct hf_pg_moves {
	struct hf_pg_move *list; /* sorted by prefix, as a feed has them */
	size_t count;
};

/* From the detail's tablespaces and the options "tablespace-map" (OLD=NEW, repeated; one that matches
 * nothing is HF_E_USAGE if a tablespace is left without) and "tablespace-root". Release with hf_pg_moves_free, also after a failure. */
int hf_pg_moves_plan(const json_t *detail, const struct hf_option *options, size_t option_count, struct hf_pg_moves *out,
	struct hf_error *err) HF_MUST_CHECK;

/* Makes the directories (parents too) or finds them empty; else HF_E_EXISTS. */
int hf_pg_moves_open(struct hf_pg_moves *moves, struct hf_error *err) HF_MUST_CHECK;

/* Syncs the file systems that they lie on, but for that of the data directory, which whoever restores it syncs. */
int hf_pg_moves_sync(const struct hf_pg_moves *moves, int datafd, struct hf_error *err) HF_MUST_CHECK;

/* Removes what was written into them: a restore that failed leaves nothing behind. */
void hf_pg_moves_undo(struct hf_pg_moves *moves);
void hf_pg_moves_free(struct hf_pg_moves *moves);

#endif
