/*
 * The log: where the library says what can be lived with. It never prints by itself: lines go to one handler that
 * the program sets (the command line writes them to stderr; tests collect them). Safe from any thread.
 */
#ifndef HF_BASE_LOG_H
#define HF_BASE_LOG_H

#include "base/error.h"

enum hf_log_level { HF_LOG_DEBUG, HF_LOG_INFO, HF_LOG_WARN };

typedef void hf_log_handler(enum hf_log_level level, const char *line, void *user);

/* Set once, before threads start; NULL drops everything. */
void hf_log_set(hf_log_handler *handler, void *user, enum hf_log_level least);

void hf_log(enum hf_log_level level, const char *fmt, ...) HF_PRINTF(2, 3);

#define hf_debug(...) hf_log(HF_LOG_DEBUG, __VA_ARGS__)
#define hf_info(...) hf_log(HF_LOG_INFO, __VA_ARGS__)
#define hf_warn(...) hf_log(HF_LOG_WARN, __VA_ARGS__)

#endif
