/*
 * Forgetting restore points, by id or by rules, and taking it back: each is one entry of the catalogue, which deletes nothing.
 * The space comes back through prune; until then what was forgotten can be had again.
 */
#ifndef HF_OPS_FORGET_H
#define HF_OPS_FORGET_H

#include "policy/retention.h"
#include "repo/catalogue.h"

struct hf_forgotten {
	struct hf_ref *snapshots; /* in the order given, none twice */
	size_t count;
};

struct hf_forget_names {
	const char *const *which;
	size_t count;
	const char *const *any_of; /* of "latest": one that holds any of these sources (a policy's); NULL-terminated, or NULL */
};

/* Forgets the snapshots of these ids, starts of ids, "latest" or "latest:NAME" (as hf_catalogue_select has it; the newest of NAME must
 * hold no other source, for a snapshot goes whole): all of them, or none if one is not to be found. HF_E_NOTFOUND, HF_E_USAGE
 * (ambiguous), HF_E_KEY (no right to), HF_E_CORRUPT (which is the latest can't be told). Free with hf_forgotten_free, also after failure. */
int hf_forget(struct hf_repository *repo, const struct hf_forget_names *names, struct hf_forgotten *out,
	struct hf_error *err) HF_MUST_CHECK;

/* Takes back that these were forgotten (ids or starts of ids, of forgotten snapshots): all of them, or none. HF_E_NOTFOUND also where a
 * prune has deleted what one of them needs, or has begun to: then it stays forgotten. Free likewise. */
int hf_forget_undo(struct hf_repository *repo, const char *const *ids, size_t count, struct hf_forgotten *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_forgotten_free(struct hf_forgotten *f);

enum { HF_LINE_TEXT = 3 * HF_ID_TEXT };

struct hf_forget_options {
	const struct hf_retention_rules *rules;
	bool dry_run; /* only plan */
	bool insist;  /* more than half of a group may go, and doubts about the catalogue don't count */
};

/* The plan and what it is about: point number i of the catalogue is number i of the plan. */
struct hf_forget_plan {
	struct hf_catalogue catalogue;
	struct hf_retention_plan plan;
	struct hf_retention_point *points; /* private */
	struct hf_retention_source *sources;
	char (*writers)[HF_LINE_TEXT]; /* the writer's id, and of copies also where they are from */
	bool is_done; /* what it says to forget was forgotten */
	/* Why it takes `insist` to do it; NULL if it doesn't. In a dry run this is said here, else hf_forget_by_rules fails. */
	char *objection;
};

/* Plans, and (unless it is a dry run) does it. Warns of what is wrong with the catalogue, and of points of the future. HF_E_DENIED
 * with the objection. Free with hf_forget_plan_free, also after failure. */
int hf_forget_by_rules(struct hf_repository *repo, const struct hf_forget_options *options, struct hf_forget_plan *out,
	struct hf_error *err) HF_MUST_CHECK;
/* Of a group of such a plan: the writer, and whether it is a group of copies. */
struct hf_id hf_forget_writer(const struct hf_retention_group *g);
bool hf_forget_is_of_copies(const struct hf_retention_group *g);
void hf_forget_plan_free(struct hf_forget_plan *p);

#endif
