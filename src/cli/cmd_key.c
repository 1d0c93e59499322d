/* holdfast key add | list | remove: who may do what with a repository. */
#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/passphrase.h"
#include "ops/key.h"

#include <string.h>

enum { ARG_WRITE = HF_ARG_OWN, ARG_READ, ARG_PASSPHRASE, ARG_DOMAIN, ARG_NAME, ARG_MAINTAIN };

static const struct hf_option_info options[] = {
	{ARG_WRITE, "write", "FILE", "add: a key that backs up and reads nothing back, to the new file FILE"},
	{ARG_READ, "read", "FILE", "add: a key that restores, drills and backs up"},
	{ARG_MAINTAIN, "maintain", NULL, "add --read: one that may forget and prune, too"},
	{ARG_PASSPHRASE, "passphrase", NULL,
		"add: one more passphrase for the owner's key, from HOLDFAST_NEW_PASSPHRASE,\n"
		"HOLDFAST_NEW_PASSPHRASE_FILE or _COMMAND, or asked for"},
	{ARG_NAME, "name", "NAME", "add: what it is called (the file's name without \".key\")"},
	{ARG_DOMAIN, "domain", "NAME",
		"add: deduplicate together with the keys of this domain, and trust them\n"
		"(a domain of its own)"},
	{0},
};

struct request {
	const char *verb, *which; /* operands */
	struct hf_key_add_options add;
	bool passphrase;
};

/* --- the command line
 * ----------------------------------------------------------------------------------------- */

static int set_kind(struct request *q, enum hf_key_kind kind, const char *file, struct hf_error *err)
{
	if (q->add.kind)
		return hf_fail(err, HF_E_USAGE, "one key at a time: give --write or --read once");
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

static int check_add(const struct request *q, struct hf_error *err)
{
	const struct hf_key_add_options *o = &q->add;
	if (q->which)
		return hf_fail(err, HF_E_USAGE, "key add: \"%s\" is one word too many", q->which);
	if (q->passphrase == (o->kind != 0))
		return hf_fail(err, HF_E_USAGE,
			"key add: say what to add: one of --write FILE, --read FILE and "
			"--passphrase");
	if (o->maintain && o->kind != HF_KEY_READ)
		return hf_fail(err, HF_E_USAGE, "--maintain goes with --read");
	if (o->domain && q->passphrase)
		return hf_fail(err, HF_E_USAGE, "--domain goes with --write or --read");
	return 0;
}

static int check(const struct request *q, struct hf_error *err)
{
	if (!q->verb)
		return hf_fail(err, HF_E_USAGE, "key: add, list or remove?");
	if (strcmp(q->verb, "add") == 0)
		return check_add(q, err);
	const struct hf_key_add_options *o = &q->add;
	if (q->passphrase || o->kind || o->maintain || o->domain || o->name)
		return hf_fail(err, HF_E_USAGE, "key %s takes no options", q->verb);
	if (strcmp(q->verb, "list") == 0)
		return q->which ? hf_fail(err, HF_E_USAGE, "key list: \"%s\" is one word too many", q->which)
				: 0;
	if (strcmp(q->verb, "remove") == 0)
		return q->which ? 0 : hf_fail(err, HF_E_USAGE, "key remove: which one? Give its name or id");
	return hf_fail(err, HF_E_USAGE, "key: add, list or remove, not \"%s\"", q->verb);
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

/* --- results
 * -------------------------------------------------------------------------------------------------- */

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

/* --- the verbs
 * ------------------------------------------------------------------------------------------------ */

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

static int remove_item(struct hf_cli *cli, const char *which, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_key_item item;
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_key_remove(repo, which, &item, err);
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

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct request q = {0};
	int r = parse(args, &q, err);
	if (r < 0)
		return r;
	if (strcmp(q.verb, "list") == 0)
		return list(cli, err);
	if (strcmp(q.verb, "remove") == 0)
		return remove_item(cli, q.which, err);
	return q.passphrase ? add_passphrase(cli, &q, err) : add_key(cli, &q, err);
}

const struct hf_command hf_cmd_key = {
	.name = "key",
	.arguments = "add (--write FILE | --read FILE | --passphrase) [OPTION…]\n"
		     "       holdfast [-r REPO] key list\n"
		     "       holdfast [-r REPO] key remove NAME|ID",
	.summary = "add, list and remove keys and passphrases",
	.notes = "Adding and removing takes the owner's key, which a passphrase opens. Removing a key\n"
		 "does not take back what was copied: whoever holds a read key still reads copies of the\n"
		 "repository. What a removed write key stored before it was removed still counts.",
	.options = options,
	.run = run,
};
