/* --help; see help.h. */
#include "cli/help.h"

#include "cli/args.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN = 28 };

/* "  -r, --repo REPO           what it does", further lines below each other. */
static void print_option(const struct hf_option_info *o)
{
	char left[128], letter[5] = "    ";
	if (o->id < 128)
		snprintf(letter, sizeof(letter), "-%c, ", o->id);
	snprintf(left, sizeof(left), "  %s--%s%s%s", letter, o->name, o->value ? " " : "", o->value ? o->value : "");
	hf_print("%-*s", COLUMN, left);
	if (strlen(left) >= COLUMN)
		hf_print("\n%*s", COLUMN, "");
	for (const char *line = o->help;;) {
		const char *end = strchrnul(line, '\n');
		hf_print("%.*s\n", (int)(end - line), line);
		if (!*end)
			return;
		line = end + 1;
		hf_print("%*s", COLUMN, "");
	}
}

static void print_options(const char *title, const struct hf_option_info *options)
{
	if (!options || !options->id)
		return;
	hf_print("\n%s\n", title);
	for (; options->id; options++)
		print_option(options);
}

void hf_help_program(void)
{
	hf_print("Usage: holdfast [-r REPO] [--json] [-q] COMMAND …\n\n"
		 "Backs up PostgreSQL, SQLite, volumes and the output of commands into an encrypted\n"
		 "repository, and proves that they come back.\n\nCommands:\n");
	for (const struct hf_command *const *c = hf_commands; *c; c++)
		hf_print("  %-16s%s\n", (*c)->name, (*c)->summary);
	print_options("Options, before or after the command:", hf_global_options);
	hf_print("\nEnvironment: HOLDFAST_REPO, HOLDFAST_KEY_FILE, HOLDFAST_PASSPHRASE, HOLDFAST_PASSPHRASE_FILE,\n"
		 "HOLDFAST_PASSPHRASE_COMMAND, HOLDFAST_CACHE_DIR, HOLDFAST_STATE_DIR.\n"
		 "\nholdfast COMMAND --help tells more; so do the man pages, holdfast(1) and holdfast-COMMAND(1).\n");
}

void hf_help_command(const struct hf_command *command)
{
	hf_print("Usage: holdfast [-r REPO] %s%s%s\n\n%s\n", command->name, *command->arguments ? " " : "", command->arguments,
		command->summary);
	if (command->notes)
		hf_print("\n%s\n", command->notes);
	print_options("Options:", command->options);
	print_options("Options of all commands:", hf_global_options);
}
