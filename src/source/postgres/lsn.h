/* Places in the write-ahead log: their text form ("0/1A2B3C4"), and the names of segment files. */
#ifndef HF_SOURCE_POSTGRES_LSN_H
#define HF_SOURCE_POSTGRES_LSN_H

#include <stdbool.h>
#include <stdint.h>

#define HF_LSN_TEXT 18	       /* "FFFFFFFF/FFFFFFFF" and a terminator */
#define HF_WAL_NAME 25	       /* 24 hex digits and a terminator */
#define HF_WAL_SEGMENT_MAX (1u << 30) /* the largest that initdb allows */

bool hf_lsn_parse(const char *text, uint64_t *lsn); /* the whole text, nothing after it */
const char *hf_lsn_format(uint64_t lsn, char out[HF_LSN_TEXT]);

/* The name of the segment file that holds `lsn`: timeline, then the segment's number in two halves. */
const char *hf_wal_name(uint32_t timeline, uint64_t lsn, uint32_t segment_size, char out[HF_WAL_NAME]);

/* A size as SHOW wal_segment_size gives it ("16MB", "1GB"); 0 if it is none, or no power of two from 1 MiB to 1 GiB. */
uint32_t hf_wal_segment_size(const char *text);

#endif
