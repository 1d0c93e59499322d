/* policy.h: the example of holdfast-policy(1), defaults, what is refused and where, secrets, and that what is printed reads the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

static const char example[] =
	"version: 1\n"
	"repository: s3://backups/shop?endpoint=${HF_TEST_ENDPOINT}\n"
	"copies: [/mnt/usb/shop]\n"
	"passphrase_file: /etc/holdfast/passphrase\n"
	"timezone: UTC\n"
	"sources:\n"
	"  - {name: app-db, postgresql: \"${HF_TEST_URL}\"}\n"
	"  - {name: queue, sqlite: /srv/shop/queue.db}\n"
	"  - {name: uploads, volume: /srv/shop/uploads, exclude: [\"*.tmp\"]}\n"
	"  - {name: cache, command: [redis-cli, --rdb, \"-\"]}\n"
	"retention: {last: 3, daily: 7, weekly: 5, monthly: 12, yearly: 2}\n"
	"objectives: {rpo: 24h, rto: 30m}\n"
	"drill:\n"
	"  sql: {app-db: [\"select count(*) > 0 from orders\"]}\n"
	"  files: {uploads: [logo.png]}\n"
	"hooks:\n"
	"  before: [\"echo ${NOT_OURS}\"]\n"
	"  freeze: [[app, pause], {run: [app, wait], timeout: 5s}]\n"
	"  thaw: {sh: app go, timeout: 1m}\n";

static int set_variables(void **state)
{
	(void)state;
	setenv("HF_TEST_ENDPOINT", "https://s3.example:9000", 1);
	setenv("HF_TEST_URL", "postgresql://app:geheim@db/shop?sslmode=require&password=x", 1);
	return 0;
}

static struct hf_policy *load(const char *text)
{
	struct hf_policy *p;
	struct hf_error err = {0};
	if (hf_policy_parse("p.yaml", text, strlen(text), &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

static const struct hf_policy_command *hook_at(const struct hf_groups *g, size_t i)
{
	return (const struct hf_policy_command *)g->items + i;
}

static void the_example_is_read(void **state)
{
	(void)state;
	struct hf_policy *p = load(example);
	assert_string_equal(p->primary.repository, "s3://backups/shop?endpoint=https://s3.example:9000");
	assert_string_equal(p->primary.passphrase.file, "/etc/holdfast/passphrase");
	assert_int_equal(p->copies.count, 1);
	assert_string_equal(((const struct hf_policy_place *)p->copies.items)->repository, "/mnt/usb/shop");
	assert_int_equal(p->sources.count, 4);
	assert_string_equal(hf_policy_source(p, 0)->kind, "postgresql");
	assert_string_equal(hf_policy_source(p, 0)->postgresql, getenv("HF_TEST_URL"));
	assert_string_equal(hf_policy_source(p, 1)->kind, "sqlite");
	assert_string_equal(hf_policy_source(p, 2)->exclude.items[0], "*.tmp");
	assert_string_equal(hf_policy_source(p, 3)->command.run.items[2], "-");
	assert_true(p->has_retention);
	assert_int_equal(p->retention.weekly, 5);
	assert_true(p->objectives.rpo == 24 * 3600 * HF_SECOND && p->objectives.rto == 1800 * HF_SECOND);
	assert_string_equal(p->drill.sql.items[0].name, "app-db");
	assert_string_equal(p->drill.files.items[0].texts.items[0], "logo.png");
	assert_string_equal(hook_at(&p->hooks.before, 0)->sh, "echo ${NOT_OURS}");
	assert_true(hook_at(&p->hooks.before, 0)->timeout == 600 * HF_SECOND);
	assert_int_equal(p->hooks.freeze.count, 2);
	assert_string_equal(hook_at(&p->hooks.freeze, 0)->run.items[1], "pause");
	assert_true(hook_at(&p->hooks.freeze, 1)->timeout == 5 * HF_SECOND);
	assert_string_equal(hook_at(&p->hooks.thaw, 0)->sh, "app go");
	assert_int_equal(p->hooks.after.count, 0);
	hf_policy_free(p);
}

static void everything_else_has_a_default(void **state)
{
	(void)state;
	struct hf_policy *p = load("repository: /r\nsources: [{name: a, volume: /a}]\nretention:\nhooks:\n");
	assert_false(p->has_retention);
	assert_string_equal(p->timezone, "UTC");
	assert_string_equal(p->scratch, "/var/tmp");
	assert_int_equal(p->compression, 0);
	assert_true(p->prune.every == 7 * 24 * 3600 * HF_SECOND);
	assert_false(p->verify.is_wanted || p->verify.written);
	assert_true(!p->objectives.rpo && !p->objectives.rto);
	hf_policy_free(p);
}

static void the_rules_are_those_of_the_plan(void **state)
{
	(void)state;
	struct hf_policy *p = load("repository: /r\nsources: [{name: a, volume: /a}]\n"
				   "retention: {last: 1, hourly: 2, daily: 3, weekly: 4, monthly: 5, yearly: 6, within: 1h, "
				   "within_yearly: 2w, tag: [x, y], group_by: sources}\n");
	struct hf_retention_rules rules;
	hf_policy_rules(p, NULL, &rules);
	assert_int_equal(rules.last, 1);
	for (unsigned i = 0; i < HF_PERIODS; i++)
		assert_int_equal(rules.count[i], i + 2);
	assert_true(rules.within == 3600 * HF_SECOND && rules.within_period[HF_YEARLY] == 14 * 24 * 3600 * HF_SECOND);
	assert_int_equal(rules.tag_count, 2);
	assert_int_equal(rules.group_by, HF_GROUP_SOURCES);
	hf_policy_free(p);
}

#define OK "repository: /r\nsources: [{name: a, volume: /a}]\n" /* two lines */

static void what_is_wrong_is_named_by_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *place, *says;
	} cases[] = {
		{"", "p.yaml:1:1: ", "needs repository"},
		{"repository: /r\n", "p.yaml:1:1: ", "needs sources"},
		{"- a\n", "p.yaml:1:1: ", "is a map"},
		{"repository: /r\nsources: []\n", "p.yaml:2:10: ", "empty"},
		{OK "retension: {daily: 7}\n", "p.yaml:3:1: ", "did you mean \"retention\"?"},
		{OK "retention:\n  dayly: 7\n", "p.yaml:4:3: ", "did you mean \"daily\"?"},
		{OK "retention: {daily: many}\n", "p.yaml:3:20: ", "daily: \"many\" is not a number"},
		{OK "retention: {daily: -1}\n", "p.yaml:3:20: ", "not a number"},
		{OK "retention: {daily: [7]}\n", "p.yaml:3:20: ", "daily takes a text, and this is a list"},
		{OK "retention: {}\n", "p.yaml:3:12: ", "keeps nothing"},
		{OK "retention: {last: 1, group_by: source}\n", "p.yaml:3:32: ", "did you mean \"sources\"?"},
		{OK "objectives: {rpo: soon}\n", "p.yaml:3:19: ", "rpo: "},
		{OK "version: 2\n", "p.yaml:3:10: ", "version: "},
		{OK "timezone: Mars/Olympus\n", "p.yaml:3:11: ", "timezone: "},
		{OK "repository: /s\n", "p.yaml:3:1: ", "second time"},
		{OK "passphrase_file: /p\npassphrase: x\n", "p.yaml:1:1: ", "exclude each other"},
		{OK "host: ${HF_TEST_UNSET}\n", "p.yaml:3:7: ", "${HF_TEST_UNSET} is not set"},
		{OK "hooks: {freeze: [{timeout: 3s}]}\n", "p.yaml:3:18: ", "what is to be run"},
		{OK "hooks: {freeze: [{sh: a, run: [b]}]}\n", "p.yaml:3:18: ", "exclude each other"},
		{OK "hooks: {freze: [a]}\n", "p.yaml:3:9: ", "did you mean \"freeze\"?"},
		{OK "hooks: {before: [[]]}\n", "p.yaml:3:18: ", "empty"},
		{OK "drill: {sql: {b: [select 1]}}\n", "p.yaml:3:15: ", "did you mean \"a\"?"},
		{OK "drill: {sql: {a: [select 1]}}\n", "p.yaml:3:15: ", "\"a\" is no database"},
		{OK "drill: {files: {a: []}}\n", "p.yaml:3:17: ", "nothing to check"},
		{OK "drill: {files: [x]}\n", "p.yaml:3:16: ", "map from names"},
		{OK "verify: {read_data: true, sample: 5%}\n", "p.yaml:3:9: ", "give one of them"},
		{OK "verify: {sample: 500%}\n", "p.yaml:3:18: ", "sample: "},
		{OK "limits: {upload: fast}\n", "p.yaml:3:18: ", "upload: "},
		{"repository: /r\nsources: [{volume: /a}]\n", "p.yaml:2:11: ", "a source needs name"},
		{"repository: /r\nsources: [{name: a}]\n", "p.yaml:2:11: ", "none of volume"},
		{"repository: /r\nsources: [{name: a, volume: /a, sqlite: b}]\n", "p.yaml:2:11: ", "several of"},
		{"repository: /r\nsources: [{name: a/b, volume: /a}]\n", "p.yaml:2:11: ", "no /"},
		{"repository: /r\nsources: [{name: a, sqlite: /a, exclude: [x]}]\n", "p.yaml:2:33: ", "exclude goes with volume only"},
		{"repository: /r\nsources: [{name: a, volume: /a}, {name: a, sqlite: b}]\n", "p.yaml:2:34: ", "two sources"},
		{"repository: /r\nsources: [{name: a, postgresql: \"sqlite:///x\"}]\n", "p.yaml:2:11: ", "SQLite"},
		{"repository: /r\nsources: [{name: a, sqlite: \"${HF_TEST_URL}\"}]\n", "p.yaml:2:11: ", "PostgreSQL"},
		{"repository: /r\nsources: [{name: a, volume: /a, exclude_caches: perhaps}]\n", "p.yaml:2:49: ", "neither true nor"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hf_policy *p;
		struct hf_error err = {0};
		int r = hf_policy_parse("p.yaml", cases[i].text, strlen(cases[i].text), &p, &err);
		if (r != HF_E_USAGE || p || strncmp(err.msg, cases[i].place, strlen(cases[i].place)) != 0 ||
			!strstr(err.msg, cases[i].says))
			fail_msg("case %zu, %s\nresult %d: %s", i, cases[i].text, r, err.msg);
	}
}

static void a_file_that_is_not_there_is_a_policy_that_does_not_load(void **state)
{
	(void)state;
	struct hf_policy *p;
	struct hf_error err = {0};
	assert_int_equal(hf_policy_load("/nonexistent/p.yaml", &p, &err), HF_E_USAGE);
	assert_non_null(strstr(err.msg, "/nonexistent/p.yaml"));
}

static void what_is_printed_reads_the_same(void **state)
{
	(void)state;
	HF_BUF_AUTO first = HF_BUF(1 << 20), second = HF_BUF(1 << 20);
	struct hf_policy *p = load(example);
	hf_policy_print(p, &first);
	const char *text = hf_buf_cstr(&first);
	assert_non_null(text);
	struct hf_policy *again = load(text);
	hf_policy_print(again, &second);
	assert_string_equal(hf_buf_cstr(&second), text);
	assert_null(strstr(text, "geheim"));
	assert_null(strstr(text, "password=x"));
	assert_non_null(strstr(text, "postgresql://app:********@db/shop"));
	assert_non_null(strstr(text, "every: 1w"));
	assert_non_null(strstr(text, "rpo: 1d"));
	assert_non_null(strstr(text, "one_file_system: false"));
	assert_non_null(strstr(text, "check: \"quick\""));
	hf_policy_free(p);
	hf_policy_free(again);
}

static void secrets_are_masked(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(1 << 20);
	setenv("HF_TEST_SECRET", "topsecret", 1);
	struct hf_policy *p = load(OK "passphrase: ${HF_TEST_SECRET}\nhooks: {before: [[login, \"${HF_TEST_SECRET}\"]]}\n");
	hf_policy_print(p, &out);
	const char *text = hf_buf_cstr(&out);
	assert_non_null(text);
	assert_null(strstr(text, "topsecret"));
	assert_non_null(strstr(text, "passphrase: \"********\""));
	assert_non_null(strstr(text, "[\"login\", \"${HF_TEST_SECRET}\"]"));
	hf_policy_free(p);
}

static void secrets_are_fetched(void **state)
{
	(void)state;
	static const struct {
		const char *text, *secret; /* NULL: HF_E_KEY */
	} cases[] = {{"passphrase: abc", "abc"}, {"passphrase_command: echo abc", "abc"},
		{"passphrase_command: [printf, 'a\\nb\\r\\n']", "a\nb"}, {"passphrase_command: exit 3", NULL},
		{"passphrase_command: echo", NULL}, {"passphrase_file: /nonexistent", NULL}, {"passphrase_file: /dev/null", NULL}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		HF_BUF_AUTO text = HF_BUF(1000), out = HF_BUF(1000);
		struct hf_error err = {0};
		hf_buf_printf(&text, "%s%s\n", OK, cases[i].text);
		struct hf_policy *p = load(hf_buf_cstr(&text));
		int r = hf_policy_secret_get(&p->primary.passphrase, "the passphrase", &out, &err);
		assert_int_equal(r, cases[i].secret ? 1 : HF_E_KEY);
		if (cases[i].secret)
			assert_string_equal(hf_buf_cstr(&out), cases[i].secret);
		else
			assert_non_null(strstr(err.msg, "the passphrase"));
		hf_policy_free(p);
	}
}

static void the_nearest_name_is_found(void **state)
{
	(void)state;
	static const char *const names[] = {"before", "freeze", "thaw", "after", "on_failure", NULL};
	assert_string_equal(hf_nearest("thwa", names), "thaw");
	assert_string_equal(hf_nearest("onfailure", names), "on_failure");
	assert_string_equal(hf_nearest("frezee", names), "freeze");
	assert_string_equal(hf_nearest("", names), "thaw");
	assert_non_null(hf_nearest("a word that is much longer than any of the names that are known here, and more", names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_is_read),
		cmocka_unit_test(everything_else_has_a_default),
		cmocka_unit_test(the_rules_are_those_of_the_plan),
		cmocka_unit_test(what_is_wrong_is_named_by_its_place),
		cmocka_unit_test(a_file_that_is_not_there_is_a_policy_that_does_not_load),
		cmocka_unit_test(what_is_printed_reads_the_same),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(secrets_are_fetched),
		cmocka_unit_test(the_nearest_name_is_found),
	};
	return cmocka_run_group_tests(tests, set_variables, NULL);
}
