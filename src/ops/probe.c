/*
 * Probing a store; see probe.h. Each check is a function that returns 0, or says in its error what is wrong. The objects have names
 * under "run/", which no store locks, of a shape that no object of a repository has.
 */
#include "ops/probe.h"

#include "base/hex.h"
#include "base/time.h"
#include "crypto/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "run/probe-"

enum { OBJECTS = 5, SMALL = 4096, ROUNDS = 7, LARGE = 8 << 20, NAME = HF_NAME_MAX };

struct probe {
	struct hf_store *store;
	const struct hf_probe_options *options;
	struct hf_probe_result *out;
	char names[OBJECTS + 1][NAME]; /* the last one is the large one */
	uint8_t bytes[SMALL];
};

bool hf_probe_is_own(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

/* --- findings ------------------------------------------------------------------------------------------------------ */

static int find_fact(void *user, const char *name, bool ok, const char *detail, struct hf_error *err)
{
	struct probe *p = user;
	json_t *j = json_object();
	json_object_set_new(j, "name", json_string(name));
	json_object_set_new(j, "needed", json_false());
	json_object_set_new(j, "ok", json_boolean(ok));
	json_object_set_new(j, "detail", hf_json_bytes(detail, strlen(detail)));
	return json_array_append_new(p->out->checks, j) == 0 ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

static int find_needed(struct probe *p, const char *name, int result, const struct hf_error *why, struct hf_error *err)
{
	const char *detail = result == 0 ? "" : why->msg;
	int r = find_fact(p, name, result == 0, detail, err);
	if (r < 0)
		return r;
	json_object_set_new(json_array_get(p->out->checks, json_array_size(p->out->checks) - 1), "needed", json_true());
	if (result != 0 && p->out->ok)
		snprintf(p->out->why, sizeof(p->out->why), "%s: %.1900s", name, detail);
	p->out->ok = p->out->ok && result == 0;
	return 0;
}

/* --- what is needed ------------------------------------------------------------------------------------------------ */

static int put(struct probe *p, const char *name, struct hf_error *err)
{
	const struct iovec part = {p->bytes, sizeof(p->bytes)};
	return hf_store_put(p->store, name, &part, 1, err);
}

static int check_read(struct probe *p, struct hf_error *err)
{
	HF_BUF_AUTO whole = HF_BUF(2 * SMALL);
	int r = hf_store_get_all(p->store, p->names[0], &whole, err);
	if (r == 0 && (whole.len != SMALL || memcmp(whole.data, p->bytes, SMALL) != 0))
		r = hf_fail(err, HF_E_CORRUPT, "an object that was just written reads as other bytes");
	return r;
}

static int check_range(struct probe *p, struct hf_error *err)
{
	uint8_t part[100];
	int r = hf_store_get(p->store, p->names[0], 1234, part, sizeof(part), err);
	if (r == 0 && memcmp(part, p->bytes + 1234, sizeof(part)) != 0)
		r = hf_fail(err, HF_E_CORRUPT, "a range of an object reads as other bytes");
	if (r == 0 && hf_store_get(p->store, p->names[0], SMALL - 10, part, 20, NULL) != HF_E_CORRUPT)
		r = hf_fail(err, HF_E_CORRUPT, "a range beyond the end of an object is not refused");
	return r;
}

struct seen {
	const struct probe *p;
	struct hf_object_info last;
	unsigned found; /* of our names */
	bool is_unordered, is_wrong;
};

static int see(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)err;
	struct seen *s = user;
	s->is_unordered = s->is_unordered || strcmp(s->last.name, info->name) >= 0;
	s->last = *info;
	for (int i = 0; i < OBJECTS; i++)
		if (strcmp(info->name, s->p->names[i]) == 0) {
			s->found++;
			s->is_wrong = s->is_wrong || info->size != SMALL;
		}
	return 0;
}

static int count_listed(const struct probe *p, struct hf_store *store, unsigned want, int64_t *time_ns, struct hf_error *err)
{
	struct seen s = {.p = p};
	int r = hf_store_list(store, "run/", see, &s, err);
	if (r == 0 && s.found != want)
		r = hf_fail(err, HF_E_CORRUPT, "a list shows %u of %u objects that were just %s", s.found, want ? want : OBJECTS,
			want ? "written" : "deleted");
	if (r == 0 && (s.is_unordered || s.is_wrong))
		r = hf_fail(err, HF_E_CORRUPT, "a list is %s", s.is_wrong ? "wrong about an object's size" : "not in the order of names");
	if (time_ns)
		*time_ns = s.last.time_ns;
	return r;
}

static int check_list(struct probe *p, struct hf_error *err)
{
	return count_listed(p, p->store, OBJECTS, NULL, err);
}

static int check_absent(struct probe *p, struct hf_error *err)
{
	struct hf_object_info info;
	struct hf_error why = {0};
	char name[NAME];
	snprintf(name, sizeof(name), "%.100s-none", p->names[0]);
	int r = hf_store_stat(p->store, name, &info, &why);
	if (r == HF_E_NOTFOUND)
		return 0;
	return r == 0 ? hf_fail(err, HF_E_CORRUPT, "an object that nobody wrote is there") : hf_fail(err, r, "%s", why.msg);
}

static int run_needed(struct probe *p, struct hf_error *err)
{
	static const struct {
		const char *name;
		int (*check)(struct probe *p, struct hf_error *err);
	} checks[] = {{"read after write", check_read}, {"range", check_range}, {"list after write", check_list},
		{"an absent object is told from a refusal", check_absent}};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct hf_error why = {0};
		int result = checks[i].check(p, &why);
		r = result == HF_E_STOPPED ? hf_fail(err, result, "%s", why.msg) : find_needed(p, checks[i].name, result, &why, err);
	}
	return r;
}

/* --- what else there is to know ------------------------------------------------------------------------------------ */

static int try_condition(struct probe *p, struct hf_error *err)
{
	struct hf_error why = {0};
	int r = put(p, p->names[0], &why);
	if (r == HF_E_EXISTS)
		return find_fact(p, "conditional put", true, "an object of the same name is refused", err);
	return find_fact(p, "conditional put", false, r == 0 ? "ignored: names are random, so that nothing depends on it" : why.msg, err);
}

/* Pages of two, so that three are needed. */
static int try_pages(struct probe *p, struct hf_error *err)
{
	struct hf_store *again = NULL;
	struct hf_error why = {0};
	char *url = NULL;
	if (strncmp(p->options->url, "s3://", 5) != 0)
		return 0;
	if (asprintf(&url, "%s%clist-page=2", p->options->url, strchr(p->options->url, '?') ? '&' : '?') < 0)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = hf_store_open(url, NULL, &again, &why);
	if (r == 0)
		r = count_listed(p, again, OBJECTS, NULL, &why);
	hf_store_close(again);
	free(url);
	return find_needed(p, "list in pages", r, &why, err);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_value);
	return values[ROUNDS / 2];
}

static double since(int64_t start)
{
	return hf_seconds(hf_time_monotonic() - start);
}

static int measure_latency(struct probe *p, struct hf_error *err)
{
	double gets[ROUNDS], lists[ROUNDS];
	uint8_t part[100];
	int r = 0;
	for (int i = 0; r == 0 && i < ROUNDS; i++) {
		int64_t start = hf_time_monotonic();
		r = hf_store_get(p->store, p->names[i % OBJECTS], 0, part, sizeof(part), err);
		gets[i] = since(start);
		start = hf_time_monotonic();
		if (r == 0)
			r = count_listed(p, p->store, OBJECTS, NULL, err);
		lists[i] = since(start);
	}
	if (r < 0)
		return r;
	p->out->get_seconds = median(gets);
	p->out->list_seconds = median(lists);
	return 0;
}

static int measure_throughput(struct probe *p, struct hf_error *err)
{
	size_t size = p->options->size ? (size_t)p->options->size : LARGE;
	uint8_t *bytes = malloc(size);
	if (!bytes)
		return hf_fail(err, HF_E_NOMEM, "no memory for an object of %zu bytes", size);
	hf_random(bytes, size);
	const struct iovec part = {bytes, size};
	int64_t start = hf_time_monotonic();
	int r = hf_store_put(p->store, p->names[OBJECTS], &part, 1, err);
	p->out->put_bytes_per_second = (double)size / since(start);
	start = hf_time_monotonic();
	if (r == 0)
		r = hf_store_get(p->store, p->names[OBJECTS], 0, bytes, size, err);
	p->out->get_bytes_per_second = (double)size / since(start);
	free(bytes);
	return r;
}

static int measure_clock(struct probe *p, struct hf_error *err)
{
	struct hf_object_info info;
	int64_t before = hf_time_now();
	int r = put(p, p->names[OBJECTS], err);
	int64_t after = hf_time_now();
	if (r == 0)
		r = hf_store_stat(p->store, p->names[OBJECTS], &info, err);
	if (r < 0)
		return r;
	/* The store's time may be of whole seconds: within them nothing is told. */
	int64_t middle = before + (after - before) / 2, off = info.time_ns - middle;
	p->out->clock_seconds = hf_seconds(off);
	if (info.time_ns % HF_SECOND == 0 && off < 0 && off > -HF_SECOND)
		p->out->clock_seconds = 0;
	struct hf_eraser eraser = {p->store};
	return hf_eraser_erase(&eraser, p->names[OBJECTS], err);
}

static int run_more(struct probe *p, struct hf_error *err)
{
	int r = try_condition(p, err);
	if (r == 0)
		r = try_pages(p, err);
	if (r == 0 && p->store->ops->describe)
		r = p->store->ops->describe(p->store, find_fact, p, err);
	if (r == 0)
		r = measure_latency(p, err);
	if (r == 0)
		r = measure_clock(p, err);
	return r < 0 ? r : measure_throughput(p, err);
}

/* --- all of it ----------------------------------------------------------------------------------------------------- */

static int write_all(struct probe *p, struct hf_error *err)
{
	double took[ROUNDS] = {0};
	int r = 0;
	for (int i = 0; r == 0 && i < OBJECTS; i++) {
		int64_t start = hf_time_monotonic();
		r = put(p, p->names[i], err);
		took[i] = since(start);
	}
	qsort(took, OBJECTS, sizeof(*took), by_value);
	p->out->put_seconds = took[OBJECTS / 2];
	return r;
}

/* What was made goes, whatever came before. */
static int erase_all(struct probe *p, struct hf_error *err)
{
	struct hf_eraser eraser = {p->store};
	struct hf_error why = {0};
	int r = 0;
	for (int i = 0; i <= OBJECTS; i++) {
		int one = hf_eraser_erase(&eraser, p->names[i], r == 0 ? &why : NULL);
		r = r < 0 ? r : one;
	}
	if (r == 0 && p->options->all)
		r = count_listed(p, p->store, 0, NULL, &why);
	return p->options->all ? find_fact(p, "delete", r == 0, r == 0 ? "" : why.msg, err) : 0;
}

int hf_probe(struct hf_store *store, const struct hf_probe_options *options, struct hf_probe_result *out, struct hf_error *err)
{
	struct probe p = {.store = store, .options = options, .out = out};
	uint8_t id[16];
	char hex[33];
	*out = (struct hf_probe_result){.checks = json_array(), .ok = true};
	hf_random(p.bytes, sizeof(p.bytes));
	hf_random(id, sizeof(id));
	for (int i = 0; i <= OBJECTS; i++)
		snprintf(p.names[i], sizeof(p.names[i]), PREFIX "%s-%d", hf_hex(id, sizeof(id), hex), i);
	int r = write_all(&p, err);
	if (r == 0)
		r = run_needed(&p, err);
	if (r == 0 && options->all && out->ok)
		r = run_more(&p, err);
	int erased = erase_all(&p, r == 0 ? err : NULL);
	return r < 0 ? hf_wrap(err, r, "probe the store") : erased;
}

void hf_probe_result_free(struct hf_probe_result *result)
{
	json_decref(result->checks);
	result->checks = NULL;
}
