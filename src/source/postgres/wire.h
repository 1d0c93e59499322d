/*
 * The two forms in which BASE_BACKUP sends its data, made one.
 *
 * Up to PostgreSQL 14 there is one COPY a tablespace, in the order of the list that came before, each the bare bytes
 * of a tar archive, and then one COPY with the manifest. From 15 on there is a single COPY of typed messages: 'n' opens
 * an archive (its name, the tablespace's place), 'd' carries bytes, 'p' reports progress, 'm' opens the manifest.
 * (PostgreSQL's documentation, "Streaming Replication Protocol", BASE_BACKUP.)
 *
 * Either becomes a row of events: ARCHIVE DATA* ARCHIVE DATA* … MANIFEST DATA* END. The COPYs come from a table of two
 * functions, so that both forms can be fed from libpq or from memory.
 */
#ifndef HF_SOURCE_POSTGRES_WIRE_H
#define HF_SOURCE_POSTGRES_WIRE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_pg_copy {
	/* 1: the next message of the current COPY, valid until the next call; 0: this COPY is over. */
	int (*message)(struct hf_pg_copy *copy, const char **data, size_t *len, struct hf_error *err);
	/* 1: another COPY has begun; 0: there is none. Called first, and whenever one is over. */
	int (*next)(struct hf_pg_copy *copy, struct hf_error *err);
};

enum hf_pg_event { HF_PG_END, HF_PG_ARCHIVE, HF_PG_DATA, HF_PG_MANIFEST };

struct hf_pg_tablespace {
	uint32_t oid;	/* 0: the data directory itself */
	char *location; /* NULL for that one */
};

struct hf_pg_wire {
	/* Set by the caller. */
	struct hf_pg_copy *copy;
	int version; /* as PQserverVersion has it: 150020 */
	const struct hf_pg_tablespace *tablespaces; /* in the server's order */
	size_t tablespace_count;
	bool has_manifest;

	/* Of the latest event. */
	uint32_t oid;	  /* ARCHIVE: which tablespace */
	const char *data; /* DATA */
	size_t len;

	bool in_copy;
	size_t copies; /* begun so far */
};

/* The next event. HF_E_CORRUPT if the server says something that the protocol does not have. */
int hf_pg_wire_next(struct hf_pg_wire *wire, enum hf_pg_event *event, struct hf_error *err) HF_MUST_CHECK;

#endif
