/* ops/key.h: keys and passphrases of a real repository in a directory: added, listed, removed, and what each
 * may do then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "ops/key.h"
#include "repo/catalogue.h"
#include "repo/key_cert.h"
#include "repo/key_file.h"
#include "repo/key_slot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char *dir;
	char repository[300], owner[300]; /* paths: the repository, the owner's key file */
};

static const char *in(const struct place *p, const char *name)
{
	static char path[2][400];
	static int turn;
	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", p->dir, name);
	return path[turn];
}

static struct iovec text(const char *s)
{
	return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

/* A repository with the passphrase "first" (a cheap slot), and the owner's key as a file. */
static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct hf_store *store = NULL;
	struct hf_key *owner = NULL;
	struct hf_config config = HF_CONFIG_DEFAULT;
	struct hf_slot_options slot = {.name = "first", .passphrase = text("first"), .cost = {4, 1, 1}};
	assert_non_null(p);
	assert_int_equal(hf_scratch_make("/tmp", "test-ops-key", &p->dir, NULL), 0);
	snprintf(p->repository, sizeof(p->repository), "%s/repository", p->dir);
	snprintf(p->owner, sizeof(p->owner), "%s/owner.key", p->dir);
	assert_int_equal(
		hf_store_open(p->repository, &(struct hf_store_open_options){.create = true}, &store, NULL),
		0);
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	assert_int_equal(hf_config_put(store, owner, &config, NULL), 0);
	assert_int_equal(hf_cert_put(store, owner, owner, NULL), 0);
	assert_int_equal(hf_slot_put(store, owner, &slot, NULL, NULL), 0);
	assert_int_equal(hf_key_file_write(p->owner, owner, NULL), 0);
	hf_key_free(owner);
	hf_store_close(store);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	assert_int_equal(hf_remove_tree(AT_FDCWD, p->dir, NULL), 0);
	free(p->dir);
	free(p);
	return 0;
}

static struct hf_repository *open_with(const struct place *p, const char *key_file)
{
	struct hf_repository *repo = NULL;
	struct hf_error err = {0};
	struct hf_repository_options options = {.url = p->repository, .credentials = {.key_file = key_file}};
	if (hf_repository_open(&options, &repo, &err) < 0)
		fail_msg("%s", err.msg);
	return repo;
}

/* Adds with the owner's key, in a repository opened for it; checks the code. */
static struct hf_key_added add(const struct place *p, const struct hf_key_add_options *o, int expected)
{
	HF_REPOSITORY_AUTO *repo = open_with(p, p->owner);
	struct hf_key_added added;
	struct hf_error err = {0};
	int r = hf_key_add(repo, o, &added, &err);
	if (r != expected || err.code != r)
		fail_msg("%d instead of %d: %s", r, expected, err.msg);
	return added;
}

static void list(const struct place *p, struct hf_key_list *out)
{
	HF_REPOSITORY_AUTO *repo = open_with(p, p->owner);
	struct hf_error err = {0};
	if (hf_key_list(repo, out, &err) < 0)
		fail_msg("%s", err.msg);
}

static size_t count(const struct place *p)
{
	struct hf_key_list l;
	list(p, &l);
	size_t n = l.count;
	hf_key_list_free(&l);
	return n;
}

static int take_away(const struct place *p, const char *key_file, const char *which, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = open_with(p, key_file);
	struct hf_key_item item;
	return hf_key_remove(repo, which, &item, err);
}

static void a_key_is_added_certified_and_listed(void **state)
{
	struct place *p = *state;
	struct hf_key_added a =
		add(p, &(struct hf_key_add_options){.kind = HF_KEY_WRITE, .file = in(p, "shop.key")}, 0);
	assert_string_equal(a.name, "shop");
	assert_string_equal(a.domain, "shop");
	assert_false(a.joined);
	struct stat st;
	assert_int_equal(stat(in(p, "shop.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	HF_REPOSITORY_AUTO *repo = open_with(p, in(p, "shop.key"));
	assert_memory_equal(&repo->key->id, &a.id, sizeof(a.id));
	assert_int_equal(hf_repository_require(repo, HF_RIGHT_BACKUP, "back up", NULL), 0);
	assert_int_equal(hf_repository_require(repo, HF_RIGHT_MAINTAIN, "forget", NULL), HF_E_KEY);
	assert_int_equal(hf_repository_require_reading(repo, false, "list", NULL), HF_E_KEY);

	struct hf_key_list l;
	assert_int_equal(hf_key_list(repo, &l, NULL), 0); /* with the write key, too */
	assert_int_equal(l.count, 3);
	assert_int_equal(l.set_aside, 0);
	assert_int_equal(l.items[0].kind, HF_KEY_OWNER);
	assert_string_equal(l.items[0].domain, "default");
	assert_int_equal(l.items[1].kind, HF_KEY_WRITE);
	assert_int_equal(l.items[1].rights, HF_RIGHT_BACKUP);
	assert_string_equal(l.items[1].name, "shop");
	assert_true(l.items[2].is_slot);
	assert_string_equal(l.items[2].name, "first");
	hf_key_list_free(&l);
}

static void names_are_unique(void **state)
{
	struct place *p = *state;
	struct hf_key_add_options o = {.kind = HF_KEY_WRITE, .file = in(p, "one.key"), .name = "shop"};
	add(p, &o, 0);
	o.file = in(p, "two.key");
	add(p, &o, HF_E_EXISTS);
	o.name = "owner";
	add(p, &o, HF_E_EXISTS);
	o.name = "default"; /* the name of a domain, which it may join but not take */
	add(p, &o, HF_E_EXISTS);
	o.name = "";
	add(p, &o, HF_E_USAGE);
	o.name = NULL;
	o.file = in(p, "\n");
	add(p, &o, HF_E_USAGE);
	assert_int_equal(access(in(p, "two.key"), F_OK), -1);
	assert_int_equal(count(p), 3);
}

static void hosts_join_a_domain_by_its_name(void **state)
{
	struct place *p = *state;
	struct hf_key_add_options o = {.kind = HF_KEY_WRITE, .file = in(p, "a.key"), .domain = "shops"};
	assert_false(add(p, &o, 0).joined);
	o.file = in(p, "b.key");
	assert_true(add(p, &o, 0).joined);
	o.kind = HF_KEY_READ;
	o.file = in(p, "c.key");
	o.domain = "default";
	o.maintain = true;
	assert_true(add(p, &o, 0).joined);
	HF_REPOSITORY_AUTO *a = open_with(p, in(p, "a.key"));
	HF_REPOSITORY_AUTO *b = open_with(p, in(p, "b.key"));
	HF_REPOSITORY_AUTO *c = open_with(p, in(p, "c.key"));
	HF_REPOSITORY_AUTO *owner = open_with(p, p->owner);
	assert_memory_equal(&a->key->domain, &b->key->domain, sizeof(a->key->domain));
	assert_memory_equal(&c->key->domain, &owner->key->domain, sizeof(c->key->domain));
	assert_memory_not_equal(a->key->domain.id_key, c->key->domain.id_key, 32);
	assert_int_equal(c->key->rights, HF_RIGHT_BACKUP | HF_RIGHT_PROVE | HF_RIGHT_MAINTAIN);
}

static void senseless_kinds_are_refused(void **state)
{
	struct place *p = *state;
	struct hf_key_add_options o = {.kind = HF_KEY_WRITE, .file = in(p, "x.key"), .maintain = true};
	add(p, &o, HF_E_USAGE);
	o = (struct hf_key_add_options){.kind = HF_KEY_OWNER, .file = in(p, "x.key")};
	add(p, &o, HF_E_USAGE);
	o = (struct hf_key_add_options){.kind = HF_KEY_STATUS, .file = in(p, "x.key"), .domain = "default"};
	add(p, &o, HF_E_USAGE);
	assert_int_equal(access(in(p, "x.key"), F_OK), -1);
	assert_int_equal(count(p), 2);
}

static void an_existing_file_stays(void **state)
{
	struct place *p = *state;
	struct hf_key_add_options o = {.kind = HF_KEY_WRITE, .file = p->owner, .name = "x"};
	add(p, &o, HF_E_EXISTS);
	assert_int_equal(count(p), 2);
	HF_REPOSITORY_AUTO *repo = open_with(p, p->owner);
	assert_int_equal(repo->key->kind, HF_KEY_OWNER);
}

/* What can't be certified leaves no key file that looks like one. */
static void without_a_certificate_there_is_no_file(void **state)
{
	struct place *p = *state;
	HF_REPOSITORY_AUTO *repo = open_with(p, p->owner);
	assert_int_equal(hf_remove_tree(AT_FDCWD, in(p, "repository/cert"), NULL), 0);
	close(open(in(p, "repository/cert"), O_CREAT | O_WRONLY, 0600));
	struct hf_key_added added;
	struct hf_error err = {0};
	struct hf_key_add_options o = {.kind = HF_KEY_WRITE, .file = in(p, "x.key")};
	assert_true(hf_key_add(repo, &o, &added, &err) < 0);
	assert_non_null(strstr(err.msg, "certify the key x"));
	assert_int_equal(access(in(p, "x.key"), F_OK), -1);
}

static void only_the_owner_changes_keys(void **state)
{
	struct place *p = *state;
	add(p, &(struct hf_key_add_options){.kind = HF_KEY_READ, .file = in(p, "r.key"), .maintain = true},
		0);
	HF_REPOSITORY_AUTO *repo = open_with(p, in(p, "r.key"));
	struct hf_key_added added;
	struct hf_key_item item;
	struct hf_error err = {0};
	struct hf_key_add_options o = {.kind = HF_KEY_WRITE, .file = in(p, "x.key")};
	assert_int_equal(hf_key_add(repo, &o, &added, &err), HF_E_KEY);
	assert_int_equal(hf_key_add_passphrase(repo, "x", text("y"), NULL, &err), HF_E_KEY);
	assert_int_equal(hf_key_remove(repo, "first", &item, &err), HF_E_KEY);
	assert_int_equal(access(in(p, "x.key"), F_OK), -1);
	assert_int_equal(count(p), 3);
}

static int give(void *user, struct hf_buf *out, struct hf_error *err)
{
	hf_buf_str(out, user);
	return hf_buf_check(out, "passphrase", err);
}

static int open_by_passphrase(const struct place *p, const char *passphrase)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_repository_options options = {.url = p->repository,
		.credentials = {.passphrase = give, .user = (void *)(uintptr_t)passphrase}};
	return hf_repository_open(&options, &repo, NULL);
}

static void passphrases_come_and_go(void **state)
{
	struct place *p = *state;
	struct hf_error err = {0};
	assert_int_equal(take_away(p, p->owner, "first", &err), HF_E_USAGE); /* the only one */
	HF_REPOSITORY_AUTO *repo = open_with(p, p->owner);
	assert_int_equal(hf_key_add_passphrase(repo, "first", text("x"), NULL, &err), HF_E_EXISTS);
	assert_int_equal(hf_key_add_passphrase(repo, "second", text(""), NULL, &err), HF_E_USAGE);
	assert_int_equal(hf_key_add_passphrase(repo, "second", text("another"), NULL, &err), 0);
	assert_int_equal(open_by_passphrase(p, "first"), 0);
	assert_int_equal(open_by_passphrase(p, "another"), 0);
	assert_int_equal(take_away(p, p->owner, "first", &err), 0);
	assert_int_equal(open_by_passphrase(p, "first"), HF_E_KEY);
	assert_int_equal(open_by_passphrase(p, "another"), 0);
	assert_int_equal(take_away(p, p->owner, "second", &err), HF_E_USAGE);
}

static void what_is_removed_must_be_meant(void **state)
{
	struct place *p = *state;
	struct hf_error err = {0};
	add(p, &(struct hf_key_add_options){.kind = HF_KEY_WRITE, .file = in(p, "a.key"), .name = "first"},
		0);
	assert_int_equal(take_away(p, p->owner, "nobody", &err), HF_E_NOTFOUND);
	assert_int_equal(take_away(p, p->owner, "", &err), HF_E_NOTFOUND);
	assert_int_equal(take_away(p, p->owner, "f", &err), HF_E_NOTFOUND);
	assert_int_equal(take_away(p, p->owner, "first", &err), HF_E_USAGE); /* a key and a passphrase */
	assert_non_null(strstr(err.msg, "several"));
	assert_int_equal(take_away(p, p->owner, "owner", &err), HF_E_USAGE);
	assert_int_equal(count(p), 3);
}

/* A commit of a snapshot that isn't there: the catalogue is asked here about entries alone. */
static int commit(struct hf_catalogue *c, struct hf_id *id, struct hf_error *err)
{
	*id = hf_id_new();
	struct hf_new_commit n = {.snapshot = {c->repo->key->id, *id}, .run = *id};
	return hf_catalogue_commit(c, &n, NULL, err);
}

static size_t points_seen(const struct place *p, const char *key_file, const struct hf_id *id)
{
	HF_REPOSITORY_AUTO *repo = open_with(p, key_file);
	struct hf_catalogue c;
	size_t seen = 0;
	assert_int_equal(hf_catalogue_load(repo, &(struct hf_catalogue_options){0}, &c, NULL), 0);
	for (size_t i = 0; i < c.point_count; i++)
		seen += hf_id_equal(&c.points[i].ref.id, id);
	hf_catalogue_free(&c);
	return seen;
}

/* What a revoked key committed before counts; what it commits afterwards doesn't, even if it has not heard of
 * it. */
static void a_revoked_key_is_believed_up_to_then(void **state)
{
	struct place *p = *state;
	struct hf_error err = {0};
	struct hf_id before, fork, after, later;
	add(p, &(struct hf_key_add_options){.kind = HF_KEY_WRITE, .file = in(p, "a.key")}, 0);
	add(p, &(struct hf_key_add_options){.kind = HF_KEY_WRITE, .file = in(p, "b.key")}, 0);
	HF_REPOSITORY_AUTO *a = open_with(p, in(p, "a.key"));
	HF_REPOSITORY_AUTO *again = open_with(p, in(p, "a.key"));
	struct hf_catalogue one, two;
	assert_int_equal(hf_catalogue_load(a, &(struct hf_catalogue_options){0}, &one, NULL), 0);
	assert_int_equal(hf_catalogue_load(again, &(struct hf_catalogue_options){0}, &two, NULL), 0);
	assert_int_equal(commit(&one, &before, NULL), 0);
	assert_int_equal(commit(&two, &fork, NULL), 0); /* two heads */
	assert_int_equal(take_away(p, p->owner, "a", &err), 0);
	assert_int_equal(commit(&one, &after, NULL), 0);
	hf_catalogue_free(&one);
	assert_int_equal(hf_catalogue_load(a, &(struct hf_catalogue_options){0}, &one, NULL), 0);
	assert_int_equal(commit(&one, &later, &err), HF_E_KEY);
	assert_non_null(strstr(err.msg, "revoked"));
	hf_catalogue_free(&one);
	hf_catalogue_free(&two);
	const char *const readers[] = {p->owner, in(p, "b.key")};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(points_seen(p, readers[i], &before), 1);
		assert_int_equal(points_seen(p, readers[i], &fork), 1);
		assert_int_equal(points_seen(p, readers[i], &after), 0);
	}
	HF_REPOSITORY_AUTO *b = open_with(p, in(p, "b.key"));
	struct hf_certs writers;
	assert_int_equal(hf_catalogue_load(b, &(struct hf_catalogue_options){0}, &one, NULL), 0);
	assert_int_equal(hf_catalogue_writers(&one, &writers, NULL), 0);
	assert_int_equal(writers.count, 3);
	assert_true(hf_certs_find(&writers, &a->key->id)->revoked);
	assert_false(hf_certs_find(&writers, &b->key->id)->revoked);
	hf_certs_free(&writers);
	hf_catalogue_free(&one);
	assert_int_equal(take_away(p, p->owner, "a", &err), HF_E_EXISTS);
	struct hf_key_list l;
	list(p, &l);
	for (size_t i = 0; i < l.count; i++)
		assert_int_equal(l.items[i].revoked, strcmp(l.items[i].name, "a") == 0);
	hf_key_list_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_is_added_certified_and_listed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_are_unique, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hosts_join_a_domain_by_its_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(senseless_kinds_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_existing_file_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_certificate_there_is_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_the_owner_changes_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(passphrases_come_and_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_removed_must_be_meant, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_revoked_key_is_believed_up_to_then, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
