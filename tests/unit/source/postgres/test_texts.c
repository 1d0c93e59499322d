/* What is read from text: include directives (conf.h), commits (commits.h), DATABASE:SQL (questions.h), pg_controldata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/postgres/commits.h"
#include "source/postgres/conf.h"
#include "source/postgres/control.h"
#include "source/postgres/questions.h"

#include <string.h>

static void includes(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int kind; /* -1: none */
		const char *path;
	} lines[] = {{"include 'a.conf'", HF_PG_INCLUDE, "a.conf"}, {"  include = '/b c.conf' # x", HF_PG_INCLUDE, "/b c.conf"},
		{"include_dir 'conf.d'", HF_PG_INCLUDE_DIR, "conf.d"}, {"INCLUDE_IF_EXISTS='x'", HF_PG_INCLUDE_IF_EXISTS, "x"},
		{"include plain", HF_PG_INCLUDE, "plain"}, {"#include 'a'", -1, ""}, {"included = 1", -1, ""}, {"", -1, ""},
		{"include", -1, ""}, {"include ''", -1, ""}, {"work_mem = '1MB'", -1, ""}};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		enum hf_pg_include kind = HF_PG_INCLUDE;
		char path[64];
		bool is = hf_pg_conf_include(lines[i].line, strlen(lines[i].line), &kind, path, sizeof(path));
		assert_int_equal(is, lines[i].kind >= 0);
		if (is) {
			assert_int_equal(kind, lines[i].kind);
			assert_string_equal(path, lines[i].path);
		}
	}
}

static void commits(void **state)
{
	(void)state;
	assert_true(hf_pg_commit_time("rmgr: Transaction len (rec/tot): 34/ 34, tx: 735, lsn: 0/03000110, prev 0/030000D8, "
				      "desc: COMMIT 2026-11-21 14:03:00.123456 UTC") == INT64_C(1795269780123456000));
	assert_true(hf_pg_commit_time("desc: COMMIT_PREPARED 735: 2026-11-21 14:03:00.5 UTC; inval msgs: x") ==
		    INT64_C(1795269780500000000));
	assert_true(hf_pg_commit_time("desc: ABORT 2026-11-21 14:03:00.5 UTC") == 0);
	assert_true(hf_pg_commit_time("desc: COMMIT when UTC") == 0);
	assert_true(hf_pg_commit_time("") == 0);
}

static void databases_of_statements(void **state)
{
	(void)state;
	char name[16];
	const char *sql;
	assert_true(hf_pg_sql_database("shop:SELECT true", name, sizeof(name), &sql));
	assert_string_equal(name, "shop");
	assert_string_equal(sql, "SELECT true");
	static const char *const without[] = {"SELECT true", "SELECT 'a:b' = 'c'", "x::bool", ":SELECT", "",
		"a_name_that_is_too_long:SELECT true", "select(1:2)"};
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		assert_false(hf_pg_sql_database(without[i], name, sizeof(name), &sql));
		assert_ptr_equal(sql, without[i]);
	}
}

static void control_data(void **state)
{
	(void)state;
	static const char text[] = "Database system identifier:           7300000000000000001\n"
				   "wal_level setting:                    logical\n"
				   "max_connections setting:              100\n"
				   "max_worker_processes setting:         8\n"
				   "max_wal_senders setting:              11\n"
				   "max_prepared_xacts setting:           0\n"
				   "max_locks_per_xact setting:           64\n"
				   "track_commit_timestamp setting:       on\n"
				   "Data page checksum version:           1\n";
	struct hf_pg_control c;
	struct hf_error err;
	assert_int_equal(hf_pg_control_parse(text, &c, &err), 0);
	assert_int_equal(c.max_connections, 100);
	assert_int_equal(c.max_wal_senders, 11);
	assert_string_equal(c.wal_level, "logical");
	assert_true(c.track_commit_timestamp && c.has_checksums);
	assert_int_equal(hf_pg_control_parse("", &c, &err), HF_E_CORRUPT);
	assert_int_equal(hf_pg_control_parse("max_connections setting: 0\n", &c, &err), HF_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(includes),
		cmocka_unit_test(commits),
		cmocka_unit_test(databases_of_statements),
		cmocka_unit_test(control_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
