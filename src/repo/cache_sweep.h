/* What killed processes left in a cache directory. */
#ifndef HF_REPO_CACHE_SWEEP_H
#define HF_REPO_CACHE_SWEEP_H

/* Removes half-written files of processes that are gone from the directory `path`. No failure matters. */
void hf_cache_sweep(const char *path);

#endif
