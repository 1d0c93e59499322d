/* The guardian of the thaw hooks as a program (ops/guardian.h): holdfast starts itself with one argument that is no option of its own. */
#ifndef HF_CLI_GUARDIAN_H
#define HF_CLI_GUARDIAN_H

#include <stdbool.h>

extern const char *const hf_guardian_program[]; /* an argument vector */

/* Is this process meant to be one? */
bool hf_guardian_is_asked(int argc, char **argv);
/* Then this is all that it does: its exit status. */
int hf_guardian_main(void);

#endif
