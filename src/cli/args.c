/* Parsing by tables over getopt_long; see args.h. */
#include "cli/args.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

const struct hf_option_info hf_global_options[] = {
	{HF_ARG_REPO, "repo", "REPO", "the repository: a directory, or s3://BUCKET/PREFIX\n(else HOLDFAST_REPO)"},
	{HF_ARG_POLICY, "policy", "FILE", "a policy: its repository, keys, sources, objectives"},
	{HF_ARG_ENV_FILE, "env-file", "FILE", "variables for ${NAME} in the policy, as in an\napplication's .env; the environment beats it"},
	{HF_ARG_JSON, "json", NULL, "results as JSON, lists as one object a line"},
	{HF_ARG_QUIET, "quiet", NULL, "no progress and no remarks; warnings and errors only"},
	{HF_ARG_CONNECTIONS, "connections", "N", "at most so many connections to the store at once (8)"},
	{HF_ARG_LIMIT_UPLOAD, "limit-upload", "SIZE", "send at most so much a second to a repository, as in 10M"},
	{HF_ARG_LIMIT_DOWNLOAD, "limit-download", "SIZE", "receive at most so much a second from one"},
	{HF_ARG_HELP, "help", NULL, "this help"},
	{HF_ARG_VERSION, "version", NULL, "the version of the program"},
	{0},
};

enum { OPTIONS_MAX = 64 };

/* One pass over the words. */
struct parser {
	struct option longs[OPTIONS_MAX];
	char shorts[2 * OPTIONS_MAX + 4];
	size_t count;
	char **words; /* the command's, command name first */
	int word_count, rest; /* where what follows "--" begins; 0: nothing does */
	bool started;
};

static void add_option(struct parser *p, const struct hf_option_info *o)
{
	if (p->count + 1 >= OPTIONS_MAX)
		return;
	p->longs[p->count++] = (struct option){o->name, o->value ? required_argument : no_argument, NULL, o->id};
	size_t n = strlen(p->shorts);
	if (o->id < 128) {
		p->shorts[n++] = (char)o->id;
		if (o->value)
			p->shorts[n++] = ':';
	}
	p->shorts[n] = 0;
}

/* `order`: "+:" stops at the first operand, "-:" hands operands out in their place. */
static void fill(struct parser *p, const char *order, const struct hf_option_info *own)
{
	*p = (struct parser){.words = p->words, .word_count = p->word_count};
	strcpy(p->shorts, order);
	for (const struct hf_option_info *o = hf_global_options; o->id; o++)
		add_option(p, o);
	for (const struct hf_option_info *o = own; o && o->id; o++)
		add_option(p, o);
	p->longs[p->count] = (struct option){0};
	optind = 0; /* glibc: start anew */
	opterr = 0;
}

static int bad_option(const struct parser *p, int got, const struct hf_command *command, struct hf_error *err)
{
	const char *word = p->words[optind - 1];
	char letter[3] = {'-', (char)optopt, 0};
	if (optopt > 0 && optopt < 128 && strncmp(word, "--", 2) != 0)
		word = letter;
	const char *help = command ? command->name : "";
	return hf_fail(err, HF_E_USAGE, "%s \"%s\"%s; see holdfast %s%s--help",
		got == ':' ? "a value is missing for" : "unknown or ambiguous option", word,
		got == '?' && strchr(word, '=') ? " (or it takes no value)" : "", help, *help ? " " : "");
}

static bool take_global(struct hf_cli *cli, struct hf_args *args, int id)
{
	switch (id) {
	case HF_ARG_REPO:
		cli->repo = optarg;
		return true;
	case HF_ARG_POLICY:
		cli->policy_path = optarg;
		return true;
	case HF_ARG_ENV_FILE:
		cli->env_file = optarg;
		return true;
	case HF_ARG_JSON:
		cli->json = true;
		return true;
	case HF_ARG_QUIET:
		cli->quiet = true;
		return true;
	case HF_ARG_CONNECTIONS:
		cli->connections = optarg;
		return true;
	case HF_ARG_LIMIT_UPLOAD:
		cli->limit_upload = optarg;
		return true;
	case HF_ARG_LIMIT_DOWNLOAD:
		cli->limit_download = optarg;
		return true;
	case HF_ARG_HELP:
		args->help = true;
		return true;
	case HF_ARG_VERSION:
		args->version = true;
		return true;
	default:
		return false;
	}
}

static bool is_global(int id)
{
	for (const struct hf_option_info *o = hf_global_options; o->id; o++)
		if (o->id == id)
			return true;
	return false;
}

/* All words from the parser's on: the globals among them into `cli`. Stops where getopt does. */
static int read_globals(struct parser *p, struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	int id;
	while ((id = getopt_long(p->word_count, p->words, p->shorts, p->longs, NULL)) != -1) {
		if (id == '?' || id == ':')
			return bad_option(p, id, args->command, err);
		take_global(cli, args, id);
		args->help = args->help || (optarg && optarg == p->words[optind - 1] && strcmp(optarg, "--help") == 0);
	}
	return 0;
}

static const struct hf_command *find_command(const char *name)
{
	for (const struct hf_command *const *c = hf_commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

int hf_args_begin(int argc, char **argv, struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	*args = (struct hf_args){.argc = argc, .argv = argv};
	struct parser *p = calloc(1, sizeof(*p));
	if (!p)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	args->parser = p;
	p->words = argv;
	p->word_count = argc;
	fill(p, "+:", NULL);
	int r = read_globals(p, cli, args, err);
	if (r < 0)
		return r;
	if (optind >= argc)
		return args->help || args->version
			       ? 0
			       : hf_fail(err, HF_E_USAGE, "a command is missing; see holdfast --help");
	args->command = find_command(argv[optind]);
	if (!args->command)
		return hf_fail(err, HF_E_USAGE, "there is no command \"%s\"; see holdfast --help", argv[optind]);
	p->words = argv + optind;
	p->word_count = argc - optind;
	fill(p, "-:", args->command->options);
	return read_globals(p, cli, args, err);
}

int hf_args_next(struct hf_args *args, const char **value, struct hf_error *err)
{
	struct parser *p = args->parser;
	int id;
	if (!p->started) {
		fill(p, "-:", args->command->options);
		p->started = true;
	}
	do
		id = getopt_long(p->word_count, p->words, p->shorts, p->longs, NULL);
	while (id != -1 && is_global(id));
	*value = optarg;
	if (id == '?' || id == ':')
		return bad_option(p, id, args->command, err);
	if (id != -1)
		return id;
	if (optind > 0 && strcmp(p->words[optind - 1], "--") == 0)
		p->rest = optind;
	return 0;
}

char **hf_args_rest(const struct hf_args *args)
{
	const struct parser *p = args->parser;
	return p->rest ? p->words + p->rest : NULL;
}

int hf_args_no_rest(const struct hf_args *args, struct hf_error *err)
{
	char **rest = hf_args_rest(args);
	if (!rest || !*rest)
		return 0;
	return hf_fail(err, HF_E_USAGE, "nothing may follow \"--\" in holdfast %s, and \"%s\" does", args->command->name,
		*rest);
}

void hf_args_free(struct hf_args *args)
{
	free(args->parser);
	args->parser = NULL;
}
