/*
 * What a database says of itself, read in the transaction that is captured: the values of its header, and the tables
 * and indexes with the pages that their trees begin at.
 */
#ifndef HF_SOURCE_SQLITE_FACTS_H
#define HF_SOURCE_SQLITE_FACTS_H

#include "base/json.h"
#include "source/sqlite/db.h"

struct hf_sqlite_object {
	char *name, *table; /* an index's table; a table's own name */
	uint32_t root;
	bool is_index;
	bool may_be_partial; /* an index that need not have an entry for each row */
};

struct hf_sqlite_facts {
	int64_t page_size, page_count, reserved;
	int64_t user_version, application_id, schema_version;
	char encoding[16];
	bool is_wal;
	struct hf_sqlite_object *objects;
	size_t object_count;
};

/* Reads the values of a pinned database. Its schema need not parse. */
int hf_sqlite_facts_read(const struct hf_sqlite_db *db, struct hf_sqlite_facts *out, struct hf_error *err)
	HF_MUST_CHECK;
/* Reads the tables and indexes that have a tree. HF_E_CORRUPT: the schema does not parse. */
int hf_sqlite_facts_read_schema(const struct hf_sqlite_db *db, struct hf_sqlite_facts *facts, struct hf_error *err)
	HF_MUST_CHECK;
void hf_sqlite_facts_free(struct hf_sqlite_facts *facts);

#endif
