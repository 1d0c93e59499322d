/*
 * Status: for each source how far back its newest restore point lies, which one a drill proved last and how long that took, against
 * the objectives; and what is wrong with the catalogue. From the catalogue alone, so that a key that reads no data can ask from
 * any machine that reaches the repository.
 *
 * Ages count from when the store received the commit, by the store's clock, so a writer's wrong clock hides nothing; the time between
 * the consistency point and the commit, which the writer measured, is added.
 */
#ifndef HF_OPS_STATUS_H
#define HF_OPS_STATUS_H

#include "policy/policy.h"
#include "repo/catalogue.h"

struct hf_status_options {
	struct hf_repository *repo;
	const struct hf_policy *policy; /* its objectives, its sources only, by its host if it names one; NULL: all, no objectives */
	const char *host;		/* only of this key or host; NULL: all */
	/* Opens the repository of a copy of the policy; NULL: copies are not looked at. */
	int (*open_copy)(void *user, const struct hf_policy_place *place, struct hf_repository **out, struct hf_error *err);
	void *user;
};

enum hf_met { HF_MET_UNKNOWN, HF_MET, HF_MISSED }; /* unknown: there is no such objective */

/* One source of one writer. */
struct hf_status_source {
	const char *name, *kind, *writer, *host; /* name alone is set where there is no restore point at all */
	const struct hf_point *newest;	 /* by time, without those that claim the future; NULL: there is none */
	bool complete;			 /* the source in it */
	uint64_t bytes;
	int64_t consistency_point, age_ns;
	const struct hf_point *proved;	 /* the newest that a drill proved; NULL: none was */
	int64_t proved_at;		 /* when, by the store's clock */
	bool has_drill, drill_ok;	 /* the newest drill of it, whatever its result */
	int64_t drilled_at, rto_ns, rpo_ns; /* of the newest drill that was good (rto_ns: and not throttled, if there was one) */
	int64_t service_rto_ns;		 /* of that whole drill: what the objective is held against */
	bool is_timed;			 /* that drill was not throttled; else its RTO meets no objective */
	int64_t expected_rto_ns;	 /* for the size of the newest point, at the rates of that drill; 0: not known */
	int64_t worst_exposure_ns;	 /* the largest gap on record from one consistency point to the next commit; 0: not known */
	int64_t exposed_since;		 /* private: the consistency point, by the store's clock, that the next commit ends */
	enum hf_met rpo_met, rto_met;
};

/* What a copy has of one source. */
struct hf_status_copied {
	const struct hf_point *newest; /* in the copy's catalogue; NULL: nothing */
	bool complete;
	int64_t age_ns;		       /* of what was copied, as age_ns of the source */
	bool is_behind;		       /* the first repository has a newer one */
	enum hf_met rpo_met;
};

struct hf_status_copy {
	const char *url;
	int failed;	/* why it could not be looked at (enum hf_code, and in `why`); 0: it was */
	char *why;
	bool is_whole;	/* its catalogue is, as far as it could be read */
	struct hf_repository *repo;
	struct hf_catalogue catalogue;
	struct hf_status_copied *sources; /* one for each source of the status, in the same order */
};

struct hf_status {
	struct hf_catalogue catalogue;
	struct hf_status_source *sources; /* by name, then writer */
	size_t source_count;
	size_t future;	      /* points that claim the future, and so are set apart */
	bool is_whole;	      /* nothing of the catalogue is damaged, gone or rolled back */
	bool has_verify, verify_ok; /* the newest verify on record */
	int64_t verified_at;
	int64_t rpo_objective, rto_objective; /* ns; 0: none */
	bool met;	      /* no objective was missed, in no copy either */
	struct hf_status_copy *copies; /* of the policy, in its order */
	size_t copy_count;
	size_t copies_failed; /* that could not be looked at, or whose catalogue is not whole */
};

/* HF_E_KEY if this key can't read the catalogue. What is wrong is in catalogue.problems. Free with hf_status_free, also after failure. */
int hf_status_get(const struct hf_status_options *options, struct hf_status *out, struct hf_error *err) HF_MUST_CHECK;
void hf_status_free(struct hf_status *s);

#endif
