/*
 * Random bytes, and the two habits that go with secrets: wiping them, and comparing without telling by time.
 * Safe from any thread.
 */
#ifndef HF_CRYPTO_RANDOM_H
#define HF_CRYPTO_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

/* Fills `out` with `len` bytes fit for keys. Straight from the kernel, so that neither a fork nor a cloned
 * machine can repeat them. Never fails: a system without randomness aborts the process, since nothing safe
 * can follow. */
void hf_random(void *out, size_t len);

/* Overwrites `len` bytes at `p` with zeros, in a way that the compiler can't drop. `p` may be NULL when `len`
 * is 0. */
void hf_wipe(void *p, size_t len);

/* Whether `len` bytes at `a` and `b` are the same, in a time that depends on `len` alone. */
bool hf_equal(const void *a, const void *b, size_t len);

#endif
