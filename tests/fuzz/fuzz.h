/*
 * What a fuzz target is: one file with one function, which is given bytes from nowhere and must come back from any of them. libFuzzer
 * calls it (-Dfuzz=true), or else replay.c.
 *
 * Bytes that lie sealed in a repository are given to the parser behind the seal: a changed byte would get no further than the tag. Where
 * that parser is static, the target includes its file; the linker then takes the target's copy for the library's.
 */
#ifndef HF_TESTS_FUZZ_H
#define HF_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true of whatever a parser took: a crash like any other if it is not. */
#define FUZZ_MUST(fact)                                                                    \
	do {                                                                               \
		if (!(fact)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact); \
			abort();                                                           \
		}                                                                          \
	} while (0)

#endif
