/* Taking turns, and trying all of them; see turns.h. */
#include "turns.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MADE_MAX = 512 };

struct actor {
	struct call call;
	bool is_live;	 /* its calls wait for turns */
	bool is_waiting; /* with `call` */
	bool has_turn;
	bool has_ended;
};

/* Who made an object, and as its how-manieth. */
struct made {
	char name[HF_NAME_MAX];
	int by, nth;
};

struct turns {
	struct made made[MADE_MAX];
	int made_count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct actor actors[ACTORS_MAX];
	int count;
	bool given_up;
};

/* --- the actors' side ------------------------------------------------------------------------------------------------- */

void turns_go(struct turns *t, int number)
{
	pthread_mutex_lock(&t->lock);
	t->actors[number].is_live = true;
	pthread_mutex_unlock(&t->lock);
}

void turns_end(struct turns *t, int number)
{
	pthread_mutex_lock(&t->lock);
	t->actors[number].has_ended = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

bool turns_are_given_up(const struct turns *t)
{
	return t->given_up;
}

/* Waits until it is this call's turn; false if the run was given up. */
static bool wait_for_turn(struct turns *t, int number, struct call call)
{
	struct actor *a = &t->actors[number];
	pthread_mutex_lock(&t->lock);
	if (a->is_live) {
		while (a->is_waiting && !t->given_up) /* another thread of the same actor */
			pthread_cond_wait(&t->changed, &t->lock);
		a->call = call;
		a->is_waiting = true;
		pthread_cond_broadcast(&t->changed);
		while (!a->has_turn && !t->given_up)
			pthread_cond_wait(&t->changed, &t->lock);
		a->has_turn = false;
	}
	bool go_on = !t->given_up;
	pthread_mutex_unlock(&t->lock);
	return go_on;
}

/* --- the wrapper ------------------------------------------------------------------------------------------------------ */

struct listing {
	struct hf_object_info *infos;
	size_t count;
	bool is_known;
};

struct turn_store {
	struct hf_store base;
	struct turns *turns;
	int number;
	struct hf_store *shared;
	struct mutation mutation;
	struct listing first[KINDS]; /* what the first LIST of each kind showed */
	int condemnations, puts;     /* so far */
	bool writes;		     /* a writer's */
	bool only_prunes;	     /* that of a pruner that repacks nothing */
	enum hf_kind listed_last;
};

/* Its store's clock: everything is older than any grace of 0. */
enum { MADE_AT = 1000000000, NOW = 2000000000 };

static enum hf_kind kind_of(const char *name)
{
	for (int k = HF_KIND_CONFIG; k < KINDS; k++) {
		size_t n = strlen(hf_kind_name((enum hf_kind)k));
		if (strncmp(name, hf_kind_name((enum hf_kind)k), n) == 0 && name[n] == '/')
			return (enum hf_kind)k;
	}
	return HF_KIND_CONFIG;
}

static int give_up(struct hf_error *err)
{
	return hf_fail(err, HF_E_STOPPED, "this order of calls is given up");
}

/* The pruner's clock, a condemnation that names nothing, has no effect on anyone: it takes no turn. */
static bool is_clock(const struct turn_store *s, enum hf_kind kind)
{
	return kind == HF_KIND_CONDEMNED && s->condemnations == 0;
}

static void note_made(struct turn_store *s, const char *name)
{
	struct turns *t = s->turns;
	if (!t->count)
		return;
	pthread_mutex_lock(&t->lock);
	assert(t->made_count < MADE_MAX);
	struct made *m = &t->made[t->made_count++];
	strncpy(m->name, name, sizeof(m->name) - 1);
	m->by = s->number;
	m->nth = s->puts++;
	pthread_mutex_unlock(&t->lock);
}

/* What was there before all actors is made by -1, in the order of the store's clock. */
static struct made maker_of(const struct turns *t, const struct hf_object_info *info)
{
	for (int i = 0; i < t->made_count; i++)
		if (strcmp(t->made[i].name, info->name) == 0)
			return t->made[i];
	return (struct made){.by = -1, .nth = (int)(info->time_ns / 1000000000)};
}

/* Names are random. So that a run can be had again, lists are ordered by who made what, which is as good as any order. */
static int by_maker(const void *a, const void *b, void *turns)
{
	struct made x = maker_of(turns, a), y = maker_of(turns, b);
	return x.by != y.by ? (x.by < y.by ? -1 : 1) : (x.nth > y.nth) - (x.nth < y.nth);
}

static int put(struct hf_store *base, const char *name, const struct iovec *parts, int count, struct hf_error *err)
{
	struct turn_store *s = (struct turn_store *)base;
	enum hf_kind kind = kind_of(name);
	if (!is_clock(s, kind) && !wait_for_turn(s->turns, s->number, (struct call){CALL_PUT, kind}))
		return give_up(err);
	s->condemnations += kind == HF_KIND_CONDEMNED;
	note_made(s, name);
	return hf_store_put(s->shared, name, parts, count, err);
}

static int get(struct hf_store *base, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	return hf_store_get(((struct turn_store *)base)->shared, name, offset, out, len, err);
}

static int status(struct hf_store *base, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	int r = hf_store_stat(((struct turn_store *)base)->shared, name, info, err);
	info->time_ns = NOW;
	return r;
}

static int gather(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct listing *l = user;
	(void)err;
	l->infos = reallocarray(l->infos, l->count + 1, sizeof(*l->infos));
	assert(l->infos);
	l->infos[l->count++] = *info;
	return 0;
}

/* Whether the mutation has the actor see what it saw first. */
static bool is_stale(const struct turn_store *s, enum hf_kind kind)
{
	const struct mutation *m = &s->mutation;
	bool has_condemned = s->condemnations > 1; /* the first is the clock */
	if (m->looks_before_condemning && has_condemned && kind != HF_KIND_CONDEMNED)
		return true;
	return kind == HF_KIND_CONDEMNED && m->looks_once;
}

static bool is_in(const struct listing *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->infos[i].name, name) == 0)
			return true;
	return false;
}

/* Of condemnations, only its own and those that it saw before them. */
static void hide_condemnations(const struct turn_store *s, struct listing *now)
{
	size_t kept = 0;
	for (size_t i = 0; i < now->count; i++)
		if (maker_of(s->turns, &now->infos[i]).by == s->number || is_in(&s->first[HF_KIND_CONDEMNED], now->infos[i].name))
			now->infos[kept++] = now->infos[i];
	now->count = kept;
}

static int list(struct hf_store *base, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	struct turn_store *s = (struct turn_store *)base;
	enum hf_kind kind = kind_of(prefix);
	struct listing now = {0};
	int r = 0;
	bool is_aside = s->writes && (kind == HF_KIND_ENTRY || kind == HF_KIND_SNAPSHOT);
	is_aside = is_aside || (kind == HF_KIND_SNAPSHOT && s->listed_last == HF_KIND_ENTRY);
	is_aside = is_aside || (kind == HF_KIND_INDEX && s->only_prunes);
	s->listed_last = kind;
	if (!is_aside && !wait_for_turn(s->turns, s->number, (struct call){CALL_LIST, kind}))
		return give_up(err);
	if (kind != HF_KIND_VOID || !s->mutation.sees_no_voids)
		r = hf_store_list(s->shared, prefix, gather, &now, err);
	if (kind == HF_KIND_CONDEMNED && s->mutation.judges_duplicates_first && s->condemnations > 1)
		hide_condemnations(s, &now);
	if (now.count)
		qsort_r(now.infos, now.count, sizeof(*now.infos), by_maker, s->turns);
	for (size_t i = 0; i < now.count; i++)
		now.infos[i].time_ns = MADE_AT;
	struct listing *shown = &now;
	if (s->first[kind].is_known && is_stale(s, kind))
		shown = &s->first[kind];
	for (size_t i = 0; i < shown->count && r == 0; i++)
		r = each(&shown->infos[i], user, err);
	if (s->first[kind].is_known) {
		free(now.infos);
	} else {
		s->first[kind] = now;
		s->first[kind].is_known = true;
	}
	return r;
}

static void erase_condemnations(struct hf_store *shared)
{
	struct listing all = {0};
	struct hf_eraser eraser = {shared};
	int r = hf_store_list(shared, "condemned/", gather, &all, NULL);
	for (size_t i = 0; i < all.count && r == 0; i++)
		r = hf_eraser_erase(&eraser, all.infos[i].name, NULL);
	assert(r == 0);
	free(all.infos);
}

static int erase(struct hf_store *base, const char *name, struct hf_error *err)
{
	struct turn_store *s = (struct turn_store *)base;
	struct hf_eraser eraser = {s->shared};
	enum hf_kind kind = kind_of(name);
	bool is_own_clock = kind == HF_KIND_CONDEMNED && s->condemnations == 1 && !s->mutation.takes_back;
	if (!is_own_clock && !wait_for_turn(s->turns, s->number, (struct call){CALL_ERASE, kind}))
		return give_up(err);
	int r = hf_eraser_erase(&eraser, name, err);
	if (kind == HF_KIND_PACK && s->mutation.drops_tombstones)
		erase_condemnations(s->shared);
	return r;
}

static void close_store(struct hf_store *base)
{
	struct turn_store *s = (struct turn_store *)base;
	for (int k = 0; k < KINDS; k++)
		free(s->first[k].infos);
	free(s);
}

struct hf_store *turns_store(struct turns *t, int number, struct hf_store *shared, const struct turns_options *options)
{
	static const struct hf_store_ops ops = {
		.put = put, .get = get, .stat = status, .list = list, .erase = erase, .close = close_store};
	struct turn_store *s = calloc(1, sizeof(*s));
	assert(s);
	*s = (struct turn_store){
		.base = {&ops}, .turns = t, .number = number, .shared = shared, .writes = options->writes,
		.only_prunes = options->only_prunes, .mutation = options->mutation};
	return &s->base;
}

/* --- the explorer ----------------------------------------------------------------------------------------------------- */

/* A point at which it was decided whose turn it is. Sets of actors are bits. */
struct frame {
	struct call calls[ACTORS_MAX];
	unsigned waiting, asleep, tried, wanted; /* wanted: whose turn it must have been once */
	int chosen;
};

struct explorer {
	struct exploration *e;
	bool before[DEPTH_MAX][DEPTH_MAX]; /* of the run's calls: the one happens before the other */
	int length; /* of the run */
	unsigned patience; /* of a random order: how many times of 16 the same actor goes on; another each run */
	struct frame frames[DEPTH_MAX];
	int depth, replayed; /* frames in use; those that this run goes through again */
	uint64_t random;
};

static bool depend(struct call a, struct call b)
{
	return a.kind == b.kind && (a.type == CALL_LIST) != (b.type == CALL_LIST);
}

static unsigned next_random(struct explorer *x)
{
	x->random ^= x->random << 13; /* xorshift64 */
	x->random ^= x->random >> 7;
	x->random ^= x->random << 17;
	return (unsigned)(x->random >> 33);
}

/* Waits until everyone waits for a turn or has ended; who waits, as bits. */
static unsigned settle(struct turns *t)
{
	for (;;) {
		unsigned waiting = 0;
		int settled = 0;
		for (int i = 0; i < t->count; i++) {
			const struct actor *a = &t->actors[i];
			waiting |= a->is_waiting ? 1u << i : 0;
			settled += a->is_waiting || a->has_ended;
		}
		if (settled == t->count)
			return waiting;
		pthread_cond_wait(&t->changed, &t->lock);
	}
}

static int first_of(unsigned set)
{
	return set ? __builtin_ctz(set) : -1;
}

/* Actors that do the same are alike: of orders that differ only in which of them is which, one is enough, that in which the one
 * of the lower number goes first. */
static unsigned without_twins(const struct explorer *x, int point, unsigned waiting)
{
	if (x->e->twins < 2)
		return waiting;
	unsigned begun = 0, allowed = waiting;
	for (int i = 0; i < point; i++)
		begun |= 1u << x->frames[i].chosen;
	for (int i = 1; i < x->e->twins; i++)
		if (!(begun & (1u << (i - 1))))
			allowed &= ~(1u << i);
	return allowed;
}

/* Who is next at a point that was not reached before: of those who are not asleep. */
static int choose_new(struct explorer *x, struct frame *f)
{
	int last = x->depth ? f[-1].chosen : -1;
	if (x->e->seed) {
		if (last >= 0 && f->waiting & (1u << last) && next_random(x) % 16 < x->patience)
			return last;
		int nth = (int)(next_random(x) % (unsigned)__builtin_popcount(f->waiting));
		unsigned left = f->waiting;
		while (nth--)
			left &= left - 1;
		return first_of(left);
	}
	const struct frame *before = x->depth ? f - 1 : NULL;
	for (int i = 0; before && i < x->e->actors; i++) {
		unsigned bit = 1u << i;
		bool slept = (before->asleep | before->tried) & bit;
		if (slept && i != before->chosen && !depend(before->calls[i], before->calls[before->chosen]))
			f->asleep |= bit;
	}
	return first_of(without_twins(x, (int)(f - x->frames), f->waiting) & ~f->asleep);
}

/* Whose turn it is now; -1: all that could go on are asleep, so another run went or will go this way. */
static int choose(struct explorer *x, struct turns *t, unsigned waiting, int point)
{
	struct frame *f = &x->frames[point];
	if (point < x->replayed) {
		assert(f->waiting == waiting); /* else what the actors do depends on more than the order */
		return f->chosen;
	}
	assert(point < DEPTH_MAX);
	*f = (struct frame){.waiting = waiting};
	for (int i = 0; i < t->count; i++)
		f->calls[i] = t->actors[i].call;
	f->chosen = choose_new(x, f);
	f->wanted = f->chosen < 0 ? 0 : 1u << f->chosen;
	x->depth = point + 1;
	return f->chosen;
}

/* --- which other orders there are that make a difference --- */

static struct call call_of(const struct explorer *x, int i)
{
	return x->frames[i].calls[x->frames[i].chosen];
}

static bool are_ordered(const struct explorer *x, int i, int k)
{
	return x->frames[i].chosen == x->frames[k].chosen || depend(call_of(x, i), call_of(x, k));
}

static void order_calls(struct explorer *x)
{
	for (int k = 0; k < x->length; k++)
		for (int i = 0; i < k; i++)
			x->before[i][k] = are_ordered(x, i, k);
	for (int k = 0; k < x->length; k++)
		for (int i = k - 1; i >= 0; i--)
			for (int m = i + 1; m < k && !x->before[i][k]; m++)
				x->before[i][k] = x->before[i][m] && x->before[m][k];
}

/* Two calls that depend on one another, and that nothing but this run's order puts in this order. */
static bool is_race(const struct explorer *x, int i, int k)
{
	if (x->frames[i].chosen == x->frames[k].chosen || !depend(call_of(x, i), call_of(x, k)))
		return false;
	for (int m = i + 1; m < k; m++)
		if (x->before[i][m] && x->before[m][k])
			return false;
	return true;
}

/* Whoever may go first where the calls between i and k that don't need i, and then k, are to come before i. */
static unsigned initials(const struct explorer *x, int i, int k)
{
	unsigned seen = 0, first = 0;
	for (int m = i + 1; m <= k; m++) {
		unsigned bit = 1u << x->frames[m].chosen;
		if (x->before[i][m] && m != k)
			continue;
		bool needs_none = !(seen & bit);
		for (int n = i + 1; n < m && needs_none; n++)
			needs_none = x->before[i][n] || !x->before[n][m];
		seen |= bit;
		first |= needs_none ? bit : 0;
	}
	return first;
}

/* For each race of this run there must be one in which it ends the other way. */
static void want_others(struct explorer *x)
{
	order_calls(x);
	for (int k = 1; k < x->length; k++)
		for (int i = 0; i < k; i++) {
			struct frame *f = &x->frames[i];
			if (!is_race(x, i, k))
				continue;
			unsigned first = initials(x, i, k), own = 1u << x->frames[k].chosen;
			if (!(first & f->wanted))
				f->wanted |= first & own ? own : first & -first;
		}
}

static bool run_once(struct explorer *x)
{
	struct exploration *e = x->e;
	struct turns t = {.count = e->actors};
	pthread_mutex_init(&t.lock, NULL);
	pthread_cond_init(&t.changed, NULL);
	e->start(&t, e->user);
	pthread_mutex_lock(&t.lock);
	unsigned waiting;
	for (int point = 0; (waiting = settle(&t)) && !t.given_up; point++) {
		int next = choose(x, &t, waiting, point);
		x->length = next < 0 ? point : point + 1;
		t.given_up = next < 0;
		if (next >= 0) {
			t.actors[next].is_waiting = false;
			t.actors[next].has_turn = true;
		}
		pthread_cond_broadcast(&t.changed);
	}
	pthread_mutex_unlock(&t.lock);
	e->runs++;
	e->orders += !t.given_up;
	if (!e->seed)
		want_others(x);
	bool held = e->finish(&t, t.given_up, e->user);
	pthread_mutex_destroy(&t.lock);
	pthread_cond_destroy(&t.changed);
	return held || t.given_up;
}

/* The next order, depth-first: false if there is none. */
static bool advance(struct explorer *x)
{
	for (; x->depth > 0; x->depth--) {
		struct frame *f = &x->frames[x->depth - 1];
		if (f->chosen >= 0)
			f->tried |= 1u << f->chosen;
		f->chosen = first_of(without_twins(x, x->depth - 1, f->wanted) & ~f->asleep & ~f->tried);
		if (f->chosen >= 0)
			return true;
	}
	return false;
}

static void tell_order(const struct explorer *x, char *out, size_t size)
{
	static const char *const types[] = {"PUT", "LIST", "DELETE"};
	size_t at = 0;
	out[0] = 0;
	for (int i = 0; i < x->depth && at < size; i++) {
		const struct frame *f = &x->frames[i];
		if (f->chosen < 0)
			break;
		struct call c = f->calls[f->chosen];
		at += (size_t)snprintf(out + at, size - at, "  actor %d: %s %s\n", f->chosen, types[c.type],
			hf_kind_name(c.kind));
	}
}

bool explore(struct exploration *e)
{
	struct explorer *x = calloc(1, sizeof(*x));
	assert(x);
	x->e = e;
	x->random = e->seed;
	bool held = true;
	do {
		x->replayed = e->seed ? 0 : x->depth;
		if (e->seed) {
			x->depth = 0;
			x->patience = next_random(x) % 16;
		}
		held = run_once(x);
	} while (held && (!e->most || e->runs < e->most) && (e->seed || advance(x)));
	if (!held)
		tell_order(x, e->trace, sizeof(e->trace));
	free(x);
	return held;
}
