/* holdfast copy */
#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/copy.h"
#include "ops/snapshots.h"

#include <stdlib.h>

enum { TO = HF_ARG_OWN, TO_KEY_FILE, TO_PASSPHRASE_FILE, ALL, HOST, VERIFY, COMPRESSION, SCRATCH };

static const struct hf_option_info options[] = {
	{TO, "to", "REPO", "the repository to copy to"},
	{TO_KEY_FILE, "to-key-file", "FILE", "its key (or HOLDFAST_TO_KEY_FILE)"},
	{TO_PASSPHRASE_FILE, "to-passphrase-file", "FILE",
		"its passphrase (or HOLDFAST_TO_PASSPHRASE, _FILE, _COMMAND; or it is\nasked for)"},
	{ALL, "all", NULL, "all snapshots but those that claim to be of the future"},
	{HOST, "host", "NAME", "\"latest\" of this key or host"},
	{VERIFY, "verify", NULL, "read back what was stored before it counts"},
	{COMPRESSION, "compression", "LEVEL", "of zstd, 1 to 19 (default: 3)"},
	{SCRATCH, "scratch", "DIR", "for temporary files (default: /var/tmp)"},
	{0},
};

struct request {
	struct hf_copy_options copy;
	struct hf_cli_other to;
	const char *host;
	const char **selectors; /* room for all words */
	size_t count;
	bool all;
};

/* --- the command line ---------------------------------------------------------------------------------------------- */

static int take_level(struct request *q, const char *value, struct hf_error *err)
{
	char *end;
	long level = strtol(value, &end, 10);
	if (!*value || *end || level < 1 || level > 19)
		return hf_fail(err, HF_E_USAGE, "--compression %s: give 1 to 19", value);
	q->copy.level = (int)level;
	return 0;
}

static int take(struct request *q, int id, const char *value, struct hf_error *err)
{
	switch (id) {
	case TO:
		q->to.url = value;
		return 0;
	case TO_KEY_FILE:
		q->to.key_file = value;
		return 0;
	case TO_PASSPHRASE_FILE:
		q->to.passphrase_file = value;
		return 0;
	case ALL:
		q->all = true;
		return 0;
	case HOST:
		q->host = value;
		return 0;
	case VERIFY:
		q->copy.verify = true;
		return 0;
	case COMPRESSION:
		return take_level(q, value, err);
	case SCRATCH:
		q->copy.scratch = value;
		return 0;
	default:
		q->selectors[q->count++] = value;
		return 0;
	}
}

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0)
		r = id < 0 ? id : take(q, id, value, err);
	if (r == 0)
		r = hf_args_no_rest(args, err);
	if (r < 0)
		return r;
	if (!q->to.url || !*q->to.url)
		return hf_fail(err, HF_E_USAGE, "where to? Give --to REPO");
	if (q->all == (q->count > 0))
		return hf_fail(err, HF_E_USAGE, "which snapshots? Give ids, \"latest\" or \"latest:NAME\", or --all");
	if (q->to.key_file && q->to.passphrase_file)
		return hf_fail(err, HF_E_USAGE, "--to-key-file and --to-passphrase-file: one is enough");
	return 0;
}

/* --- results ------------------------------------------------------------------------------------------------------- */

static json_t *copied_json(const struct hf_copied *c)
{
	json_t *j = json_object();
	json_object_set_new(j, "snapshot", hf_json_hex_string(c->from.id.b, HF_ID_SIZE));
	json_object_set_new(j, "copy", hf_json_hex_string(c->to.id.b, HF_ID_SIZE));
	json_object_set_new(j, "time", hf_json_time(c->time));
	json_object_set_new(j, "was_there", json_boolean(c->was_there));
	json_object_set_new(j, "as_is", json_boolean(c->as_is));
	json_object_set_new(j, "complete", json_boolean(c->complete));
	json_object_set_new(j, "locks_failed", json_boolean(c->locks_failed));
	json_object_set_new(j, "bytes", json_integer((json_int_t)c->bytes));
	json_object_set_new(j, "bytes_new", json_integer((json_int_t)c->bytes_new));
	json_object_set_new(j, "bytes_stored", json_integer((json_int_t)c->bytes_stored));
	json_object_set_new(j, "head", c->was_there ? json_null() : hf_json_hex_string(c->head.b, sizeof(c->head.b)));
	return j;
}

static void print_copied(const struct hf_copied *c)
{
	char from[HF_ID_TEXT], to[HF_ID_TEXT], time[HF_TIME_TEXT], bytes[HF_SIZE_TEXT], stored[HF_SIZE_TEXT];
	hf_hex(c->from.id.b, HF_ID_SIZE, from);
	hf_hex(c->to.id.b, HF_ID_SIZE, to);
	hf_time_format(c->time, time);
	if (c->was_there)
		hf_print("%s of %s is there already, as %s\n", from, time, to);
	else
		hf_print("%s of %s copied, as %s: %s, stored %s\n", from, time, to, hf_size_format(c->bytes, bytes),
			hf_size_format(c->bytes_stored, stored));
}

static int print(const struct hf_cli *cli, const struct hf_copies *copies, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < copies->count; i++) {
		if (cli->json)
			r = hf_print_json(copied_json(&copies->items[i]), err);
		else if (!cli->quiet)
			print_copied(&copies->items[i]);
	}
	return r;
}

/* --- doing it ------------------------------------------------------------------------------------------------------ */

static int choose(const struct request *q, const struct hf_catalogue *c, const struct hf_point **out, size_t *count,
	struct hf_error *err)
{
	int r = 0;
	*count = 0;
	for (size_t i = 0; q->all && i < c->point_count; i++)
		if (c->points[i].time_trust != HF_TIME_FUTURE)
			out[(*count)++] = &c->points[i];
	for (size_t i = 0; r == 0 && i < q->count; i++) {
		const struct hf_select_options select = {.selector = q->selectors[i],
			.host = strncmp(q->selectors[i], "latest", 6) == 0 ? q->host : NULL};
		r = hf_catalogue_select(c, &select, &out[*count], NULL, err);
		*count += r == 0;
	}
	return r;
}

static int copy(struct request *q, const struct hf_cli *cli, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	struct hf_catalogue catalogue = {0};
	struct hf_copies copies = {0};
	const struct hf_point **points = NULL;
	size_t count = 0;
	int r = hf_copy_require(&q->copy, err);
	if (r == 0)
		r = hf_catalogue_load(q->copy.from, &all, &catalogue, err);
	if (r == 0) {
		hf_catalogue_warn(&catalogue);
		points = calloc(catalogue.point_count + q->count + 1, sizeof(struct hf_point *));
		r = points ? choose(q, &catalogue, points, &count, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	if (r == 0) {
		struct hf_error why = {0};
		r = hf_copy(&q->copy, points, count, &copies, err);
		int printed = print(cli, &copies, &why); /* of a failure, too: what was copied is */
		if (r == 0 && printed < 0)
			r = hf_fail(err, printed, "%s", why.msg);
	}
	for (size_t i = 0; r == 0 && i < copies.count; i++)
		if (copies.items[i].locks_failed)
			r = HF_STATUS_INCOMPLETE;
	hf_copies_free(&copies);
	free(points);
	hf_catalogue_free(&catalogue);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *from = NULL, *to = NULL;
	struct request q = {.copy = {.scratch = "/var/tmp", .progress = &cli->progress},
		.to = {.prefix = "HOLDFAST_TO"},
		.selectors = calloc((size_t)args->argc + 1, sizeof(*q.selectors))};
	int r = q.selectors ? parse(args, &q, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = hf_cli_open_other(cli, &q.to, &to, err);
	if (r == 0)
		r = hf_cli_open(cli, &from, err);
	q.copy.from = from;
	q.copy.to = to;
	if (r == 0)
		r = copy(&q, cli, err);
	free(q.selectors);
	return r;
}

const struct hf_command hf_cmd_copy = {
	.name = "copy",
	.arguments = "(SNAPSHOT… | --all) --to REPO [OPTION…]",
	.summary = "copy snapshots to another repository",
	.notes = "Everything is verified on the way. What the other repository has is not sent again, so a copy that\n"
		 "was interrupted goes on where it was. It is cheapest into a repository made with init --like.\n"
		 "Copies keep their times, if they are made in the order in which the snapshots were.",
	.options = options,
	.run = run,
};
