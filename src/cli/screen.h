/*
 * What goes to standard error: the log, errors, and progress. On a terminal, work that takes longer than a second shows one
 * line with the phase, the amount, the rate and the time left, drawn by a thread and wiped before anything else is written.
 * Otherwise a plain line now and then (30 s). With `quiet` there is no progress and there are no remarks, but warnings.
 */
#ifndef HF_CLI_SCREEN_H
#define HF_CLI_SCREEN_H

#include "cli/cli.h"

/* Takes over the log and starts to watch cli->progress. Without threads to be had there is no progress. */
void hf_screen_begin(struct hf_cli *cli);
/* "holdfast: MESSAGE" */
void hf_screen_error(const char *message);
/* Ends the thread and wipes its line. */
void hf_screen_end(void);

#endif
