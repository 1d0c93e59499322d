/*
 * Finding out what a store really does: by doing it, with a few objects of its own that are deleted again. What a repository
 * depends on (writing, reading back at once, ranges, lists that show what was just written) is run by init as well.
 */
#ifndef HF_OPS_PROBE_H
#define HF_OPS_PROBE_H

#include "base/json.h"
#include "store/store.h"

struct hf_probe_options {
	const char *url; /* for a second look at the store with short list pages; only with `all` */
	bool all;	 /* also what a repository does without: conditions, versions, locks, clock, speed */
	uint64_t size;	 /* of the object that measures throughput; 0: 8 MiB */
};

struct hf_probe_result {
	json_t *checks; /* array of {"name","needed","ok","detail"} */
	bool ok;	/* all that is needed */
	/* With `all`: */
	double put_seconds, get_seconds, list_seconds;	   /* of a small object; medians */
	double put_bytes_per_second, get_bytes_per_second; /* of one large one */
	double clock_seconds;				   /* the store's clock minus ours */
	char why[HF_ERROR_MAX]; /* the first that failed and is needed; else empty */
};

/* Fails only where nothing can be written at all, saying why; what else does not work is in the result. Free with
 * hf_probe_result_free, also after failure. */
int hf_probe(struct hf_store *store, const struct hf_probe_options *options, struct hf_probe_result *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_probe_result_free(struct hf_probe_result *result);

/* Is this the name of an object that a probe made, and left behind because it was killed? */
bool hf_probe_is_own(const char *name);

#endif
