/*
 * A PostgreSQL cluster of a test's own: in a new directory, with a private socket and no TCP port, run as
 * the user postgres when the test is root (the server refuses root). It dies with the test. Failures end the test.
 */
#ifndef HF_TEST_CLUSTER_H
#define HF_TEST_CLUSTER_H

#include "base/proc.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cluster {
	char *root;    /* everything lies here */
	char *data;    /* root/data */
	char *sockets; /* root/sockets */
	char *config;  /* path of postgresql.conf where it lies elsewhere, or NULL; freed with the cluster */
	struct hf_proc server;
	uid_t uid;
	gid_t gid;
	bool drop;
	int log;
};

/* initdb with data checksums, superuser "postgres", trust on the socket; `conf` is appended to postgresql.conf. */
void cluster_new(struct cluster *c, const char *conf);
void cluster_start(struct cluster *c);
void cluster_stop(struct cluster *c); /* fast */
void cluster_free(struct cluster *c); /* stops it, removes everything */

/* postgresql:// URL for the socket. To be freed. */
char *cluster_url(const struct cluster *c, const char *user, const char *database);

/* Runs SQL; returns the first value of its result as a new string, or NULL where there is none. */
char *cluster_sql(const struct cluster *c, const char *database, const char *sql);
/* The same without a result. */
void cluster_do(const struct cluster *c, const char *database, const char *sql);

/* Runs a program as the cluster's user: a server's own by its bare name. Returns its status; the output is freed by
 * the caller unless `out` is NULL. */
int cluster_run(const struct cluster *c, const char *const *argv, char **out);
/* Starts one, to be ended or waited for with proc.h. */
void cluster_spawn(const struct cluster *c, const char *const *argv, struct hf_proc *proc);

/* Runs an existing data directory (mode and owner are set) as the server of `c`, whose data directory it becomes. */
void cluster_adopt(struct cluster *c, const char *data);
void cluster_chown(const struct cluster *c, const char *path); /* a whole tree to the cluster's user */
/* A new directory in memory if that may be had, else under /tmp: clusters are a thousand files each. To be freed. */
char *fast_directory(const char *prefix);
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
