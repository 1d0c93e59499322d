/*
 * A sink that keeps what it is given, and a feed that gives it back: what a source's tests need of a repository. It
 * holds the sink's grammar: a call out of order fails the test. Data lies in files of a directory of its own.
 */
#ifndef HF_TEST_RECORDER_H
#define HF_TEST_RECORDER_H

#include "entry/feed.h"
#include "entry/sink.h"

struct recorded {
	struct hf_entry entry; /* path and link are our own */
	char *path;
	char *link;
	char *data; /* path of the file that holds its data, or NULL */
};

struct recorder {
	struct hf_sink sink;
	char *directory;
	struct recorded *items;
	size_t count, cap;
	bool is_open; /* between begin and end */
	int fd;
	uint64_t at; /* the end of the latest data */
	char **problems; /* "path: message" */
	size_t problem_count;
	/* Called at each `data`, if set: a test's way to meddle in the middle of a capture; negative fails it. */
	int (*hook)(void *user, struct hf_error *err);
	void *user;
	uint64_t bytes;
	size_t feed_fails_at; /* its feeds fail with HF_E_CORRUPT, "the feed broke", at this item; 0: never */
};

void recorder_new(struct recorder *r); /* in a new directory */
void recorder_free(struct recorder *r);
const struct recorded *recorder_find(const struct recorder *r, const char *path); /* NULL if there is none */
/* Sorts the items by hf_path_compare; a path that came twice fails the test. */
void recorder_sort(struct recorder *r);

/* Writes everything under `directory` (made with mode 0700) by the plainest means. Tablespaces as directories. */
void recorder_unpack(struct recorder *r, const char *directory);

/* A feed of all items, sorted. Free with recorder_feed_free. */
struct hf_feed *recorder_feed(struct recorder *r);
void recorder_feed_free(struct hf_feed *feed);

#endif
