/* holdfast ls */
#include "base/size.h"
#include "base/time.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/select_args.h"
#include "ops/ls.h"
#include "report/table.h"

#include <stdlib.h>

static const struct hf_option_info options[] = {HF_SELECT_OPTIONS, {0}};

static int print_object(const char *source, const struct hf_entry *e, struct hf_error *err)
{
	json_t *j = json_object();
	json_object_set_new(j, "source", json_string(source));
	hf_json_put_path(j, "path", e->path, e->path_len);
	json_object_set_new(j, "type", json_string(hf_entry_type_name(e->type)));
	json_object_set_new(j, "size", json_integer((json_int_t)e->size));
	json_object_set_new(j, "mode", json_integer(e->mode));
	json_object_set_new(j, "uid", json_integer(e->uid));
	json_object_set_new(j, "gid", json_integer(e->gid));
	json_object_set_new(j, "mtime", hf_json_time(e->mtime_ns));
	if (e->link)
		hf_json_put_path(j, "link", e->link, e->link_len);
	else
		json_object_set_new(j, "link", json_null());
	return hf_print_json(j, err);
}

/* "drwxr-xr-x", as ls -l has it. */
static const char *mode_text(const struct hf_entry *e, char out[11])
{
	static const char types[] = "?-dlhpcbs";
	static const char letters[] = "rwxrwxrwx";
	out[0] = types[e->type <= HF_ENTRY_SOCKET ? e->type : 0];
	for (int i = 0; i < 9; i++)
		out[1 + i] = e->mode & (0400u >> i) ? letters[i] : '-';
	if (e->mode & 04000)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if (e->mode & 02000)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if (e->mode & 01000)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = 0;
	return out;
}

static int print_line(const char *source, const struct hf_entry *e, struct hf_error *err)
{
	HF_BUF_AUTO line = HF_BUF(16 << 20);
	char mode[11], size[HF_SIZE_TEXT], time[HF_TIME_TEXT];
	hf_time_format(e->mtime_ns, time);
	time[10] = ' ';
	hf_buf_printf(&line, "%s %5u %5u %9s %.19s ", mode_text(e, mode), e->uid, e->gid,
		e->type == HF_ENTRY_FILE ? hf_size_format(e->size, size) : "", time);
	hf_text_safe(&line, source, strlen(source));
	hf_buf_str(&line, e->path_len ? "/" : "");
	hf_text_safe(&line, e->path, e->path_len);
	if (e->link) {
		hf_buf_str(&line, e->type == HF_ENTRY_SYMLINK ? " -> " : " = ");
		hf_text_safe(&line, e->link, e->link_len);
	}
	hf_buf_u8(&line, '\n');
	int r = hf_buf_check(&line, "line", err);
	return r < 0 ? r : hf_print_bytes(line.data, line.len, err);
}

static int print_entry(void *user, const char *source, const struct hf_manifest_entry *entry, struct hf_error *err)
{
	const struct hf_cli *cli = user;
	return cli->json ? print_object(source, &entry->entry, err) : print_line(source, &entry->entry, err);
}

struct paths {
	const char **items; /* room for all words */
	size_t count;
};

/* All options choose the snapshot. */
static int take_path(void *user, int id, const char *value, struct hf_error *err)
{
	struct paths *paths = user;
	(void)id;
	(void)err;
	paths->items[paths->count++] = value;
	return 0;
}

static int parse(struct hf_args *args, struct hf_select_options *select, struct paths *paths, struct hf_error *err)
{
	int r = hf_select_parse(args, select, take_path, paths, err);
	for (char **rest = hf_args_rest(args); r == 0 && rest && *rest; rest++)
		paths->items[paths->count++] = *rest;
	return r < 0 ? r : hf_select_require(select, err);
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_select_options select = {0};
	struct hf_view view = {0};
	struct paths paths = {.items = calloc((size_t)args->argc + 1, sizeof(*paths.items))};
	int r = paths.items ? parse(args, &select, &paths, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_view_choose(repo, &select, &view, err);
	if (r == 0) {
		const struct hf_ls_options o = {paths.items, paths.count, print_entry, cli};
		r = hf_ls(&view, &o, err);
	}
	hf_view_close(&view);
	free(paths.items);
	return r;
}

const struct hf_command hf_cmd_ls = {
	.name = "ls",
	.arguments = "[OPTION…] SNAPSHOT [PATH…]",
	.summary = "list what a snapshot holds",
	.notes = "SNAPSHOT is an id or its start, \"latest\", or \"latest:NAME\" (the newest that holds the source NAME,\n"
		 "and that source of it alone). PATH is NAME/path; NAME/ may be left out if there is one source.",
	.options = options,
	.run = run,
	.only_shows = true,
};
