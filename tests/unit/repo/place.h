/*
 * Repositories for tests: one in memory, or one in a directory that several keys open.
 *
 *	struct place p;
 *	place_make(&p, "hf-forget") -> place_key … -> place_open … -> place_remove
 *
 * What fails fails the test.
 */
#ifndef HF_TEST_PLACE_H
#define HF_TEST_PLACE_H

#include "repo/key_new.h"
#include "repo/repository.h"

/* A new one in that store, which it takes, or in one in memory; open with its owner's key. To be closed. */
struct hf_repository *place_on(struct hf_store *store);
struct hf_repository *place_in_memory(void);

struct place {
	char *dir;     /* a scratch directory of its own; the repository is in repo/ */
	char url[256];
	struct hf_key *owner;
};

void place_make(struct place *p, const char *name); /* with an owner's key and a configuration */
void place_remove(struct place *p);		    /* and all that is in the directory */
struct hf_store *place_store(const struct place *p);
struct hf_key *place_key(const struct place *p, enum hf_key_kind kind, const char *name);      /* certified; to be freed */
struct hf_key *place_stranger(const struct place *p, enum hf_key_kind kind, const char *name); /* without certificate */
/* As that key sees it; with `remembers` it has a cache and a memory of its own, DIR/cache-NAME and DIR/state-NAME. To be closed. */
struct hf_repository *place_open(const struct place *p, const struct hf_key *key, bool remembers);

#endif
