/* What a backup says of itself: warnings, a table, or JSON (holdfast-backup(1)). */
#ifndef HF_CLI_BACKUP_RESULT_H
#define HF_CLI_BACKUP_RESULT_H

#include "ops/backup.h"

/* What could not be read, on standard error. */
void hf_backup_result_warn(const struct hf_backup_result *b);
/* New reference. */
json_t *hf_backup_result_json(const struct hf_backup_result *b);
/* The exit status of a backup that is committed. */
int hf_backup_result_status(const struct hf_backup_result *b);
/* The table, on standard output. */
int hf_backup_result_print(const struct hf_backup_result *b, struct hf_error *err) HF_MUST_CHECK;

#endif
