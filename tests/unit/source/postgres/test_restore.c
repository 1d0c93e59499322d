/* restore.c: data directories that PostgreSQL's tools accept and a server starts from; where tablespaces and outside
 * configuration go; what is refused before anything is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/time.h"
#include "cluster.h"
#include "recorder.h"
#include "source/source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	struct cluster cluster;
	struct recorder rec;
	struct hf_captured captured;
	char *back; /* a directory to restore into */
	char *conf; /* and for the configuration */
};

static void capture(struct fixture *f, const char *user)
{
	char *url = cluster_url(&f->cluster, user, "postgres");
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .location = url, .scratch = "/tmp"};
	struct hf_source *source;
	struct hf_error err = {0};
	recorder_new(&f->rec);
	if (hf_source_open(&spec, &source, &err) < 0 ||
		source->driver->capture(source, &f->rec.sink, &f->captured, &err) < 0)
		fail_msg("%s", err.msg);
	hf_source_close(source);
	free(url);
	f->back = text_of("%s/back", f->cluster.root);
	f->conf = text_of("%s/back.conf", f->cluster.root);
}

static void fixture_free(struct fixture *f)
{
	json_decref(f->captured.detail);
	recorder_free(&f->rec);
	cluster_free(&f->cluster);
	free(f->back);
	free(f->conf);
}

static int restore(struct fixture *f, const struct hf_option *options, size_t count, struct hf_restored *out,
	struct hf_error *err)
{
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .scratch = "/tmp"};
	struct hf_source *source;
	assert_int_equal(hf_source_open(&spec, &source, err), 0);
	assert_int_equal(hf_remove_tree(AT_FDCWD, f->back, err), 0);
	assert_int_equal(mkdir(f->back, 0700), 0);
	HF_FD_AUTO dirfd = open(f->back, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	struct hf_restore_options o = {.own_as_is = geteuid() != 0, .options = options, .option_count = count,
		.detail = f->captured.detail, .target = f->back, .conf_path = f->conf};
	struct hf_feed *feed = recorder_feed(&f->rec);
	int r = source->driver->restore(source, feed, dirfd, &o, out, err);
	recorder_feed_free(feed);
	hf_source_close(source);
	return r;
}

static void verify_backup(const struct fixture *f)
{
	const char *const argv[] = {"pg_verifybackup", f->back, NULL};
	assert_int_equal(cluster_run(&f->cluster, argv, NULL), 0);
}

static char *read_link(const char *path)
{
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target));
	assert_true(n > 0);
	return text_of("%.*s", (int)n, target);
}

/* A directory for a tablespace, of the cluster's user. */
static char *make_place(const struct cluster *c, const char *name)
{
	char *path = text_of("%s/%s", c->root, name);
	assert_int_equal(mkdir(path, 0700), 0);
	cluster_chown(c, path);
	return path;
}

static void make_tablespace(const struct fixture *f, const char *name, const char *location)
{
	char *sql = text_of("CREATE TABLESPACE %s LOCATION '%s'", name, location);
	cluster_do(&f->cluster, "postgres", sql);
	free(sql);
	sql = text_of("CREATE TABLE in_%s TABLESPACE %s AS SELECT g AS x FROM generate_series(1, 3000) g", name, name);
	cluster_do(&f->cluster, "postgres", sql);
	free(sql);
}

static void tablespaces_are_mapped(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	cluster_start(&f.cluster);
	char *one = make_place(&f.cluster, "one=1"), *two = make_place(&f.cluster, "two");
	make_tablespace(&f, "one", one);
	make_tablespace(&f, "two", two);
	capture(&f, "postgres");
	cluster_stop(&f.cluster);
	char *map = text_of("%s=%s/new one", one, f.cluster.root), *root = text_of("%s/spaces", f.cluster.root);
	const struct hf_option options[] = {{"tablespace-map", map}, {"tablespace-root", root}};
	struct hf_restored out;
	struct hf_error err = {0};
	if (restore(&f, options, 2, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(json_array_size(out.notes), 2);
	assert_true(out.files > 900 && out.bytes > 1 << 20);
	verify_backup(&f);
	int64_t oid = 0;
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(f.captured.detail, "tablespaces"), i, t)
		if (strcmp(json_string_value(json_object_get(t, "location")), one) == 0)
			assert_int_equal(hf_json_int(t, "oid", &oid, &err), 0);
	char *link = text_of("%s/pg_tblspc/%lld", f.back, (long long)oid);
	char *target = read_link(link);
	char *expected = text_of("%s/new one", f.cluster.root);
	assert_string_equal(target, expected);
	/* The old places must not be needed. */
	assert_int_equal(hf_remove_tree(AT_FDCWD, one, NULL), 0);
	assert_int_equal(hf_remove_tree(AT_FDCWD, two, NULL), 0);
	cluster_chown(&f.cluster, root);
	cluster_adopt(&f.cluster, f.back);
	cluster_start(&f.cluster);
	char *n = cluster_sql(&f.cluster, "postgres", "SELECT (SELECT count(*) FROM in_one) + (SELECT count(*) FROM in_two)");
	assert_string_equal(n, "6000");
	char *at = cluster_sql(&f.cluster, "postgres", "SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'one'");
	assert_string_equal(at, expected);
	json_decref(out.notes);
	json_decref(out.outside);
	free(n), free(at), free(link), free(target), free(expected), free(map), free(root), free(one), free(two);
	fixture_free(&f);
}

static bool is_empty_directory(const char *path)
{
	return rmdir(path) == 0 && mkdir(path, 0700) == 0;
}

static void tablespaces_in_the_way(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	cluster_start(&f.cluster);
	char *one = make_place(&f.cluster, "one");
	make_tablespace(&f, "one", one);
	capture(&f, "postgres");
	struct hf_restored out;
	struct hf_error err = {0};
	assert_int_equal(restore(&f, NULL, 0, &out, &err), HF_E_EXISTS);
	assert_non_null(strstr(err.msg, "--tablespace-map"));
	assert_true(is_empty_directory(f.back));
	const struct hf_option wrong[] = {{"tablespace-map", "/nowhere=/tmp/x"}};
	assert_int_equal(restore(&f, wrong, 1, &out, &err), HF_E_USAGE);
	assert_non_null(strstr(err.msg, one));
	char *relative = text_of("%s=here", one);
	const struct hf_option bad[] = {{"tablespace-map", relative}};
	assert_int_equal(restore(&f, bad, 1, &out, &err), HF_E_USAGE);
	free(relative);
	free(one);
	fixture_free(&f);
}

/* A feed that fails leaves no tablespace behind. */
static void a_failure_cleans_up(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	cluster_start(&f.cluster);
	char *one = make_place(&f.cluster, "one");
	make_tablespace(&f, "one", one);
	capture(&f, "postgres");
	char *root = text_of("%s/spaces/deep", f.cluster.root);
	const struct hf_option options[] = {{"tablespace-root", root}};
	f.rec.feed_fails_at = f.rec.count - 3;
	struct hf_restored out;
	struct hf_error err = {0};
	assert_int_equal(restore(&f, options, 1, &out, &err), HF_E_CORRUPT);
	assert_non_null(strstr(err.msg, "the feed broke"));
	assert_true(is_empty_directory(root));
	assert_int_equal(access(f.conf, F_OK), -1);
	free(root), free(one);
	fixture_free(&f);
}

/* Moves the configuration out of the data directory, as Debian has it. */
static char *move_conf_outside(struct cluster *c)
{
	char *etc = make_place(c, "etc");
	char *conf = text_of("%s/conf.d", etc);
	assert_int_equal(mkdir(conf, 0700), 0);
	static const char *const names[] = {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"};
	for (size_t i = 0; i < 3; i++) {
		char *from = text_of("%s/%s", c->data, names[i]), *to = text_of("%s/%s", etc, names[i]);
		assert_int_equal(rename(from, to), 0);
		free(from), free(to);
	}
	char *path = text_of("%s/postgresql.conf", etc);
	FILE *out = fopen(path, "a");
	fprintf(out, "data_directory = '%s'\nhba_file = '%s/pg_hba.conf'\nident_file = '%s/pg_ident.conf'\n"
		     "include_dir = 'conf.d'\ninclude_if_exists = 'missing.conf'\n",
		c->data, etc, etc);
	fclose(out);
	free(path);
	path = text_of("%s/10-work.conf", conf);
	out = fopen(path, "w");
	fprintf(out, "work_mem = '7MB'\n");
	fclose(out);
	free(path), free(conf);
	cluster_chown(c, etc);
	return etc;
}

static void outside_configuration(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	char *etc = move_conf_outside(&f.cluster);
	f.cluster.config = text_of("%s/postgresql.conf", etc);
	cluster_start(&f.cluster);
	capture(&f, "postgres");
	assert_non_null(recorder_find(&f.rec, ".holdfast-conf/conf.d/10-work.conf"));
	struct hf_restored out;
	struct hf_error err = {0};
	if (restore(&f, NULL, 0, &out, &err) < 0)
		fail_msg("%s", err.msg);
	char *inside = text_of("%s/.holdfast-conf", f.back);
	assert_int_equal(access(inside, F_OK), -1);
	verify_backup(&f);
	/* The line that was printed starts it, and not the one that it was taken from. */
	const char *line = json_string_value(json_array_get(out.notes, json_array_size(out.notes) - 1));
	char *settings = text_of("-c data_directory=%s ", f.back);
	assert_non_null(strstr(line, settings));
	const char *colon = strstr(line, "pg_ctl");
	assert_non_null(colon);
	cluster_stop(&f.cluster);
	cluster_chown(&f.cluster, f.conf);
	char *shell = text_of("%.*s-w -t 60 -l %s/back.log start", (int)(strrchr(colon, ' ') - colon + 1), colon, f.cluster.root);
	const char *const argv[] = {"sh", "-c", shell, NULL};
	assert_int_equal(cluster_run(&f.cluster, argv, NULL), 0);
	char *where = cluster_sql(&f.cluster, "postgres", "SHOW data_directory");
	assert_string_equal(where, f.back);
	char *memory = cluster_sql(&f.cluster, "postgres", "SHOW work_mem");
	assert_string_equal(memory, "7MB");
	const char *const stop[] = {"pg_ctl", "-D", f.back, "-m", "immediate", "stop", NULL};
	assert_int_equal(cluster_run(&f.cluster, stop, NULL), 0);
	json_decref(out.notes);
	json_decref(out.outside);
	/* What is there already is not mixed with. */
	assert_int_equal(restore(&f, NULL, 0, &out, &err), HF_E_EXISTS);
	assert_non_null(strstr(err.msg, f.conf));
	free(where), free(memory), free(settings), free(shell), free(inside), free(etc);
	fixture_free(&f);
}

/* A role that may replicate and nothing else. */
static void configuration_that_can_not_be_read(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, "max_connections = 37\n");
	char *etc = move_conf_outside(&f.cluster);
	f.cluster.config = text_of("%s/postgresql.conf", etc);
	cluster_start(&f.cluster);
	cluster_do(&f.cluster, "postgres", "CREATE ROLE keeper LOGIN REPLICATION");
	capture(&f, "keeper");
	const json_t *conf = json_object_get(f.captured.detail, "configuration");
	assert_string_equal(json_string_value(json_object_get(conf, "kind")), "generated");
	struct hf_restored out;
	struct hf_error err = {0};
	if (restore(&f, NULL, 0, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_non_null(strstr(json_string_value(json_array_get(out.notes, 0)), "minimal"));
	HF_BUF_AUTO text = HF_BUF(65536);
	char *path = text_of("%s/postgresql.conf", f.conf);
	assert_int_equal(hf_file_read(AT_FDCWD, path, &text, &err), 0);
	assert_non_null(strstr(hf_buf_cstr(&text), "max_connections = '37'"));
	verify_backup(&f);
	json_decref(out.notes);
	json_decref(out.outside);
	free(path), free(etc);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tablespaces_are_mapped),
		cmocka_unit_test(tablespaces_in_the_way),
		cmocka_unit_test(a_failure_cleans_up),
		cmocka_unit_test(outside_configuration),
		cmocka_unit_test(configuration_that_can_not_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
