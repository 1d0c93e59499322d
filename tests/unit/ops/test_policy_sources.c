/* policy_sources.h: a policy's sources as specifications, with the forms that applications write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/policy_sources.h"

#include <string.h>

static void expect(const char *source, const char *kind, const char *location, const char *options)
{
	HF_BUF_AUTO text = HF_BUF(10000), got = HF_BUF(10000);
	struct hf_policy *p;
	struct hf_policy_sources s;
	struct hf_error err = {0};
	hf_buf_printf(&text, "repository: /r\nscratch: /s\nsources: [{name: a, %s}]\n", source);
	if (hf_policy_parse("p", hf_buf_cstr(&text), text.len, &p, &err) < 0 || hf_policy_sources_make(p, &s, &err) < 0)
		fail_msg("%s: %s", source, err.msg);
	assert_int_equal(s.count, 1);
	assert_string_equal(s.specs[0].name, "a");
	assert_string_equal(s.specs[0].kind, kind);
	assert_string_equal(s.specs[0].location, location);
	assert_string_equal(s.specs[0].scratch, "/s");
	for (size_t i = 0; i < s.specs[0].option_count; i++)
		hf_buf_printf(&got, "%s=%s ", s.specs[0].options[i].name, s.specs[0].options[i].value);
	assert_string_equal(hf_buf_cstr(&got), options);
	hf_policy_sources_free(&s);
	hf_policy_free(p);
}

static void each_kind_has_its_place_and_options(void **state)
{
	(void)state;
	expect("volume: /v", "volume", "/v", "");
	expect("volume: /v, exclude: [a, b], exclude_file: f, exclude_caches: true, one_file_system: yes", "volume", "/v",
		"exclude=a exclude=b exclude-file=f exclude-caches=true one-file-system=true ");
	expect("sqlite: q.db", "sqlite", "q.db", "busy-timeout=60000ms ");
	expect("sqlite: 'sqlite:///q.db', direct: true, check: full, wal_limit: 1M, busy_timeout: 2s", "sqlite", "sqlite:///q.db",
		"direct=true check=full wal-limit=1048576 busy-timeout=2000ms ");
	expect("sqlite: 'sqlite+aiosqlite:///q.db'", "sqlite", "sqlite:///q.db", "busy-timeout=60000ms ");
	expect("sqlite: '/srv/a+b:c/q.db'", "sqlite", "/srv/a+b:c/q.db", "busy-timeout=60000ms ");
	expect("postgresql: 'postgresql://h/db'", "postgresql", "postgresql://h/db", "");
	expect("postgresql: 'postgresql+psycopg2://u:p+q@h/db'", "postgresql", "postgresql://u:p+q@h/db", "");
	expect("postgresql: /run/postgresql", "postgresql", "/run/postgresql", "");
	expect("postgresql: 'postgresql:/run/postgresql'", "postgresql", "/run/postgresql", "");
	expect("postgresql_command: 'echo postgresql://h/x'", "postgresql", "postgresql://h/x", "");
	expect("command: [x]", "command", "a", "");
}

static void commands_become_argument_vectors(void **state)
{
	(void)state;
	static const char text[] = "repository: /r\nsources: [{name: a, command: [x, y z]}, {name: b, command: x $y}]\n";
	struct hf_policy *p;
	struct hf_policy_sources s;
	assert_int_equal(hf_policy_parse("p", text, strlen(text), &p, NULL), 0);
	assert_int_equal(hf_policy_sources_make(p, &s, NULL), 0);
	assert_string_equal(s.specs[0].argv[1], "y z");
	assert_null(s.specs[0].argv[2]);
	assert_string_equal(s.specs[1].argv[0], "/bin/sh");
	assert_string_equal(s.specs[1].argv[2], "x $y");
	assert_null(s.specs[1].argv[3]);
	hf_policy_sources_free(&s);
	hf_policy_free(p);
}

static void a_url_that_cannot_be_had_fails(void **state)
{
	(void)state;
	static const char text[] = "repository: /r\nsources: [{name: a, postgresql_file: /nonexistent}]\n";
	struct hf_policy *p;
	struct hf_policy_sources s;
	struct hf_error err = {0};
	assert_int_equal(hf_policy_parse("p", text, strlen(text), &p, NULL), 0);
	assert_int_equal(hf_policy_sources_make(p, &s, &err), HF_E_KEY);
	assert_non_null(strstr(err.msg, "source a"));
	hf_policy_sources_free(&s);
	hf_policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_place_and_options),
		cmocka_unit_test(commands_become_argument_vectors),
		cmocka_unit_test(a_url_that_cannot_be_had_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
