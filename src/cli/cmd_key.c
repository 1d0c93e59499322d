/* holdfast key add | list | revoke | remove | rotate | export: who may do what with a repository. */
#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "ops/key.h"
#include "ops/key_sheet.h"

#include <string.h>

enum { ARG_WRITE = HF_ARG_OWN, ARG_READ, ARG_STATUS, ARG_MAINTAIN, ARG_PASSPHRASE, ARG_DOMAIN, ARG_NAME, ARG_SHEET };

static const struct hf_option_info options[] = {
	{ARG_WRITE, "write", "FILE", "add: a key that backs up and reads nothing back, to the new file FILE"},
	{ARG_READ, "read", "FILE", "add: a key that restores, drills and backs up"},
	{ARG_STATUS, "status", "FILE", "add: a key that sees names, times, sizes and evidence, and no data"},
	{ARG_MAINTAIN, "maintain", NULL,
		"add --maintain FILE: a key that sees what a status key sees, forgets and prunes;\n"
		"add --read FILE --maintain: a read key that may do so, too"},
	{ARG_PASSPHRASE, "passphrase", NULL,
		"add: one more passphrase for the owner's key, from HOLDFAST_NEW_PASSPHRASE,\n"
		"HOLDFAST_NEW_PASSPHRASE_FILE or _COMMAND, or asked for"},
	{ARG_NAME, "name", "NAME", "add: what it is called (the file's name without \".key\")"},
	{ARG_DOMAIN, "domain", "NAME",
		"add: deduplicate together with the keys of this domain, and trust them\n"
		"(a domain of its own)"},
	{ARG_SHEET, "sheet", NULL, "export: a sheet for paper, to check the rescue files against"},
	{0},
};

struct request {
	const char *verb, *which; /* operands */
	struct hf_key_add_options add;
	bool passphrase, sheet;
};

/* --- the command line --------------------------------------------------------------------------------------------- */

static int set_kind(struct request *q, enum hf_key_kind kind, const char *file, struct hf_error *err)
{
	if (q->add.kind)
		return hf_fail(err, HF_E_USAGE, "one key at a time: give one of --write, --read, --status and --maintain");
	q->add.kind = kind;
	q->add.file = file;
	return 0;
}

static int set_operand(struct request *q, const char *value, struct hf_error *err)
{
	if (q->which)
		return hf_fail(err, HF_E_USAGE, "key: \"%s\" is one word too many", value);
	if (q->verb)
		q->which = value;
	else
		q->verb = value;
	return 0;
}

static int take(struct request *q, int id, const char *value, struct hf_error *err)
{
	switch (id) {
	case HF_ARG_OPERAND:
		return set_operand(q, value, err);
	case ARG_WRITE:
		return set_kind(q, HF_KEY_WRITE, value, err);
	case ARG_READ:
		return set_kind(q, HF_KEY_READ, value, err);
	case ARG_STATUS:
		return set_kind(q, HF_KEY_STATUS, value, err);
	case ARG_SHEET:
		q->sheet = true;
		return 0;
	case ARG_PASSPHRASE:
		q->passphrase = true;
		return 0;
	case ARG_DOMAIN:
		q->add.domain = value;
		return 0;
	case ARG_NAME:
		q->add.name = value;
		return 0;
	default:
		q->add.maintain = true;
		return 0;
	}
}

/* "--maintain FILE" is a kind of key, and after --read FILE a right. */
static void settle_maintain(struct request *q)
{
	if (!q->add.maintain || q->add.kind || !q->which)
		return;
	q->add.kind = HF_KEY_MAINTAIN;
	q->add.file = q->which;
	q->add.maintain = false;
	q->which = NULL;
}

static int check_add(struct request *q, struct hf_error *err)
{
	settle_maintain(q);
	const struct hf_key_add_options *o = &q->add;
	if (q->sheet)
		return hf_fail(err, HF_E_USAGE, "--sheet goes with key export");
	if (q->which)
		return hf_fail(err, HF_E_USAGE, "key add: \"%s\" is one word too many", q->which);
	if (q->passphrase == (o->kind != 0))
		return hf_fail(err, HF_E_USAGE,
			"key add: say what to add: one of --write FILE, --read FILE, --maintain FILE, "
			"--status FILE and --passphrase");
	if (o->maintain && o->kind != HF_KEY_READ)
		return hf_fail(err, HF_E_USAGE, "--maintain makes a key of its own, or goes with --read");
	if (o->domain && q->passphrase)
		return hf_fail(err, HF_E_USAGE, "--domain goes with --write or --read");
	return 0;
}

static bool is_verb(const struct request *q, const char *verb)
{
	return strcmp(q->verb, verb) == 0;
}

static int check(struct request *q, struct hf_error *err)
{
	static const char verbs[] = "add, list, revoke, remove, rotate or export";
	if (!q->verb)
		return hf_fail(err, HF_E_USAGE, "key: %s?", verbs);
	if (is_verb(q, "add"))
		return check_add(q, err);
	bool one = is_verb(q, "remove") || is_verb(q, "revoke"), export = is_verb(q, "export");
	if (!one && !export && !is_verb(q, "list") && !is_verb(q, "rotate"))
		return hf_fail(err, HF_E_USAGE, "key: %s, not \"%s\"", verbs, q->verb);
	const struct hf_key_add_options *o = &q->add;
	if (q->passphrase || o->kind || o->maintain || o->domain || o->name || (q->sheet && !export))
		return hf_fail(err, HF_E_USAGE, "key %s takes no such option", q->verb);
	if (export && !q->sheet)
		return hf_fail(err, HF_E_USAGE, "key export: what? Give --sheet");
	if (one && !q->which)
		return hf_fail(err, HF_E_USAGE, "key %s: which one? Give its name or id", q->verb);
	if (!one && q->which)
		return hf_fail(err, HF_E_USAGE, "key %s: \"%s\" is one word too many", q->verb, q->which);
	return 0;
}

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id;
	while ((id = hf_args_next(args, &value, err)) > 0) {
		int r = take(q, id, value, err);
		if (r < 0)
			return r;
	}
	if (id == 0)
		id = hf_args_no_rest(args, err);
	return id < 0 ? id : check(q, err);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static json_t *rights_json(unsigned rights)
{
	json_t *a = json_array();
	for (unsigned bit = 1; bit <= rights; bit <<= 1)
		if ((rights & bit) && hf_right_name(bit))
			json_array_append_new(a, json_string(hf_right_name(bit)));
	return a;
}

static json_t *item_json(const struct hf_key_item *item)
{
	json_t *j = json_object();
	json_object_set_new(j, "type", json_string(item->is_slot ? "passphrase" : "key"));
	json_object_set_new(j, "id", hf_json_hex_string(item->id.b, HF_ID_SIZE));
	json_object_set_new(j, "kind", json_string(hf_key_kind_name(item->kind)));
	json_object_set_new(j, "name", json_string(item->name));
	json_object_set_new(j, "rights", rights_json(item->rights));
	json_object_set_new(j, "domain", *item->domain ? json_string(item->domain) : json_null());
	json_object_set_new(j, "created", hf_json_time(item->created));
	json_object_set_new(j, "revoked", json_boolean(item->revoked));
	return j;
}

static int print_added(
	const struct hf_cli *cli, const struct request *q, const struct hf_key_added *a, struct hf_error *err)
{
	char id[HF_ID_TEXT];
	hf_hex(a->id.b, HF_ID_SIZE, id);
	if (cli->json) {
		json_t *j = json_object();
		json_object_set_new(j, "type", json_string("key"));
		json_object_set_new(j, "id", json_string(id));
		json_object_set_new(j, "kind", json_string(hf_key_kind_name(q->add.kind)));
		json_object_set_new(j, "name", json_string(a->name));
		json_object_set_new(j, "domain", *a->domain ? json_string(a->domain) : json_null());
		json_object_set_new(j, "joined", json_boolean(a->joined));
		hf_json_put_path(j, "file", q->add.file, strlen(q->add.file));
		return hf_print_json(j, err);
	}
	hf_print("%s key \"%s\" (%.8s) written to %s\n", hf_key_kind_name(q->add.kind), a->name, id,
		q->add.file);
	hf_print(
		"It can: %s%s.\n", hf_key_preset(q->add.kind)->can, q->add.maintain ? ", forget, prune" : "");
	if (a->joined)
		hf_print("It joined the domain \"%s\": its hosts deduplicate among each other, and trust "
			 "each other.\n",
			a->domain);
	return 0;
}

static void print_item(const struct hf_key_item *item)
{
	char id[HF_ID_TEXT], time[HF_TIME_TEXT];
	int64_t second = item->created - item->created % HF_SECOND;
	hf_print("%.8s  %-10s  %-20s  %-16s  %s%s\n", hf_hex(item->id.b, HF_ID_SIZE, id),
		item->is_slot ? "passphrase" : hf_key_kind_name(item->kind), item->name,
		*item->domain ? item->domain : "-", hf_time_format(second, time),
		item->revoked ? "  revoked" : "");
}

/* --- the verbs ---------------------------------------------------------------------------------------------------- */

static int add_key(struct hf_cli *cli, const struct request *q, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_key_added added;
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_key_add(repo, &q->add, &added, err);
	return r < 0 ? r : print_added(cli, q, &added, err);
}

static int print_passphrase_added(
	const struct hf_cli *cli, const char *name, const struct hf_id *id, struct hf_error *err)
{
	if (!cli->json) {
		hf_print("passphrase \"%s\" added: it opens the owner's key\n", name);
		return 0;
	}
	json_t *j = json_object();
	json_object_set_new(j, "type", json_string("passphrase"));
	json_object_set_new(j, "id", hf_json_hex_string(id->b, HF_ID_SIZE));
	json_object_set_new(j, "name", json_string(name));
	return hf_print_json(j, err);
}

/* The new one is had before the repository is opened where no one is to be asked: opening clears the
 * variables. */
static int add_passphrase(struct hf_cli *cli, const struct request *q, struct hf_error *err)
{
	static const char variable[] = "HOLDFAST_NEW_PASSPHRASE";
	const struct hf_passphrase_options ask = {
		.name = variable, .prompt = "New passphrase", .twice = true};
	const char *name = q->add.name ? q->add.name : "passphrase";
	HF_PASSPHRASE_AUTO fresh = HF_BUF(HF_PASSPHRASE_MAX);
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_id id;
	bool given = hf_passphrase_is_given(variable);
	int r = given ? hf_passphrase_get(&ask, &fresh, err) : 0;
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_key_require_owner(repo, "add a passphrase", err);
	if (r == 0 && !given)
		r = hf_passphrase_get(&ask, &fresh, err);
	if (r == 0)
		r = hf_key_add_passphrase(repo, name, (struct iovec){fresh.data, fresh.len}, &id, err);
	return r < 0 ? r : print_passphrase_added(cli, name, &id, err);
}

static int list(struct hf_cli *cli, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_key_list l = {0};
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_key_list(repo, &l, err);
	if (r == 0 && !cli->json)
		hf_print("%-8s  %-10s  %-20s  %-16s  %s\n", "ID", "KIND", "NAME", "DOMAIN", "CREATED");
	for (size_t i = 0; i < l.count && r == 0; i++) {
		if (cli->json)
			r = hf_print_json(item_json(&l.items[i]), err);
		else
			print_item(&l.items[i]);
	}
	hf_key_list_free(&l);
	return r;
}

/* Removing is often meant to shut someone out, and does less than that. */
static void say_what_it_does_not_do(const struct hf_key_item *item)
{
	if (item->is_slot)
		hf_info("who knows this passphrase and kept a copy of the repository still opens that copy");
	else if (item->kind == HF_KEY_WRITE)
		hf_info("what this key wrote before still counts; what it writes from now on does not. "
			"Take its access to the store away as well");
	else
		hf_info("who has this key still reads what is in the repository and in copies of it: "
			"take the access to the store away as well");
}

static int remove_item(struct hf_cli *cli, const struct request *q, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_key_item item;
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = is_verb(q, "revoke") ? hf_key_revoke(repo, q->which, &item, err)
					 : hf_key_remove(repo, q->which, &item, err);
	if (r < 0)
		return r;
	say_what_it_does_not_do(&item);
	if (cli->json) {
		json_t *j = json_object();
		item.revoked = !item.is_slot;
		json_object_set_new(j, "removed", item_json(&item));
		return hf_print_json(j, err);
	}
	hf_print(item.is_slot ? "passphrase \"%s\" removed\n" : "key \"%s\" revoked\n", item.name);
	return 0;
}

static int print_sheet_json(const struct hf_key_sheet *sheet, const char *url, struct hf_error *err)
{
	json_t *j = json_object(), *files = json_array();
	json_object_set_new(j, "repository", json_string(sheet->repository));
	json_object_set_new(j, "url", hf_json_bytes(url, strlen(url)));
	json_object_set_new(j, "owner_public", json_string(sheet->owner));
	json_object_set_new(j, "rescue", files);
	for (size_t i = 0; i < sheet->count; i++) {
		json_t *f = json_object();
		json_object_set_new(f, "name", json_string(sheet->files[i].name));
		json_object_set_new(f, "sha256", json_string(sheet->files[i].sha256));
		json_object_set_new(f, "stored", json_boolean(sheet->files[i].is_there));
		json_array_append_new(files, f);
	}
	json_object_set_new(j, "check", json_string(hf_key_sheet_line));
	return hf_print_json(j, err);
}

static void print_sheet(const struct hf_key_sheet *sheet, const char *url)
{
	hf_print("Holdfast repository %s at %s\n\nOwner's public key:\n    %s\n\n"
		 "If Holdfast is lost: a copy of the repository holds a reader in plain Python and the description of\n"
		 "the format. Copy it to a directory REPO, make an empty directory beside it and go there, with REPO\n"
		 "as ../REPO or a whole path in this line:\n\n    %s\n\n"
		 "Run nothing whose SHA-256 is not one of these; these are their names:\n\n",
		sheet->repository, url, sheet->owner, hf_key_sheet_line);
	for (size_t i = 0; i < sheet->count; i++)
		hf_print("    %s  %s\n", sheet->files[i].sha256, sheet->files[i].name);
	hf_print("\nThen README.md tells how. It takes a passphrase of the owner, the owner's key file, or a read key file;\n"
		 "none of them is on this sheet.\n");
}

static int export_sheet(struct hf_cli *cli, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_key_sheet sheet = {0};
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_key_sheet(repo, &sheet, err);
	if (r == 0 && cli->json)
		r = print_sheet_json(&sheet, repo->url, err);
	else if (r == 0)
		print_sheet(&sheet, repo->url);
	hf_key_sheet_free(&sheet);
	return r;
}

static json_t *names_json(char (*names)[HF_KEY_NAME_MAX], size_t count)
{
	json_t *a = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(a, json_string(names[i]));
	return a;
}

static int print_rotated(const struct hf_cli *cli, const struct hf_key_rotated *rotated, struct hf_error *err)
{
	if (cli->json) {
		json_t *j = json_object();
		json_object_set_new(j, "epoch", json_integer(rotated->epoch));
		json_object_set_new(j, "granted", names_json(rotated->granted, rotated->granted_count));
		json_object_set_new(j, "left_out", names_json(rotated->left_out, rotated->left_out_count));
		return hf_print_json(j, err);
	}
	hf_print("What is stored from now on is sealed to epoch %u, which these keys open:", (unsigned)rotated->epoch);
	for (size_t i = 0; i < rotated->granted_count; i++)
		hf_print("%s %s", i ? "," : "", rotated->granted[i]);
	hf_print(".\nWhat was stored before stays as it is, and old keys still open it.\n");
	return 0;
}

static int rotate(struct hf_cli *cli, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_key_rotated rotated = {0};
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_key_rotate(repo, &rotated, err);
	for (size_t i = 0; r == 0 && i < rotated.left_out_count; i++)
		hf_warn("the key \"%s\" was certified by an older version and can't be granted the new epoch: make it anew",
			rotated.left_out[i]);
	if (r == 0)
		r = print_rotated(cli, &rotated, err);
	hf_key_rotated_free(&rotated);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct request q = {0};
	int r = parse(args, &q, err);
	if (r < 0)
		return r;
	if (is_verb(&q, "list"))
		return list(cli, err);
	if (is_verb(&q, "remove") || is_verb(&q, "revoke"))
		return remove_item(cli, &q, err);
	if (is_verb(&q, "rotate"))
		return rotate(cli, err);
	if (is_verb(&q, "export"))
		return export_sheet(cli, err);
	return q.passphrase ? add_passphrase(cli, &q, err) : add_key(cli, &q, err);
}

const struct hf_command hf_cmd_key = {
	.name = "key",
	.arguments = "add (--write | --read | --maintain | --status) FILE [OPTION…]\n"
		     "       holdfast [-r REPO] key add --passphrase\n"
		     "       holdfast [-r REPO] key list\n"
		     "       holdfast [-r REPO] key revoke NAME|ID\n"
		     "       holdfast [-r REPO] key remove NAME|ID\n"
		     "       holdfast [-r REPO] key rotate\n"
		     "       holdfast [-r REPO] key export --sheet",
	.summary = "add, list and revoke keys, add and remove passphrases",
	.notes = "Adding, revoking and removing takes the owner's key, which a passphrase opens. Revoking a key\n"
		 "does not take back what was copied: whoever holds a read key still reads copies of the\n"
		 "repository. What a revoked write key stored before it was revoked still counts.",
	.options = options,
	.run = run,
};
