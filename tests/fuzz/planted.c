/* A target with a bug, which replay must find: a harness that finds nothing would otherwise look like a library without faults. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[8] = "";
	for (size_t i = 0; i + 1 < size && data[i] == 'x'; i++)
		FUZZ_MUST(i < sizeof(text) && (text[i] = 'x'));
	return 0;
}
