/* Places in the write-ahead log; see lsn.h. */
#include "source/postgres/lsn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hf_lsn_parse(const char *text, uint64_t *lsn)
{
	uint32_t half[2];
	for (int i = 0; i < 2; i++) {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");
		if (digits == 0 || digits > 8)
			return false;
		half[i] = (uint32_t)strtoul(text, NULL, 16);
		text += digits;
		if (*text++ != (i == 0 ? '/' : 0))
			return false;
	}
	*lsn = (uint64_t)half[0] << 32 | half[1];
	return true;
}

const char *hf_lsn_format(uint64_t lsn, char out[HF_LSN_TEXT])
{
	snprintf(out, HF_LSN_TEXT, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
	return out;
}

const char *hf_wal_name(uint32_t timeline, uint64_t lsn, uint32_t segment_size, char out[HF_WAL_NAME])
{
	uint64_t per_id = UINT64_C(0x100000000) / segment_size;
	uint64_t number = lsn / segment_size;
	snprintf(out, HF_WAL_NAME, "%08" PRIX32 "%08" PRIX32 "%08" PRIX32, timeline, (uint32_t)(number / per_id),
		(uint32_t)(number % per_id));
	return out;
}

uint32_t hf_wal_segment_size(const char *text)
{
	char *unit;
	unsigned long n = strtoul(text, &unit, 10);
	if (strcmp(unit, "GB") == 0)
		n *= 1024;
	else if (strcmp(unit, "MB") != 0)
		return 0;
	if (n == 0 || n > 1024 || (n & (n - 1)) != 0)
		return 0;
	return (uint32_t)n << 20;
}
