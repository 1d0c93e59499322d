/*
 * catalogue.h: what makes a restore point, what is not believed, what is noticed when it is gone, and which snapshot "latest" is.
 * The repository is a real one in a directory; several keys open it, each with a memory of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "place.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/time.h"
#include "repo/catalogue.h"
#include "repo/condemned.h"
#include "repo/key_cert.h"
#include "repo/key_file.h"
#include "repo/key_new.h"
#include "repo/void.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct place place;
static struct hf_key *owner, *one, *two, *reader, *second_reader, *stranger;

static int set_up(void **state)
{
	(void)state;
	place_make(&place, "hf-catalogue");
	owner = place.owner;
	one = place_key(&place, HF_KEY_WRITE, "one");
	two = place_key(&place, HF_KEY_WRITE, "two");
	reader = place_key(&place, HF_KEY_READ, "reader");
	second_reader = place_key(&place, HF_KEY_READ, "second reader");
	stranger = place_stranger(&place, HF_KEY_READ, "stranger");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	struct hf_key *keys[] = {one, two, reader, second_reader, stranger};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		hf_key_free(keys[i]);
	place_remove(&place);
	return 0;
}

/* --- a repository as one key sees it --------------------------------------------------------------------------------- */

static struct hf_repository *open_as(const struct hf_key *key)
{
	return place_open(&place, key, true);
}

static struct hf_catalogue load(struct hf_repository *repo)
{
	const struct hf_catalogue_options options = {.snapshots = true};
	struct hf_catalogue c;
	struct hf_error err = {0};
	if (hf_catalogue_load(repo, &options, &c, &err) < 0)
		fail_msg("%s", err.msg);
	return c;
}

static struct hf_ref put_snapshot(struct hf_repository *repo, const char *source, int64_t time)
{
	struct hf_snapshot_source s = {.name = (char *)(uintptr_t)source,
		.kind = (char *)(uintptr_t) "volume",
		.bytes = 7,
		.consistency_point = time,
		.complete = true};
	struct hf_ref packs[] = {{repo->key->id, hf_id_new()}, {owner->id, hf_id_new()}, {repo->key->id, hf_id_new()}};
	struct hf_snapshot snapshot = {.run = hf_id_new(),
		.time = time,
		.started = time,
		.host = (char *)(uintptr_t) "here",
		.complete = true,
		.sources = &s,
		.source_count = 1,
		.packs = packs,
		.pack_count = 3};
	assert_int_equal(hf_snapshot_put(repo, &snapshot, NULL), 0);
	return snapshot.ref;
}

/* Captures at `time` and commits with a catalogue loaded for it. */
static struct hf_ref back_up_at(const struct hf_key *key, const char *source, int64_t time)
{
	HF_REPOSITORY_AUTO *repo = open_as(key);
	struct hf_catalogue c = load(repo);
	const struct hf_new_commit commit = {.snapshot = put_snapshot(repo, source, time)};
	assert_int_equal(hf_catalogue_commit(&c, &commit, NULL, NULL), 0);
	hf_catalogue_free(&c);
	return commit.snapshot;
}

static struct hf_ref back_up(const struct hf_key *key, const char *source)
{
	return back_up_at(key, source, hf_time_now());
}

static int select_with(const struct hf_key *key, const struct hf_select_options *options, struct hf_ref *out)
{
	HF_REPOSITORY_AUTO *repo = open_as(key);
	struct hf_catalogue c = load(repo);
	const struct hf_point *point = NULL;
	int r = hf_catalogue_select(&c, options, &point, NULL, NULL);
	if (r == 0)
		*out = point->ref;
	hf_catalogue_free(&c);
	return r;
}

static int select_as(const struct hf_key *key, const char *selector, struct hf_ref *out)
{
	return select_with(key, &(struct hf_select_options){.selector = selector}, out);
}

static void assert_latest(const struct hf_key *key, const char *selector, const struct hf_ref *want)
{
	struct hf_ref got;
	assert_int_equal(select_as(key, selector, &got), 0);
	assert_true(hf_ref_equal(&got, want));
}

static size_t count_points(const struct hf_key *key)
{
	HF_REPOSITORY_AUTO *repo = open_as(key);
	struct hf_catalogue c = load(repo);
	size_t n = c.point_count;
	hf_catalogue_free(&c);
	return n;
}

/* --- objects that lie ------------------------------------------------------------------------------------------------ */

static const char *path_of(enum hf_kind kind, const struct hf_ref *ref, char out[512])
{
	char name[HF_NAME_MAX];
	snprintf(out, 512, "%s/%s", place.url, hf_object_name(kind, ref, name));
	return out;
}

static void remove_object(enum hf_kind kind, const struct hf_ref *ref)
{
	char path[512];
	assert_int_equal(unlink(path_of(kind, ref, path)), 0);
}

static void flip_object(enum hf_kind kind, const struct hf_ref *ref)
{
	char path[512], byte;
	int fd = open(path_of(kind, ref, path), O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, 100), 1);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, 100), 1);
	close(fd);
}

/* Signs an entry that the functions of catalogue.h would refuse to make. */
static void forge(const struct hf_key *key, const char *type, const struct hf_ref *snapshot)
{
	struct hf_store *store = place_store(&place);
	HF_JSON_AUTO *clear = json_object();
	json_object_set_new(clear, "type", json_string(type));
	json_object_set_new(clear, "parents", json_array());
	json_object_set_new(clear, "time", hf_json_time(hf_time_now()));
	json_object_set_new(clear, "snapshots", hf_ref_list_json(snapshot, 1));
	json_object_set_new(clear, "snapshot", hf_json_hex_string(snapshot->id.b, HF_ID_SIZE));
	json_object_set_new(clear, "run", hf_json_hex_string(snapshot->id.b, HF_ID_SIZE));
	json_object_set_new(clear, "what", json_string("drill"));
	json_object_set_new(clear, "ok", json_true());
	struct hf_object_new o = {.kind = HF_KIND_ENTRY,
		.form = HF_FORM_CATALOGUE,
		.key = key,
		.id = hf_id_new(),
		.clear = clear,
		.body = "{}",
		.body_len = 2};
	assert_int_equal(hf_object_put(store, &o, NULL, NULL), 0);
	hf_store_close(store);
}

/* Signs a checkpoint that covers that entry, and says that the snapshot lives. */
static void forge_checkpoint(const struct hf_key *key, const struct hf_hash *covers, const struct hf_ref *live)
{
	struct hf_store *store = place_store(&place);
	HF_JSON_AUTO *clear = json_object();
	json_t *hashes = json_array();
	json_array_append_new(hashes, hf_json_hex_string(covers->b, sizeof(covers->b)));
	json_object_set_new(clear, "type", json_string("checkpoint"));
	json_object_set_new(clear, "parents", json_array());
	json_object_set_new(clear, "time", hf_json_time(hf_time_now()));
	json_object_set_new(clear, "covers", hashes);
	json_object_set_new(clear, "live", hf_ref_list_json(live, live ? 1 : 0));
	struct hf_object_new o = {
		.kind = HF_KIND_ENTRY, .form = HF_FORM_CATALOGUE, .key = key, .id = hf_id_new(), .clear = clear, .body = "{}", .body_len = 2};
	assert_int_equal(hf_object_put(store, &o, NULL, NULL), 0);
	hf_store_close(store);
}

/* The entry that committed `snapshot`, as `key` sees it. */
static struct hf_ref commit_of(const struct hf_key *key, const struct hf_ref *snapshot)
{
	HF_REPOSITORY_AUTO *repo = open_as(key);
	struct hf_catalogue c = load(repo);
	const struct hf_point *p = hf_catalogue_point(&c, snapshot);
	assert_non_null(p);
	struct hf_ref entry = c.entries[p->entry].ref;
	hf_catalogue_free(&c);
	return entry;
}

/* --- restore points -------------------------------------------------------------------------------------------------- */

static void a_snapshot_counts_once_it_is_committed(void **state)
{
	(void)state;
	HF_REPOSITORY_AUTO *repo = open_as(one);
	assert_int_equal(count_points(reader), 0);
	put_snapshot(repo, "data", hf_time_now());
	assert_int_equal(count_points(reader), 0);
	struct hf_ref ref = back_up(one, "data");
	assert_int_equal(count_points(reader), 1);
	assert_latest(reader, "latest", &ref);
}

static void a_snapshot_comes_back_whole(void **state)
{
	(void)state;
	struct hf_ref ref = back_up_at(one, "data", INT64_C(1600000000123456789));
	HF_REPOSITORY_AUTO *repo = open_as(reader);
	struct hf_snapshot s;
	for (int again = 0; again < 2; again++) { /* from the store, then from the cache */
		assert_int_equal(hf_snapshot_get(repo, &ref, HF_SNAPSHOT_WHOLE, &s, NULL), 0);
		assert_int_equal(s.time, INT64_C(1600000000123456789));
		assert_string_equal(s.host, "here");
		assert_int_equal(s.source_count, 1);
		assert_string_equal(s.sources[0].name, "data");
		assert_int_equal(s.sources[0].bytes, 7);
		assert_int_equal(s.pack_count, 3);
		assert_true(hf_ref_compare(&s.packs[0], &s.packs[1]) < 0 && hf_ref_compare(&s.packs[1], &s.packs[2]) < 0);
		hf_snapshot_free(&s);
	}
	struct hf_ref nowhere = {one->id, hf_id_new()};
	assert_int_equal(hf_snapshot_get(repo, &nowhere, HF_SNAPSHOT_WHOLE, &s, NULL), HF_E_NOTFOUND);
	hf_snapshot_free(&s);
}

static void a_write_key_commits_and_cannot_look(void **state)
{
	(void)state;
	struct hf_ref ref = back_up(one, "data"), got;
	HF_REPOSITORY_AUTO *repo = open_as(one);
	struct hf_catalogue c = load(repo);
	assert_int_equal(c.point_count, 1);
	assert_null(c.points[0].snapshot);
	assert_int_equal(c.points[0].failure, HF_E_KEY);
	hf_catalogue_free(&c);
	assert_int_equal(select_as(one, "latest", &got), HF_E_KEY);
	assert_latest(reader, "latest", &ref);
}

/* --- rights ---------------------------------------------------------------------------------------------------------- */

static void a_write_key_cannot_forget(void **state)
{
	(void)state;
	struct hf_ref ref = back_up(one, "data");
	forge(one, "forget", &ref);
	HF_REPOSITORY_AUTO *repo = open_as(reader);
	struct hf_catalogue c = load(repo);
	assert_int_equal(c.point_count, 1);
	assert_int_equal(c.problem_count, 1);
	assert_false(c.problems[0].is_loss);
	assert_int_equal(c.head_count, 1); /* what is set apart is no head */
	assert_int_equal(hf_catalogue_forget(&c, &ref, 1, "", NULL), HF_E_KEY);
	hf_catalogue_free(&c);
	assert_latest(reader, "latest", &ref);
}

static void nobody_commits_for_another(void **state)
{
	(void)state;
	HF_REPOSITORY_AUTO *repo = open_as(one);
	struct hf_ref ref = put_snapshot(repo, "data", hf_time_now());
	forge(two, "commit", &ref); /* names a snapshot of this id by two, and there is none */
	assert_int_equal(select_as(reader, "latest", &(struct hf_ref){0}), HF_E_CORRUPT);
	HF_REPOSITORY_AUTO *other = open_as(reader);
	struct hf_catalogue c = load(other);
	assert_null(hf_catalogue_point(&c, &ref));
	hf_catalogue_free(&c);
}

static void an_uncertified_key_is_not_believed(void **state)
{
	(void)state;
	struct hf_ref ref = back_up(one, "data"), got;
	forge(stranger, "evidence", &ref);
	HF_REPOSITORY_AUTO *repo = open_as(reader);
	struct hf_catalogue c = load(repo);
	assert_int_equal(c.entry_count, 1);
	assert_int_equal(c.damaged, 1);
	hf_catalogue_free(&c);
	/* It may be by a writer whose certificate was lost, and newer. */
	assert_int_equal(select_as(reader, "latest", &got), HF_E_CORRUPT);
}

static void only_a_key_that_may_prove_proves(void **state)
{
	(void)state;
	struct hf_ref ref = back_up(one, "data");
	const struct hf_new_evidence drill = {.what = "drill", .snapshots = &ref, .snapshot_count = 1, .ok = true};
	const struct hf_key *keys[] = {one, reader};
	for (size_t i = 0; i < 2; i++) {
		HF_REPOSITORY_AUTO *repo = open_as(keys[i]);
		struct hf_catalogue c = load(repo);
		assert_int_equal(hf_catalogue_evidence(&c, &drill, NULL, NULL), 0);
		hf_catalogue_free(&c);
		c = load(repo);
		assert_int_equal(c.points[0].proved_at != 0, keys[i] == reader);
		hf_catalogue_free(&c);
	}
}

static void what_a_revoked_key_writes_later_does_not_count(void **state)
{
	(void)state;
	HF_REPOSITORY_AUTO *repo = open_as(one);
	struct hf_catalogue early = load(repo);
	struct hf_ref before = back_up(one, "data");
	HF_REPOSITORY_AUTO *as_owner = open_as(owner);
	struct hf_catalogue c = load(as_owner);
	assert_int_equal(hf_catalogue_revoke(&c, &one->id, NULL), 0);
	hf_catalogue_free(&c);
	/* By a process that does not know yet. */
	const struct hf_new_commit late = {.snapshot = put_snapshot(repo, "data", hf_time_now())};
	assert_int_equal(hf_catalogue_commit(&early, &late, NULL, NULL), 0);
	hf_catalogue_free(&early);
	assert_latest(reader, "latest", &before);
	assert_int_equal(count_points(reader), 1);
}

/* --- what is gone or damaged ----------------------------------------------------------------------------------------- */

static void latest_never_falls_back_over_a_damaged_snapshot(void **state)
{
	(void)state;
	struct hf_ref old = back_up(one, "data"), new = back_up(one, "data"), got;
	flip_object(HF_KIND_SNAPSHOT, &new);
	assert_int_equal(select_as(reader, "latest", &got), HF_E_CORRUPT);
	assert_int_equal(select_as(reader, "latest:data", &got), HF_E_CORRUPT);
	char id[HF_ID_TEXT];
	assert_int_equal(select_as(reader, hf_hex(old.id.b, HF_ID_SIZE, id), &got), 0);
	assert_int_equal(select_as(reader, hf_hex(new.id.b, HF_ID_SIZE, id), &got), HF_E_CORRUPT);
	remove_object(HF_KIND_SNAPSHOT, &new);
	assert_int_equal(select_as(reader, "latest", &got), HF_E_CORRUPT);
}

static void an_older_damaged_snapshot_is_in_nobodys_way(void **state)
{
	(void)state;
	struct hf_ref old = back_up_at(one, "data", hf_time_now() - HF_SECOND), new = back_up(one, "data");
	remove_object(HF_KIND_SNAPSHOT, &old);
	assert_latest(reader, "latest", &new);
}

static void latest_never_falls_back_over_a_damaged_entry(void **state)
{
	(void)state;
	struct hf_ref old = back_up(one, "data"), new = back_up(one, "data"), got;
	struct hf_ref entry = commit_of(owner, &new);
	(void)old;
	flip_object(HF_KIND_ENTRY, &entry);
	assert_int_equal(select_as(reader, "latest", &got), HF_E_CORRUPT);
}

static void a_damaged_entry_that_is_known_to_be_older_is_fine(void **state)
{
	(void)state;
	struct hf_ref old = back_up(one, "data"), new = back_up(one, "data");
	struct hf_ref entry = commit_of(owner, &old);
	flip_object(HF_KIND_ENTRY, &entry);
	assert_latest(reader, "latest", &new);
	assert_int_equal(count_points(reader), 1);
}

static void an_entry_taken_out_of_the_middle_is_noticed(void **state)
{
	(void)state;
	struct hf_ref first = back_up(one, "data"), second = back_up(one, "data");
	struct hf_ref entry = commit_of(owner, &first);
	(void)second;
	remove_object(HF_KIND_ENTRY, &entry);
	HF_REPOSITORY_AUTO *repo = open_as(reader);
	struct hf_catalogue c = load(repo);
	assert_int_equal(c.missing_count, 1);
	assert_true(c.problem_count > 0 && c.problems[0].is_loss);
	hf_catalogue_free(&c);
}

/* A backup, another that names its entry as a parent, and a checkpoint by that key which covers the first one's entry; then that is
 * gone, with its snapshot. */
static struct hf_hash cover_and_remove(const struct hf_key *key)
{
	struct hf_ref first = back_up(one, "data"), entry = commit_of(second_reader, &first); /* who so remembers this head */
	HF_REPOSITORY_AUTO *repo = open_as(reader);
	struct hf_catalogue c = load(repo);
	struct hf_hash hash = c.entries[0].hash;
	hf_catalogue_free(&c);
	back_up(one, "data");
	forge_checkpoint(key, &hash, NULL);
	remove_object(HF_KIND_ENTRY, &entry);
	remove_object(HF_KIND_SNAPSHOT, &first);
	return hash;
}

static void an_entry_that_a_checkpoint_covers_may_be_gone(void **state)
{
	(void)state;
	struct hf_hash hash = cover_and_remove(owner);
	const struct hf_key *keys[] = {reader, second_reader, one};
	for (size_t i = 0; i < 3; i++) {
		HF_REPOSITORY_AUTO *repo = open_as(keys[i]);
		struct hf_catalogue c = load(repo);
		char text[65];
		assert_int_equal(c.missing_count + c.damaged + c.rolled_back + c.problem_count, 0);
		assert_int_equal(c.point_count, 1);
		assert_int_equal(hf_catalogue_expect(&c, hf_hex(hash.b, sizeof(hash.b), text), NULL), 0);
		hf_catalogue_free(&c);
	}
}

static void a_checkpoint_takes_the_right_to_maintain(void **state)
{
	(void)state;
	cover_and_remove(two);
	HF_REPOSITORY_AUTO *repo = open_as(second_reader);
	struct hf_catalogue c = load(repo);
	assert_int_equal(c.missing_count, 1);
	assert_int_equal(c.rolled_back, 1);
	hf_catalogue_free(&c);
}

static void a_checkpoint_commits_nothing(void **state)
{
	(void)state;
	HF_REPOSITORY_AUTO *repo = open_as(one);
	struct hf_ref ref = put_snapshot(repo, "data", hf_time_now());
	forge_checkpoint(owner, &(struct hf_hash){{1}}, &ref);
	assert_int_equal(count_points(reader), 0);
}

static void a_rollback_is_noticed_by_who_saw_more(void **state)
{
	(void)state;
	struct hf_ref old = back_up(one, "data"), new = back_up(one, "data"), got;
	assert_latest(reader, "latest", &new);
	struct hf_ref entry = commit_of(owner, &new);
	remove_object(HF_KIND_ENTRY, &entry);
	for (int again = 0; again < 2; again++) { /* and stays noticed */
		HF_REPOSITORY_AUTO *repo = open_as(reader);
		struct hf_catalogue c = load(repo);
		assert_int_equal(c.rolled_back, 1);
		hf_catalogue_free(&c);
		assert_int_equal(select_as(reader, "latest", &got), HF_E_CORRUPT);
	}
	char id[HF_ID_TEXT];
	assert_int_equal(select_as(reader, hf_hex(old.id.b, HF_ID_SIZE, id), &got), 0);
	assert_latest(second_reader, "latest", &old); /* who never saw it can't tell */
}

static void an_expected_head_must_be_there(void **state)
{
	(void)state;
	HF_REPOSITORY_AUTO *repo = open_as(one);
	struct hf_catalogue c = load(repo);
	const struct hf_new_commit commit = {.snapshot = put_snapshot(repo, "data", hf_time_now())};
	struct hf_hash head;
	char text[65];
	assert_int_equal(hf_catalogue_commit(&c, &commit, &head, NULL), 0);
	hf_catalogue_free(&c);
	struct hf_ref newer = back_up(one, "data");
	(void)newer;
	c = load(repo);
	assert_int_equal(hf_catalogue_expect(&c, hf_hex(head.b, sizeof(head.b), text), NULL), 0);
	text[0] = text[0] == '0' ? '1' : '0';
	assert_int_equal(hf_catalogue_expect(&c, text, NULL), HF_E_CHECK);
	assert_int_equal(hf_catalogue_expect(&c, "head", NULL), HF_E_USAGE);
	hf_catalogue_free(&c);
}

static void a_spoilt_cache_is_not_believed(void **state)
{
	(void)state;
	struct hf_ref ref = back_up(one, "data");
	assert_latest(reader, "latest", &ref);
	char command[600], id[HF_ID_TEXT];
	snprintf(command, sizeof(command), "for f in $(find %s/cache-reader/%s -type f); do echo x >$f; done", place.dir,
		hf_hex(owner->repository.b, HF_ID_SIZE, id));
	assert_int_equal(system(command), 0);
	assert_latest(reader, "latest", &ref);
}

/* --- forks, forgetting ----------------------------------------------------------------------------------------------- */

static void two_runs_fork_the_graph_and_the_next_joins_it(void **state)
{
	(void)state;
	HF_REPOSITORY_AUTO *a = open_as(one), *b = open_as(two);
	struct hf_catalogue ca = load(a), cb = load(b);
	const struct hf_new_commit x = {.snapshot = put_snapshot(a, "x", hf_time_now())};
	const struct hf_new_commit y = {.snapshot = put_snapshot(b, "y", hf_time_now())};
	assert_int_equal(hf_catalogue_commit(&ca, &x, NULL, NULL), 0);
	assert_int_equal(hf_catalogue_commit(&cb, &y, NULL, NULL), 0);
	hf_catalogue_free(&ca);
	hf_catalogue_free(&cb);
	ca = load(a);
	assert_int_equal(ca.head_count, 2);
	hf_catalogue_free(&ca);
	back_up(one, "x");
	ca = load(a);
	assert_int_equal(ca.head_count, 1);
	assert_int_equal(ca.point_count, 3);
	assert_int_equal(ca.entries[2].parent_count, 2);
	assert_int_equal(ca.problem_count, 0);
	hf_catalogue_free(&ca);
}

typedef int change(struct hf_catalogue *c, const struct hf_ref *snapshots, size_t count, const char *reason,
	struct hf_error *err);

static void change_as_owner(change *what, const struct hf_ref *ref)
{
	HF_REPOSITORY_AUTO *repo = open_as(owner);
	struct hf_catalogue c = load(repo);
	assert_int_equal(what(&c, ref, 1, "test", NULL), 0);
	hf_catalogue_free(&c);
}

static void forgetting_can_be_taken_back_and_done_again(void **state)
{
	(void)state;
	struct hf_ref old = back_up(one, "data"), ref = back_up(one, "data"), got;
	char id[HF_ID_TEXT];
	change_as_owner(hf_catalogue_forget, &ref);
	assert_latest(reader, "latest", &old);
	assert_int_equal(select_as(reader, hf_hex(ref.id.b, HF_ID_SIZE, id), &got), HF_E_NOTFOUND);
	change_as_owner(hf_catalogue_unforget, &ref);
	assert_latest(reader, "latest", &ref);
	change_as_owner(hf_catalogue_forget, &ref);
	assert_latest(reader, "latest", &old);
}

static void an_unforget_takes_back_only_what_it_saw(void **state)
{
	(void)state;
	struct hf_ref ref = back_up(one, "data");
	HF_REPOSITORY_AUTO *repo = open_as(owner);
	struct hf_catalogue unaware = load(repo);
	change_as_owner(hf_catalogue_forget, &ref);
	assert_int_equal(hf_catalogue_unforget(&unaware, &ref, 1, "", NULL), 0);
	hf_catalogue_free(&unaware);
	assert_int_equal(count_points(reader), 0);
}

/* --- time ------------------------------------------------------------------------------------------------------------ */

static const struct hf_point *point_of(const struct hf_catalogue *c, const struct hf_ref *ref)
{
	const struct hf_point *p = hf_catalogue_point(c, ref);
	assert_non_null(p);
	return p;
}

static void a_claim_of_the_future_is_set_apart(void **state)
{
	(void)state;
	struct hf_ref now = back_up(one, "data"), got;
	struct hf_ref later = back_up_at(one, "data", hf_time_now() + 3600 * HF_SECOND);
	HF_REPOSITORY_AUTO *repo = open_as(reader);
	struct hf_catalogue c = load(repo);
	assert_int_equal(point_of(&c, &later)->time_trust, HF_TIME_FUTURE);
	assert_int_equal(point_of(&c, &now)->time_trust, HF_TIME_WRITER);
	hf_catalogue_free(&c);
	assert_latest(reader, "latest", &now);
	char id[HF_ID_TEXT];
	assert_int_equal(select_as(reader, hf_hex(later.id.b, HF_ID_SIZE, id), &got), 0);
}

static void a_claim_before_the_writers_last_entry_is_replaced_by_the_stores_time(void **state)
{
	(void)state;
	back_up(one, "data");
	int64_t long_ago = hf_time_now() - 1000000 * HF_SECOND;
	struct hf_ref backdated = back_up_at(one, "data", long_ago);
	struct hf_ref others = back_up_at(two, "data", long_ago); /* its first */
	HF_REPOSITORY_AUTO *repo = open_as(reader);
	struct hf_catalogue c = load(repo);
	assert_int_equal(point_of(&c, &backdated)->time_trust, HF_TIME_STORE);
	assert_true(point_of(&c, &backdated)->time > long_ago + 999000 * HF_SECOND);
	assert_int_equal(point_of(&c, &others)->time_trust, HF_TIME_WRITER);
	assert_int_equal(point_of(&c, &others)->time, long_ago);
	hf_catalogue_free(&c);
}

/* --- choosing -------------------------------------------------------------------------------------------------------- */

static void latest_of_several_writers_must_be_told_apart(void **state)
{
	(void)state;
	struct hf_ref a = back_up(one, "x"), b = back_up(two, "y"), got;
	assert_int_equal(select_as(reader, "latest", &got), HF_E_USAGE);
	assert_latest(reader, "latest:x", &a);
	assert_latest(reader, "latest:y", &b);
	struct hf_select_options by_key = {.selector = "latest", .host = "one"};
	assert_int_equal(select_with(reader, &by_key, &got), 0);
	assert_true(hf_ref_equal(&got, &a));
	by_key.host = "here"; /* both claim it */
	assert_int_equal(select_with(reader, &by_key, &got), HF_E_USAGE);
	by_key.host = "nowhere";
	assert_int_equal(select_with(reader, &by_key, &got), HF_E_NOTFOUND);
	back_up(two, "x");
	assert_int_equal(select_as(reader, "latest:x", &got), HF_E_USAGE);
}

static void latest_at_a_time(void **state)
{
	(void)state;
	int64_t now = hf_time_now();
	struct hf_ref old = back_up_at(one, "x", now - 100 * HF_SECOND), got;
	struct hf_ref new = back_up_at(two, "x", now - 10 * HF_SECOND);
	struct hf_select_options o = {.selector = "latest", .has_at = true, .at = now - 50 * HF_SECOND};
	assert_int_equal(select_with(reader, &o, &got), 0);
	assert_true(hf_ref_equal(&got, &old));
	o.at = now - 100 * HF_SECOND;
	assert_int_equal(select_with(reader, &o, &got), 0);
	o.at = now - 101 * HF_SECOND;
	assert_int_equal(select_with(reader, &o, &got), HF_E_NOTFOUND);
	o.at = now;
	o.host = "two";
	assert_int_equal(select_with(reader, &o, &got), 0);
	assert_true(hf_ref_equal(&got, &new));
	o.selector = "0";
	assert_int_equal(select_with(reader, &o, &got), HF_E_USAGE);
}

static void ids_may_be_shortened_while_they_are_unique(void **state)
{
	(void)state;
	struct hf_ref got;
	char id[HF_ID_TEXT], first[17] = {0};
	bool ambiguous = false;
	for (int i = 0; i < 17; i++) { /* of 17, two start with the same digit */
		struct hf_ref ref = back_up(one, "x");
		hf_hex(ref.id.b, HF_ID_SIZE, id);
		ambiguous = ambiguous || strchr(first, id[0]);
		first[i < 16 ? i : 15] = id[0];
	}
	assert_true(ambiguous);
	assert_int_equal(select_as(reader, id, &got), 0);
	int seen[3] = {0};
	for (const char *digit = "0123456789abcdef"; *digit; digit++) {
		char prefix[2] = {*digit, 0};
		int r = select_as(reader, prefix, &got);
		seen[r == 0 ? 0 : r == HF_E_USAGE ? 1 : 2]++;
		assert_true(r == 0 || r == HF_E_USAGE || r == HF_E_NOTFOUND);
	}
	assert_true(seen[1] > 0);
	assert_int_equal(select_as(reader, "", &got), HF_E_USAGE);
	assert_int_equal(select_as(reader, "latest:", &got), HF_E_USAGE);
	assert_int_equal(select_as(reader, "nonsense", &got), HF_E_NOTFOUND);
}

static void a_source_must_be_in_the_snapshot(void **state)
{
	(void)state;
	back_up(one, "x");
	struct hf_ref newer = back_up(one, "y"), got;
	struct hf_select_options o = {.selector = "latest", .source = "x"};
	assert_int_equal(select_with(reader, &o, &got), HF_E_NOTFOUND);
	o.source = "y";
	assert_int_equal(select_with(reader, &o, &got), 0);
	assert_true(hf_ref_equal(&got, &newer));
	o.selector = "latest:x";
	assert_int_equal(select_with(reader, &o, &got), HF_E_USAGE);
	assert_int_equal(select_as(reader, "latest:z", &got), HF_E_NOTFOUND);
}

/* --- condemnations and voids ----------------------------------------------------------------------------------------- */

static void condemn(const struct hf_key *key, const struct hf_ref *pack)
{
	struct hf_store *store = place_store(&place);
	HF_JSON_AUTO *clear = json_object();
	json_object_set_new(clear, "packs", hf_ref_list_json(pack, 1));
	json_object_set_new(clear, "time", hf_json_time(hf_time_now()));
	struct hf_object_new o = {
		.kind = HF_KIND_CONDEMNED, .form = HF_FORM_PLAIN, .key = key, .id = hf_id_new(), .clear = clear};
	assert_int_equal(hf_object_put(store, &o, NULL, NULL), 0);
	hf_store_close(store);
}

static void condemnations_by_who_may(void **state)
{
	(void)state;
	struct hf_ref a = {one->id, hf_id_new()}, b = {one->id, hf_id_new()};
	struct hf_condemned c;
	condemn(owner, &a);
	condemn(two, &b);
	HF_REPOSITORY_AUTO *repo = open_as(one);
	assert_int_equal(hf_condemned_list(repo, &c, NULL), 0);
	assert_int_equal(c.count, 1);
	assert_true(hf_condemned_has(&c, &a));
	assert_false(hf_condemned_has(&c, &b));
	assert_int_equal(c.unreadable, 0);
	hf_condemned_free(&c);
}

static void a_commit_of_a_voided_snapshot_is_not_acknowledged(void **state)
{
	(void)state;
	HF_REPOSITORY_AUTO *repo = open_as(one), *as_owner = open_as(owner);
	const struct hf_new_commit voided = {.snapshot = put_snapshot(repo, "x", hf_time_now())};
	const struct hf_new_commit fine = {.snapshot = put_snapshot(repo, "x", hf_time_now())};
	assert_int_equal(hf_void_put(repo, &voided.snapshot, NULL), HF_E_KEY);
	assert_int_equal(hf_void_put(as_owner, &voided.snapshot, NULL), 0);
	struct hf_catalogue c = load(repo);
	assert_int_equal(hf_catalogue_commit(&c, &voided, NULL, NULL), 1);
	assert_int_equal(hf_catalogue_commit(&c, &fine, NULL, NULL), 0);
	hf_catalogue_free(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_snapshot_counts_once_it_is_committed),
		TEST(a_snapshot_comes_back_whole),
		TEST(a_write_key_commits_and_cannot_look),
		TEST(a_write_key_cannot_forget),
		TEST(nobody_commits_for_another),
		TEST(an_uncertified_key_is_not_believed),
		TEST(only_a_key_that_may_prove_proves),
		TEST(what_a_revoked_key_writes_later_does_not_count),
		TEST(latest_never_falls_back_over_a_damaged_snapshot),
		TEST(an_older_damaged_snapshot_is_in_nobodys_way),
		TEST(latest_never_falls_back_over_a_damaged_entry),
		TEST(a_damaged_entry_that_is_known_to_be_older_is_fine),
		TEST(an_entry_taken_out_of_the_middle_is_noticed),
		TEST(an_entry_that_a_checkpoint_covers_may_be_gone),
		TEST(a_checkpoint_takes_the_right_to_maintain),
		TEST(a_checkpoint_commits_nothing),
		TEST(a_rollback_is_noticed_by_who_saw_more),
		TEST(an_expected_head_must_be_there),
		TEST(a_spoilt_cache_is_not_believed),
		TEST(two_runs_fork_the_graph_and_the_next_joins_it),
		TEST(forgetting_can_be_taken_back_and_done_again),
		TEST(an_unforget_takes_back_only_what_it_saw),
		TEST(a_claim_of_the_future_is_set_apart),
		TEST(a_claim_before_the_writers_last_entry_is_replaced_by_the_stores_time),
		TEST(latest_of_several_writers_must_be_told_apart),
		TEST(latest_at_a_time),
		TEST(ids_may_be_shortened_while_they_are_unique),
		TEST(a_source_must_be_in_the_snapshot),
		TEST(condemnations_by_who_may),
		TEST(a_commit_of_a_voided_snapshot_is_not_acknowledged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
