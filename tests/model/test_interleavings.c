/*
 * The protocol without locks, proved on the real writer, pruner and voider: they run over a store in memory, and every order of
 * their calls to it is tried (turns.h). However they interleave, what a backup acknowledged must verify down to the last
 * byte. And to show that such a proof can fail at all: each change of the protocol that lost data in the Promela model must
 * lose data here too.
 *
 * The plain repository holds one backup of a small tree, forgotten, so its packs may go; the writers back up the same tree, and
 * so would rely on them. The mixed one holds a backup of two files, forgotten, and a later one of one of them, which relies on the
 * same pack and must stay, so that there is something to repack; and one more of the same file in packs of its own. So does the one
 * apart, but there a host with a write key and a domain of its own backs up, and the owner repacks what is that host's.
 */
#include "base/file.h"
#include "base/log.h"
#include "ops/backup.h"
#include "ops/prune.h"
#include "ops/verify.h"
#include "repo/key_cert.h"
#include "repo/key_new.h"
#include "turns.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS_MAX = 2 };

static char *dir; /* holds the tree */
static struct hf_key *owner, *host;

/* A repository as it is before a run. */
struct first {
	struct hf_store *store;
	const struct hf_key *writer; /* who backs up in it */
	struct hf_ref kept, twice; /* where there is something to repack: the backup that must stay; the one in packs of its own */
};
static struct first plain, mixed, apart;
static const struct first *first; /* that of the present runs */

/* --- the repository --------------------------------------------------------------------------------------------------- */

static struct hf_key *copy_key(const struct hf_key *from)
{
	struct hf_key *to = malloc(sizeof(*to));
	assert(to);
	*to = *from;
	to->epochs = malloc(from->epoch_count * sizeof(*to->epochs));
	assert(to->epochs);
	memcpy(to->epochs, from->epochs, from->epoch_count * sizeof(*to->epochs));
	to->rescue_json = NULL;
	return to;
}

static struct hf_repository *open_over(struct hf_store *store, const struct hf_key *key)
{
	const struct hf_repository_options options = {.url = "memory"};
	struct hf_repository *repo;
	struct hf_error err = {0};
	int r = hf_repository_adopt(&options, store, copy_key(key), &repo, &err);
	if (r < 0)
		fprintf(stderr, "open: %s\n", err.msg);
	assert(r == 0);
	return repo;
}

static int copy_object(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct hf_buf bytes = HF_BUF(64u << 20);
	int r = hf_store_get_all(first->store, info->name, &bytes, err);
	const struct iovec all = {bytes.data, bytes.len};
	if (r == 0)
		r = hf_store_put(user, info->name, &all, 1, err);
	hf_buf_free(&bytes);
	return r;
}

static struct hf_store *copy_first(void)
{
	struct hf_store *copy;
	int r = hf_store_open_memory(&copy, NULL);
	assert(r == 0);
	r = hf_store_list(first->store, "", copy_object, copy, NULL);
	assert(r == 0);
	return copy;
}

/* Stands between a repository, which closes its store, and a store that is to outlive it. */
static struct hf_store *lend(struct hf_store *store)
{
	static const struct turns_options none;
	static struct turns *no_turns;
	no_turns = no_turns ? no_turns : calloc(1, 1 << 20); /* it has no actors, so no one waits */
	return turns_store(no_turns, 0, store, &none);
}

static int back_up(struct hf_repository *repo, struct hf_ref *snapshot, struct hf_error *err)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/tree", dir);
	const struct hf_source_spec source = {.kind = "volume", .name = "tree", .location = path, .scratch = dir};
	const struct hf_backup_options options = {
		.repo = repo, .sources = &source, .source_count = 1, .scratch = dir, .threads = 1, .level = 1, .pack_size = 1 << 16};
	struct hf_backup_result result;
	int r = hf_backup(&options, &result, err);
	*snapshot = result.snapshot;
	hf_backup_result_free(&result);
	return r;
}

static void write_file(const char *name, int from, int to)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/tree/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert(f);
	for (int i = from; i < to; i++)
		fprintf(f, "line %d of a small file\n", i);
	fclose(f);
}

static void make_tree(void)
{
	char path[512];
	int r = hf_scratch_make("/var/tmp", "hf-turns", &dir, NULL);
	assert(r == 0);
	snprintf(path, sizeof(path), "%s/tree", dir);
	r = hf_mkdirs(AT_FDCWD, path, 0700, NULL);
	assert(r == 0);
	write_file("file", 0, 2000);
}

static void must(int r, const struct hf_error *err)
{
	if (r < 0)
		fprintf(stderr, "make the repository: %s\n", err->msg);
	assert(r == 0);
}

static struct hf_store *make_repository(void)
{
	struct hf_config config = HF_CONFIG_DEFAULT;
	struct hf_error err = {0};
	struct hf_store *store;
	must(hf_store_open_memory(&store, NULL), &err);
	must(hf_cert_put(store, owner, owner, &err), &err);
	must(hf_cert_put(store, owner, host, &err), &err);
	must(hf_config_put(store, owner, &config, &err), &err);
	return store;
}

static int forget(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_error *err)
{
	struct hf_catalogue catalogue;
	int r = hf_catalogue_load(repo, NULL, &catalogue, err);
	if (r == 0)
		r = hf_catalogue_forget(&catalogue, snapshot, 1, "a test", err);
	hf_catalogue_free(&catalogue);
	return r;
}

static void make_plain(void)
{
	struct hf_ref snapshot;
	struct hf_error err = {0};
	plain = (struct first){.store = make_repository(), .writer = owner};
	struct hf_repository *repo = open_over(lend(plain.store), owner);
	must(back_up(repo, &snapshot, &err), &err);
	must(forget(repo, &snapshot, &err), &err);
	hf_repository_close(repo);
}

static struct first make_mixed(const struct hf_key *writer)
{
	struct first out = {.store = make_repository(), .writer = writer};
	struct hf_ref both;
	struct hf_error err = {0};
	char path[512];
	struct hf_repository *repo = open_over(lend(out.store), writer), *owners = open_over(lend(out.store), owner);
	write_file("more", 5000, 15000);
	must(back_up(repo, &both, &err), &err);
	snprintf(path, sizeof(path), "%s/tree/more", dir);
	must(unlink(path), &err);
	must(back_up(repo, &out.kept, &err), &err);
	must(forget(owners, &both, &err), &err);
	repo->config.is_unlisted = true; /* so it does not deduplicate */
	must(back_up(repo, &out.twice, &err), &err);
	hf_repository_close(repo);
	hf_repository_close(owners);
	return out;
}

/* --- the actors ------------------------------------------------------------------------------------------------------- */

struct scenario;

struct player {
	struct scenario *scenario;
	struct turns *turns;
	int number;
	enum role { WRITER = 'w', PRUNER = 'p', REPACKER = 'r', REPACKER_APART = 'R', FORGETTER = 'f' } role;
	struct mutation mutation;
	struct hf_repository *repo;
	pthread_t thread;
	int result;
	struct hf_error err;
	struct hf_ref snapshot; /* a writer's, if result is 0 */
};

struct scenario {
	struct player players[ACTORS_MAX];
	int count;
	struct hf_store *shared;
	uint64_t acknowledged, deleted, repacked, failed; /* over all orders */
};

static int gather_own(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	char(*names)[HF_NAME_MAX] = user;
	(void)ref;
	(void)err;
	while (**names)
		names++;
	strcpy(*names, info->name);
	return 0;
}

/* The mutant that takes its condemnations back. */
static void take_back(struct player *p)
{
	char names[16][HF_NAME_MAX] = {{0}};
	struct hf_eraser eraser = {p->repo->store};
	int r = hf_object_list(p->scenario->shared, HF_KIND_CONDEMNED, gather_own, names, NULL);
	for (int i = 0; r == 0 && names[i][0]; i++)
		r = hf_eraser_erase(&eraser, names[i], NULL);
}

static void prune(struct player *p)
{
	const struct hf_prune_options options = {.repo = p->repo, .has_grace = true, .scratch = dir,
		.has_max_unused = p->role == REPACKER || p->role == REPACKER_APART};
	struct hf_prune_result result;
	p->result = hf_prune(&options, &result, &p->err);
	__atomic_fetch_add(&p->scenario->deleted, result.deleted, __ATOMIC_RELAXED);
	__atomic_fetch_add(&p->scenario->repacked, result.repacked, __ATOMIC_RELAXED);
	bool held = result.held;
	hf_prune_result_free(&result);
	if (p->result == 0 && held && p->mutation.takes_back)
		take_back(p);
}

static void *play(void *user)
{
	struct player *p = user;
	turns_go(p->turns, p->number);
	if (p->role == WRITER)
		p->result = back_up(p->repo, &p->snapshot, &p->err);
	else if (p->role == FORGETTER)
		p->result = forget(p->repo, &first->twice, &p->err);
	else
		prune(p);
	turns_end(p->turns, p->number);
	return NULL;
}

static void start(struct turns *t, void *user)
{
	struct scenario *s = user;
	s->shared = copy_first();
	for (int i = 0; i < s->count; i++) {
		struct player *p = &s->players[i];
		p->scenario = s;
		p->turns = t;
		p->number = i;
		p->err = (struct hf_error){0};
		const struct turns_options options = {p->role == WRITER || p->role == FORGETTER, p->role == PRUNER, p->mutation};
		p->repo = open_over(turns_store(t, i, s->shared, &options), p->role == WRITER ? first->writer : owner);
	}
	for (int i = 0; i < s->count; i++) {
		int r = pthread_create(&s->players[i].thread, NULL, play, &s->players[i]);
		assert(r == 0);
	}
}

/* Does all that was acknowledged verify, to the last byte? */
static bool is_whole(struct scenario *s)
{
	struct hf_repository *repo = open_over(lend(s->shared), owner);
	struct hf_catalogue catalogue;
	struct hf_verify_result result = {0};
	const struct hf_point *points[ACTORS_MAX + 1];
	size_t count = 0;
	int r = hf_catalogue_load(repo, NULL, &catalogue, NULL);
	bool whole = r == 0;
	if (whole && first != &plain) {
		points[count] = hf_catalogue_point(&catalogue, &first->kept);
		whole = points[count++] != NULL;
	}
	for (int i = 0; i < s->count && whole; i++) {
		const struct player *p = &s->players[i];
		if (p->role != WRITER || p->result != 0)
			continue;
		points[count] = hf_catalogue_point(&catalogue, &p->snapshot);
		whole = points[count++] != NULL;
	}
	const struct hf_verify_options options = {
		.repo = repo, .points = points, .point_count = count, .read_data = true, .threads = 1};
	if (whole && count)
		whole = hf_verify_repository(&options, &result, NULL) == 0 && result.ok;
	s->acknowledged += count;
	hf_verify_result_free(&result);
	hf_catalogue_free(&catalogue);
	hf_repository_close(repo);
	return whole;
}

static bool finish(struct turns *t, bool given_up, void *user)
{
	struct scenario *s = user;
	(void)t;
	for (int i = 0; i < s->count; i++)
		pthread_join(s->players[i].thread, NULL);
	bool held = given_up || is_whole(s);
	for (int i = 0; i < s->count; i++) {
		struct player *p = &s->players[i];
		if (!given_up && p->result < 0) {
			s->failed++;
			fprintf(stderr, "actor %d: %s\n", i, p->err.msg);
		}
		hf_repository_close(p->repo);
	}
	hf_store_close(s->shared);
	return held;
}

/* --- the tests -------------------------------------------------------------------------------------------------------- */

static int failures;

static void outcome(bool ok, const char *name)
{
	printf("%s - %s\n", ok ? "ok" : "not ok", name);
	fflush(stdout);
	failures += !ok;
}

/* Roles as letters, writers first. Those that repack need a repository with something to repack. */
static struct scenario scenario_of(const char *roles)
{
	struct scenario s = {.count = (int)strlen(roles)};
	for (int i = 0; i < s.count; i++)
		s.players[i].role = (enum role)roles[i];
	first = strchr(roles, REPACKER_APART) ? &apart : strchr(roles, REPACKER) ? &mixed : &plain;
	return s;
}

static int writers_of(const char *roles)
{
	return (int)strspn(roles, "w");
}

static bool is_wanted(const char *name)
{
	const char *only = getenv("HF_ONLY");
	return !only || strstr(name, only);
}

/* `most` runs in random orders; 0: all orders. */
static void must_hold(const char *name, const char *roles, uint64_t most)
{
	if (!is_wanted(name))
		return;
	struct scenario s = scenario_of(roles);
	struct exploration e = {.actors = s.count, .twins = writers_of(roles), .start = start, .finish = finish, .user = &s,
		.most = most, .seed = most ? 0x2545f4914f6cdd1d : 0};
	bool held = explore(&e);
	printf("# %s: %llu orders in %llu runs; %llu backups acknowledged, %llu packs deleted, %llu repacked\n", name,
		(unsigned long long)e.orders, (unsigned long long)e.runs, (unsigned long long)s.acknowledged,
		(unsigned long long)s.deleted, (unsigned long long)s.repacked);
	if (!held)
		printf("# lost in this order:\n%s", e.trace);
	outcome(held && !s.failed && s.acknowledged && (s.deleted || s.repacked), name);
}

/* The mutation is that of all actors of one role. */
static void must_lose(const char *name, const char *roles, enum role wrong, const struct mutation *mutation)
{
	if (!is_wanted(name))
		return;
	struct scenario s = scenario_of(roles);
	for (int i = 0; i < s.count; i++)
		if (s.players[i].role == wrong)
			s.players[i].mutation = *mutation;
	struct exploration e = {.actors = s.count, .start = start, .finish = finish, .user = &s,
		.seed = 0x9e3779b97f4a7c15, .most = 20000};
	bool held = explore(&e);
	printf("# %s: lost after %llu runs\n", name, (unsigned long long)e.runs);
	outcome(!held, name);
}

int main(void)
{
	hf_log_set(NULL, NULL, HF_LOG_WARN);
	const struct hf_key_options options = {.kind = HF_KEY_WRITE, .name = "host"};
	int r = hf_key_new_owner("owner", &owner, NULL);
	assert(r == 0);
	r = hf_key_new(owner, &options, &host, NULL);
	assert(r == 0);
	make_tree();
	make_plain();
	mixed = make_mixed(owner);
	apart = make_mixed(host);
	must_hold("a writer and a pruner, in every order", "wp", 0);
	must_hold("a writer and a pruner that repacks, in every order", "wr", 0);
	must_hold("a writer and a pruner that repacks the writer's own domain, in every order", "wR", 0);
	must_hold("a pruner that repacks, another, and a forget, in many orders", "rpf", 300);
	must_hold("a pruner that repacks a host's domain, another, and a forget, in many orders", "Rpf", 300);
	must_lose("a pruner that looks before it condemns loses", "wp", PRUNER,
		&(struct mutation){.looks_before_condemning = true});
	must_lose("a writer that looks once loses", "wp", WRITER, &(struct mutation){.looks_once = true});
	must_lose("a writer that sees no voids loses", "wp", WRITER, &(struct mutation){.sees_no_voids = true});
	must_lose("a pruner that drops condemnations with their packs loses", "wp", PRUNER,
		&(struct mutation){.drops_tombstones = true});
	must_lose("pruners that take condemnations back lose", "wpp", PRUNER, &(struct mutation){.takes_back = true});
	must_lose("a pruner that judges duplicates by what was condemned before loses", "rpf", REPACKER,
		&(struct mutation){.judges_duplicates_first = true});
	must_lose("a pruner of a host's domain that judges duplicates by what was condemned before loses", "Rpf", REPACKER_APART,
		&(struct mutation){.judges_duplicates_first = true});
	must_hold("two writers and a pruner, in every order", "wwp", 0);
	hf_store_close(plain.store);
	hf_store_close(mixed.store);
	hf_store_close(apart.store);
	hf_key_free(host);
	hf_key_free(owner);
	char command[600];
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	failures += system(command) != 0;
	free(dir);
	return failures > 0;
}
