/* holdfast store probe */
#include "base/size.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/probe.h"

#include <string.h>

enum { SIZE = HF_ARG_OWN };

static const struct hf_option_info options[] = {
	{SIZE, "size", "SIZE", "of the object that measures the throughput (8M)"},
	{0},
};

enum { SIZE_MOST = 1 << 30 };

static int parse(struct hf_args *args, struct hf_probe_options *o, struct hf_error *err)
{
	const char *value, *verb = NULL;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0) {
		if (id < 0)
			return id;
		if (id == HF_ARG_OPERAND && verb)
			return hf_fail(err, HF_E_USAGE, "store probe takes no \"%s\"", value);
		if (id == HF_ARG_OPERAND)
			verb = value;
		else
			r = hf_size_parse(value, &o->size, err);
	}
	if (r == 0 && (!verb || strcmp(verb, "probe") != 0))
		r = hf_fail(err, HF_E_USAGE, "say holdfast store probe");
	if (r == 0 && o->size > SIZE_MOST)
		r = hf_fail(err, HF_E_USAGE, "--size: at most 1G");
	return r < 0 ? r : hf_args_no_rest(args, err);
}

static int print_json(const char *url, const struct hf_probe_result *p, struct hf_error *err)
{
	json_t *j = json_object();
	json_object_set_new(j, "url", hf_json_bytes(url, strlen(url)));
	json_object_set_new(j, "ok", json_boolean(p->ok));
	json_object_set(j, "checks", p->checks);
	json_object_set_new(j, "put_seconds", json_real(p->put_seconds));
	json_object_set_new(j, "get_seconds", json_real(p->get_seconds));
	json_object_set_new(j, "list_seconds", json_real(p->list_seconds));
	json_object_set_new(j, "put_bytes_per_second", json_real(p->put_bytes_per_second));
	json_object_set_new(j, "get_bytes_per_second", json_real(p->get_bytes_per_second));
	json_object_set_new(j, "clock_seconds", json_real(p->clock_seconds));
	return hf_print_json(j, err);
}

static void print_text(const struct hf_probe_result *p)
{
	char up[HF_SIZE_TEXT], down[HF_SIZE_TEXT];
	for (size_t i = 0; i < json_array_size(p->checks); i++) {
		const json_t *c = json_array_get(p->checks, i);
		const char *detail = json_string_value(json_object_get(c, "detail"));
		bool ok = json_is_true(json_object_get(c, "ok")), needed = json_is_true(json_object_get(c, "needed"));
		hf_print("%-6s  %s%s%s\n", ok ? "yes" : needed ? "FAILED" : "no", json_string_value(json_object_get(c, "name")),
			*detail ? ": " : "", detail);
	}
	if (!p->ok)
		return;
	hf_print("A small object: written in %.1f ms, read in %.1f ms; a list in %.1f ms.\n", p->put_seconds * 1e3,
		p->get_seconds * 1e3, p->list_seconds * 1e3);
	hf_print("A large one, over one connection: up %s/s, down %s/s.\n", hf_size_format((uint64_t)p->put_bytes_per_second, up),
		hf_size_format((uint64_t)p->get_bytes_per_second, down));
	hf_print("The store's clock differs from this host's by %.1f s.\n", p->clock_seconds);
}

static int probe(struct hf_cli *cli, struct hf_store *store, const struct hf_probe_options *o, struct hf_error *err)
{
	struct hf_probe_result result;
	int r = hf_probe(store, o, &result, err);
	if (r == 0 && cli->json)
		r = print_json(o->url, &result, err);
	else if (r == 0)
		print_text(&result);
	if (r == 0 && !result.ok)
		r = hf_fail(err, HF_E_CHECK, "%s can't hold a repository: %s", o->url, result.why);
	hf_probe_result_free(&result);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct hf_probe_options o = {.all = true};
	struct hf_store_open_options open = {0};
	struct hf_store *store = NULL;
	int r = parse(args, &o, err);
	if (r == 0)
		r = hf_cli_repo(cli, &o.url, err);
	if (r == 0)
		r = hf_cli_store_options(cli, &open, err);
	if (r == 0)
		r = hf_store_open(o.url, &open, &store, err);
	if (r == 0)
		r = probe(cli, store, &o, err);
	hf_store_close(store);
	return r;
}

const struct hf_command hf_cmd_store = {
	.name = "store",
	.arguments = "probe [--size SIZE]",
	.summary = "find out what a store really does",
	.notes = "Writes a few objects of its own beside what is there, and deletes them again. No key is needed.",
	.options = options,
	.run = run,
};
