/* A store in memory, for tests: a sorted list of objects under one lock. Its clock ticks one second per put. */
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct object {
	struct object *next;
	struct hf_object_info info;
	uint8_t *data;
};

struct memory {
	struct hf_store base;
	pthread_mutex_t lock;
	struct object *first;
	int64_t clock;
};

/* The link that holds `name`, or the one before which it belongs. */
static struct object **place_of(struct memory *m, const char *name)
{
	struct object **at = &m->first;
	while (*at && strcmp((*at)->info.name, name) < 0)
		at = &(*at)->next;
	return at;
}

static struct object *find(struct memory *m, const char *name)
{
	struct object *o = *place_of(m, name);
	return o && strcmp(o->info.name, name) == 0 ? o : NULL;
}

static struct object *object_of(const char *name, const struct iovec *parts, int count)
{
	struct object *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	strncpy(o->info.name, name, sizeof(o->info.name) - 1);
	for (int i = 0; i < count; i++)
		o->info.size += parts[i].iov_len;
	o->data = malloc(o->info.size + 1);
	size_t at = 0;
	for (int i = 0; o->data && i < count; i++) {
		if (parts[i].iov_len)
			memcpy(o->data + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	return o;
}

static int memory_put(struct hf_store *s, const char *name, const struct iovec *parts, int count,
	struct hf_error *err)
{
	struct memory *m = (struct memory *)s;
	struct object *o = object_of(name, parts, count);
	if (!o || !o->data) {
		free(o);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	pthread_mutex_lock(&m->lock);
	bool there = find(m, name);
	if (!there) {
		struct object **at = place_of(m, name);
		o->info.time_ns = (m->clock += INT64_C(1000000000));
		o->next = *at;
		*at = o;
	}
	pthread_mutex_unlock(&m->lock);
	if (!there)
		return 0;
	free(o->data);
	free(o);
	return hf_fail(err, HF_E_EXISTS, "object %s exists", name);
}

static int memory_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len,
	struct hf_error *err)
{
	struct memory *m = (struct memory *)s;
	int r = 0;
	pthread_mutex_lock(&m->lock);
	struct object *o = find(m, name);
	if (!o)
		r = hf_fail(err, HF_E_NOTFOUND, "no object %s", name);
	else if (offset > o->info.size || len > o->info.size - offset)
		r = hf_fail(err, HF_E_CORRUPT, "object %s is cut short", name);
	else
		memcpy(out, o->data + offset, len);
	pthread_mutex_unlock(&m->lock);
	return r;
}

static int memory_stat(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	struct memory *m = (struct memory *)s;
	pthread_mutex_lock(&m->lock);
	struct object *o = find(m, name);
	if (o)
		*info = o->info;
	pthread_mutex_unlock(&m->lock);
	return o ? 0 : hf_fail(err, HF_E_NOTFOUND, "no object %s", name);
}

static int memory_list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user,
	struct hf_error *err)
{
	struct memory *m = (struct memory *)s;
	size_t n = strlen(prefix), count = 0, cap = 0;
	struct hf_object_info *infos = NULL;
	int r = 0;
	pthread_mutex_lock(&m->lock);
	for (struct object *o = m->first; o && r == 0; o = o->next) {
		if (strncmp(o->info.name, prefix, n) != 0)
			continue;
		if (count == cap) {
			cap = cap ? cap * 2 : 64;
			struct hf_object_info *grown = realloc(infos, cap * sizeof(*infos));
			if (!grown)
				r = hf_fail(err, HF_E_NOMEM, "no memory");
			infos = grown ? grown : infos;
		}
		if (r == 0)
			infos[count++] = o->info;
	}
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < count && r == 0; i++)
		r = each(&infos[i], user, err);
	free(infos);
	return r;
}

static int memory_erase(struct hf_store *s, const char *name, struct hf_error *err)
{
	(void)err;
	struct memory *m = (struct memory *)s;
	pthread_mutex_lock(&m->lock);
	struct object **at = place_of(m, name);
	if (*at && strcmp((*at)->info.name, name) == 0) {
		struct object *gone = *at;
		*at = gone->next;
		free(gone->data);
		free(gone);
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static void memory_close(struct hf_store *s)
{
	struct memory *m = (struct memory *)s;
	while (m->first) {
		struct object *o = m->first;
		m->first = o->next;
		free(o->data);
		free(o);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

int hf_store_open_memory(struct hf_store **out, struct hf_error *err)
{
	static const struct hf_store_ops ops = {.put = memory_put, .get = memory_get, .stat = memory_stat,
		.list = memory_list, .erase = memory_erase, .close = memory_close};
	struct memory *m = calloc(1, sizeof(*m));
	if (!m)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	m->base.ops = &ops;
	pthread_mutex_init(&m->lock, NULL);
	*out = &m->base;
	return 0;
}
