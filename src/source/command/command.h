/*
 * The kind "command": the standard output of a command (a Redis dump, a MySQL dump) as one file, named after the
 * source, mode 0600. Needs `argv` in its spec when it captures; takes no options. A non-zero exit, or death by a
 * signal, fails the capture, with the end of what the command wrote to standard error in the message. The
 * consistency point is the moment of the start: later changes may be missing. Recorded in detail: {"argv0", "exit",
 * "seconds"}; arguments are not, since they may hold secrets. The command has our environment, but for the
 * repository's passphrase.
 */
#ifndef HF_SOURCE_COMMAND_H
#define HF_SOURCE_COMMAND_H

#include "source/source.h"

extern const struct hf_source_driver hf_source_command;

#endif
