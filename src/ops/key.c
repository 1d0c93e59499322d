/* Keys and passphrases of a repository; see key.h. */
#include "ops/key.h"

#include "base/hex.h"
#include "crypto/random.h"
#include "repo/catalogue.h"
#include "repo/key_cert.h"
#include "repo/key_file.h"
#include "repo/key_slot.h"
#include "repo/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int hf_key_require_owner(const struct hf_repository *repo, const char *what, struct hf_error *err)
{
	const struct hf_key *key = repo->key;
	if (key->kind == HF_KEY_OWNER)
		return 0;
	return hf_fail(err, HF_E_KEY,
		"%s: it takes the owner's key, and \"%s\" is a key of kind \"%s\"; use the passphrase, or "
		"the owner's key file",
		what, key->name, hf_key_kind_name(key->kind));
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

/* The name that a key file's path suggests. */
static int name_of_file(const char *path, char out[HF_KEY_NAME_MAX], struct hf_error *err)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t len = strlen(base);
	if (len > 4 && strcmp(base + len - 4, ".key") == 0)
		len -= 4;
	if (len < HF_KEY_NAME_MAX) {
		memcpy(out, base, len);
		out[len] = 0;
		if (hf_key_name_check(out, NULL) == 0)
			return 0;
	}
	return hf_fail(
		err, HF_E_USAGE, "the file name %s makes no name for a key: give one with --name", path);
}

static int choose_name(const struct hf_repository *repo, const struct hf_key_add_options *o,
	char out[HF_KEY_NAME_MAX], struct hf_error *err)
{
	int r = o->name ? hf_key_name_check(o->name, err) : name_of_file(o->file, out, err);
	if (r < 0)
		return r;
	if (o->name)
		snprintf(out, HF_KEY_NAME_MAX, "%s", o->name);
	for (size_t i = 0; i < repo->certs.count; i++)
		if (strcmp(repo->certs.certs[i].name, out) == 0)
			return hf_fail(err, HF_E_EXISTS,
				"there is a key named \"%s\" already: choose another --name", out);
	return 0;
}

/* The domain that the new key is for: one that is there, or a new one. */
static int choose_domain(const struct hf_repository *repo, const struct hf_key_add_options *o,
	const char *name, struct hf_domain *out, bool *joined, struct hf_error *err)
{
	const char *wanted = o->domain ? o->domain : name;
	const struct hf_cert *there = hf_certs_find_domain(&repo->certs, wanted);
	*joined = there != NULL;
	if (there && !o->domain)
		return hf_fail(err, HF_E_EXISTS,
			"there is a domain named \"%s\" already: join it with --domain %s, or choose another "
			"--name",
			wanted, wanted);
	if (there)
		return hf_domain_open(repo->store, repo->key, &repo->certs, &there->domain, out, err);
	int r = hf_key_name_check(wanted, err);
	if (r < 0)
		return hf_wrap(err, r, "name a domain");
	hf_domain_new(wanted, &repo->certs, out);
	return 0;
}

static int make_key(const struct hf_repository *repo, const struct hf_key_add_options *o, const char *name,
	struct hf_key **out, bool *joined, struct hf_error *err)
{
	struct hf_domain domain = {0};
	struct hf_key_options options = {.kind = o->kind, .name = name, .maintain = o->maintain};
	*joined = false;
	if (hf_key_preset(o->kind)->domain) {
		int r = choose_domain(repo, o, name, &domain, joined, err);
		if (r < 0)
			return r;
		options.domain = &domain;
	} else if (o->domain) {
		return hf_fail(err, HF_E_USAGE, "a key of kind \"%s\" writes no data, and has no domain",
			hf_key_kind_name(o->kind));
	}
	int r = hf_key_new(repo->key, &options, out, err);
	hf_wipe(&domain, sizeof(domain));
	return r;
}

int hf_key_add(struct hf_repository *repo, const struct hf_key_add_options *options, struct hf_key_added *out,
	struct hf_error *err)
{
	*out = (struct hf_key_added){0};
	struct hf_key *key = NULL;
	int r = hf_key_require_owner(repo, "add a key", err);
	if (r == 0)
		r = choose_name(repo, options, out->name, err);
	if (r == 0)
		r = make_key(repo, options, out->name, &key, &out->joined, err);
	if (r < 0)
		return r;
	out->id = key->id;
	if (key->has_domain)
		memcpy(out->domain, key->domain.name, sizeof(out->domain));
	/* The file first: a certificate can't be taken back. */
	r = hf_key_file_write(options->file, key, err);
	if (r == 0) {
		r = hf_cert_put(repo->store, repo->key, key, err);
		if (r < 0)
			unlink(options->file);
	}
	hf_key_free(key);
	return r;
}

int hf_key_add_passphrase(struct hf_repository *repo, const char *name, struct iovec passphrase,
	struct hf_id *id, struct hf_error *err)
{
	struct hf_slots slots = {0};
	int r = hf_key_require_owner(repo, "add a passphrase", err);
	if (r == 0)
		r = hf_slots_load(repo->store, repo->key, &slots, err);
	for (size_t i = 0; i < slots.count && r == 0; i++)
		if (strcmp(slots.slots[i].name, name) == 0)
			r = hf_fail(err, HF_E_EXISTS,
				"there is a passphrase named \"%s\" already: choose another --name", name);
	hf_slots_free(&slots);
	const struct hf_slot_options options = {.name = name, .passphrase = passphrase};
	return r < 0 ? r : hf_slot_put(repo->store, repo->key, &options, id, err);
}

/* --- listing ------------------------------------------------------------------------------------------------------ */

void hf_key_list_free(struct hf_key_list *list)
{
	free(list->items);
	*list = (struct hf_key_list){0};
}

static struct hf_key_item item_of_cert(const struct hf_cert *cert)
{
	struct hf_key_item item = {
		.id = cert->key, .kind = cert->kind, .rights = cert->rights, .created = cert->created};
	memcpy(item.name, cert->name, sizeof(item.name));
	if (cert->has_domain)
		memcpy(item.domain, cert->domain_name, sizeof(item.domain));
	return item;
}

static struct hf_key_item item_of_slot(const struct hf_slot *slot)
{
	struct hf_key_item item = {
		.is_slot = true, .id = slot->ref.id, .kind = HF_KEY_OWNER, .created = slot->created};
	item.rights = hf_key_preset(HF_KEY_OWNER)->rights;
	memcpy(item.name, slot->name, sizeof(item.name));
	return item;
}

static int by_age(const void *a, const void *b)
{
	const struct hf_key_item *x = a, *y = b;
	if (x->is_slot != y->is_slot)
		return x->is_slot ? 1 : -1;
	if (x->created != y->created)
		return x->created > y->created ? 1 : -1;
	return memcmp(&x->id, &y->id, sizeof(x->id));
}

static void mark_revoked(const struct hf_catalogue *c, struct hf_key_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->items[i].revoked =
			!list->items[i].is_slot && hf_catalogue_is_revoked(c, &list->items[i].id);
}

/* The list out of what was loaded. */
static int make_list(const struct hf_certs *certs, const struct hf_slots *slots, struct hf_key_list *out,
	struct hf_error *err)
{
	out->items = calloc(certs->count + slots->count + 1, sizeof(*out->items));
	if (!out->items)
		return hf_fail(err, HF_E_NOMEM, "list keys: out of memory");
	for (size_t i = 0; i < certs->count; i++)
		out->items[out->count++] = item_of_cert(&certs->certs[i]);
	for (size_t i = 0; i < slots->count; i++)
		out->items[out->count++] = item_of_slot(&slots->slots[i]);
	out->set_aside = certs->set_aside + slots->set_aside;
	qsort(out->items, out->count, sizeof(*out->items), by_age);
	return 0;
}

static int list_with(struct hf_repository *repo, const struct hf_catalogue *c, struct hf_key_list *out,
	struct hf_error *err)
{
	struct hf_slots slots = {0};
	int r = hf_slots_load(repo->store, repo->key, &slots, err);
	if (r == 0)
		r = make_list(&repo->certs, &slots, out, err);
	if (r == 0)
		mark_revoked(c, out);
	hf_slots_free(&slots);
	return r;
}

int hf_key_list(struct hf_repository *repo, struct hf_key_list *out, struct hf_error *err)
{
	*out = (struct hf_key_list){0};
	struct hf_catalogue c = {0};
	int r = hf_catalogue_load(repo, &(struct hf_catalogue_options){0}, &c, err);
	if (r == 0)
		r = list_with(repo, &c, out, err);
	hf_catalogue_free(&c);
	return r;
}

/* --- removing ----------------------------------------------------------------------------------------------------- */

enum { ID_START = 4 }; /* digits that are enough to name something to be removed */

static bool fits(const struct hf_key_item *item, const char *which, bool by_name)
{
	char id[HF_ID_TEXT];
	if (by_name)
		return strcmp(item->name, which) == 0;
	return strlen(which) >= ID_START &&
	       strncmp(hf_hex(item->id.b, HF_ID_SIZE, id), which, strlen(which)) == 0;
}

/* How many items fit; the last of them in `out`. */
static size_t find_by(
	const struct hf_key_list *list, const char *which, bool by_name, const struct hf_key_item **out)
{
	size_t found = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (!fits(&list->items[i], which, by_name))
			continue;
		*out = &list->items[i];
		found++;
	}
	return found;
}

/* A name first: one that looks like the start of an id is still a name. */
static int find(const struct hf_key_list *list, const char *which, const struct hf_key_item **out,
	struct hf_error *err)
{
	size_t found = find_by(list, which, true, out);
	if (found == 0)
		found = find_by(list, which, false, out);
	if (found == 0)
		return hf_fail(err, HF_E_NOTFOUND, "there is no key or passphrase of that name or id");
	if (found > 1)
		return hf_fail(err, HF_E_USAGE,
			"several keys or passphrases fit (holdfast key list shows them): give more of the "
			"id");
	return 0;
}

static int remove_slot(struct hf_repository *repo, const struct hf_key_list *list,
	const struct hf_key_item *item, struct hf_error *err)
{
	size_t slots = 0;
	for (size_t i = 0; i < list->count; i++)
		slots += list->items[i].is_slot;
	if (slots == 1)
		return hf_fail(err, HF_E_USAGE,
			"\"%s\" is the only passphrase: without it no one could open the owner's key; add "
			"another first",
			item->name);
	char name[HF_NAME_MAX];
	struct hf_ref ref = {repo->key->owner_id, item->id};
	struct hf_eraser eraser = {repo->store};
	return hf_eraser_erase(&eraser, hf_object_name(HF_KIND_SLOT, &ref, name), err);
}

static int remove_key(struct hf_catalogue *c, const struct hf_key_item *item, struct hf_error *err)
{
	if (item->kind == HF_KEY_OWNER)
		return hf_fail(
			err, HF_E_USAGE, "\"%s\" is the owner's key, which can't be revoked", item->name);
	if (item->revoked)
		return hf_fail(err, HF_E_EXISTS, "the key \"%s\" was revoked before", item->name);
	return hf_catalogue_revoke(c, &item->id, err);
}

/* Finds the item that `which` names, and revokes it; or where it is a passphrase and may be, deletes it. */
static int take_away(struct hf_repository *repo, const char *which, bool keys_only, struct hf_key_item *taken,
	struct hf_error *err)
{
	struct hf_catalogue c = {0};
	struct hf_key_list list = {0};
	const struct hf_key_item *item = NULL;
	int r = hf_catalogue_load(repo, &(struct hf_catalogue_options){0}, &c, err);
	if (r == 0)
		r = list_with(repo, &c, &list, err);
	if (r == 0)
		r = find(&list, which, &item, err);
	if (r == 0) {
		*taken = *item;
		if (item->is_slot && keys_only)
			r = hf_fail(err, HF_E_USAGE, "it is a passphrase, which is removed with \"holdfast key remove\"");
		else
			r = item->is_slot ? remove_slot(repo, &list, item, err) : remove_key(&c, item, err);
	}
	hf_key_list_free(&list);
	hf_catalogue_free(&c);
	return r;
}

int hf_key_remove(
	struct hf_repository *repo, const char *which, struct hf_key_item *removed, struct hf_error *err)
{
	int r = hf_key_require_owner(repo, "remove a key", err);
	if (r == 0)
		r = take_away(repo, which, false, removed, err);
	return r < 0 ? hf_wrap(err, r, "remove \"%s\"", which) : 0;
}

int hf_key_revoke(
	struct hf_repository *repo, const char *which, struct hf_key_item *revoked, struct hf_error *err)
{
	int r = hf_key_require_owner(repo, "revoke a key", err);
	if (r == 0)
		r = take_away(repo, which, true, revoked, err);
	return r < 0 ? hf_wrap(err, r, "revoke \"%s\"", which) : 0;
}
