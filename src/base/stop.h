/*
 * Being told to stop. A signal handler (or a test) calls hf_stop_request; everything that loops or waits asks
 * hf_stopped between steps and unwinds with hf_stop_check's error. One flag for the process: a signal is one too.
 */
#ifndef HF_BASE_STOP_H
#define HF_BASE_STOP_H

#include "base/error.h"

#include <stdbool.h>

void hf_stop_request(int signal_number); /* async-signal-safe; the first signal is kept */
int hf_stop_signal(void);		 /* the signal that asked, or 0 */
bool hf_stopped(void);
int hf_stop_check(struct hf_error *err) HF_MUST_CHECK; /* 0, or HF_E_STOPPED "stopped by signal 2 (Interrupt)" */
void hf_stop_reset(void);		 /* for tests */

#endif
