/* --help: made from the tables of commands and options. */
#ifndef HF_CLI_HELP_H
#define HF_CLI_HELP_H

#include "cli/cli.h"

void hf_help_program(void);
void hf_help_command(const struct hf_command *command);

#endif
