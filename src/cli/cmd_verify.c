/* holdfast verify */
#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/verify.h"
#include "policy/policy.h"
#include "report/table.h"

enum { READ_DATA = HF_ARG_OWN, SAMPLE, EXPECT_HEAD };

static const struct hf_option_info options[] = {
	{READ_DATA, "read-data", NULL, "read, authenticate and hash everything that snapshots need"},
	{SAMPLE, "sample", "SHARE", "do so with a random part of it: 5%"},
	{EXPECT_HEAD, "expect-head", "HASH", "the catalogue must hold this head, which backup printed"},
	{0},
};

static int parse(struct hf_args *args, struct hf_verify_options *o, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0) {
		if (id < 0)
			return id;
		if (id == HF_ARG_OPERAND)
			return hf_fail(err, HF_E_USAGE, "verify takes no \"%s\": it verifies the whole repository", value);
		if (id == EXPECT_HEAD) {
			o->expect_head = value;
			continue;
		}
		o->read_data = true;
		if (id == SAMPLE)
			r = hf_share_parse(value, &o->sample, err);
	}
	return r < 0 ? hf_wrap(err, r, "--sample") : hf_args_no_rest(args, err);
}

static json_t *damage_json(const struct hf_damage *d)
{
	json_t *j = json_object(), *snapshots = json_array();
	json_object_set_new(j, "object", hf_json_bytes(d->object, strlen(d->object)));
	json_object_set_new(j, "error", hf_json_bytes(d->error, strlen(d->error)));
	json_object_set_new(j, "snapshots", snapshots);
	for (size_t i = 0; i < d->snapshot_count; i++)
		json_array_append_new(snapshots, hf_json_hex_string(d->snapshots[i].b, HF_ID_SIZE));
	json_object_set_new(j, "paths", d->paths ? json_incref(d->paths) : json_array());
	json_object_set_new(j, "path_count", json_integer((json_int_t)d->path_count));
	return j;
}

static int print_json(const struct hf_verify_result *v, struct hf_error *err)
{
	json_t *j = json_object(), *damaged = json_array(), *revoked = json_array();
	json_object_set_new(j, "ok", json_boolean(v->ok));
	json_object_set_new(j, "objects", json_integer((json_int_t)v->objects));
	json_object_set_new(j, "bytes", json_integer((json_int_t)v->bytes));
	json_object_set_new(j, "damaged", damaged);
	for (size_t i = 0; i < v->damaged_count; i++)
		json_array_append_new(damaged, damage_json(&v->damaged[i]));
	json_object_set_new(j, "revoked", revoked);
	for (size_t i = 0; i < v->revoked_count; i++)
		json_array_append_new(revoked, json_string(v->revoked[i].object));
	return hf_print_json(j, err);
}

static void put_line(struct hf_buf *out, const char *before, const char *text)
{
	hf_buf_str(out, before);
	hf_text_safe(out, text, strlen(text));
	hf_buf_u8(out, '\n');
}

static void put_damage(struct hf_buf *out, const struct hf_damage *d)
{
	char id[HF_ID_TEXT];
	size_t shown = json_array_size(d->paths);
	put_line(out, "DAMAGED ", *d->object ? d->object : "(the catalogue)");
	put_line(out, "  ", d->error);
	for (size_t i = 0; i < d->snapshot_count; i++)
		hf_buf_printf(out, "  touches snapshot %s\n", hf_hex(d->snapshots[i].b, HF_ID_SIZE, id));
	for (size_t i = 0; i < shown; i++) {
		const json_t *path = json_array_get(d->paths, i);
		if (json_is_string(path))
			put_line(out, "  touches ", json_string_value(path));
	}
	if (d->path_count > shown)
		hf_buf_printf(out, "  and %llu more paths\n", (unsigned long long)(d->path_count - shown));
}

static int print(const struct hf_cli *cli, const struct hf_verify_options *o, const struct hf_verify_result *v,
	struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	char size[HF_SIZE_TEXT];
	if (cli->json)
		return print_json(v, err);
	for (size_t i = 0; i < v->damaged_count; i++)
		put_damage(&text, &v->damaged[i]);
	for (size_t i = 0; i < v->revoked_count; i++)
		hf_buf_printf(&text, "Set apart, since its writer's key was revoked before: %s\n", v->revoked[i].object);
	if (!cli->quiet || !v->ok)
		hf_buf_printf(&text, "%s: %llu objects looked at, %s of data read%s.\n", v->ok ? "Whole" : "NOT whole",
			(unsigned long long)v->objects, hf_size_format(v->bytes, size),
			o->sample > 0 ? " (a sample)" : o->read_data ? "" : " (--read-data reads all of it)");
	int r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

/* For status, and for the nightly job that goes by when the last one was. The store may be one that can only be read. */
static void record(const struct hf_verify_options *o, const struct hf_verify_result *v)
{
	struct hf_error why = {0};
	if (hf_verify_record(o, v, &why) < 0)
		hf_warn("%s", why.msg);
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_verify_options o = {.progress = &cli->progress};
	struct hf_verify_result result = {0};
	int r = parse(args, &o, err);
	if (cli->policy && !o.read_data) {
		o.sample = cli->policy->verify.sample;
		o.read_data = cli->policy->verify.read_data || o.sample > 0;
	}
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_repository_require_reading(repo, true, "verify the repository", err);
	if (r == 0 && !repo->state.known)
		hf_info("this host has seen nothing of this repository before: whether it was rolled back can't be told");
	o.repo = repo;
	if (r == 0)
		r = hf_verify_repository(&o, &result, err);
	if (r == 0 && cli->policy)
		record(&o, &result);
	if (r == 0)
		r = print(cli, &o, &result, err);
	if (r == 0)
		r = result.ok ? HF_STATUS_DONE : HF_STATUS_CHECK;
	hf_verify_result_free(&result);
	return r;
}

const struct hf_command hf_cmd_verify = {
	.name = "verify",
	.arguments = "[--read-data | --sample SHARE]",
	.summary = "prove that the repository is whole, or name what is not",
	.notes = "Always: the catalogue, the snapshots, their manifests, and that each pack which they need is there\n"
		 "with an intact table. What a killed run left behind is no error. Ends with status 20 if anything is\n"
		 "damaged, naming every snapshot and path that it touches.",
	.options = options,
	.run = run,
};
