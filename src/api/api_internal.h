/* What the files of the public interface share. See include/holdfast/holdfast.h, which is the manual; here is only how it maps. */
#ifndef HF_API_API_INTERNAL_H
#define HF_API_API_INTERNAL_H

#include "base/arena.h"
#include "base/progress.h"
#include "repo/catalogue.h"
#include "source/source.h"

#include <holdfast/holdfast.h>

struct holdfast_repository {
	struct hf_repository *repo;
};

struct holdfast_progress {
	struct hf_progress progress;
};

/* The progress of an operation, or NULL. */
static inline struct hf_progress *hf_api_progress(struct holdfast_progress *p)
{
	return p ? &p->progress : NULL;
}

/* Options of a caller who may have been compiled with fewer members, or with more: those must be zero then. `options` NULL is all zero.
 * Every struct of options begins with its size. */
int hf_api_options(const void *options, void *out, size_t size, struct hf_error *err) HF_MUST_CHECK;

/* Ends a public function: `r` as it is, and what went wrong for the caller to read. */
int hf_api_end(int r, const struct hf_error *failure, struct holdfast_error *err);

/* Options of a driver, as the library has them, in `arena`. NULL and HF_E_NOMEM without memory. */
int hf_api_driver_options(struct hf_arena *arena, const struct holdfast_option *options, size_t count, const struct hf_option **out,
	struct hf_error *err) HF_MUST_CHECK;

/* Room for `count` results, zero, in `arena`; never NULL for none. HF_E_NOMEM. */
int hf_api_room(struct hf_arena *arena, size_t count, size_t size, void *out, struct hf_error *err) HF_MUST_CHECK;
/* A copy of a text, NULL of NULL. Without memory HF_E_NOMEM. */
int hf_api_text(struct hf_arena *arena, const char *text, const char **out, struct hf_error *err) HF_MUST_CHECK;

/* The snapshot that a restore or a drill is about. `catalogue` is loaded in any case: free it with hf_catalogue_free. */
struct hf_api_choice {
	struct hf_catalogue catalogue;
	const struct hf_point *point;
	const char *source; /* NULL: all */
};
int hf_api_choose(struct hf_repository *repo, const char *snapshot, const char *source, struct hf_api_choice *out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
