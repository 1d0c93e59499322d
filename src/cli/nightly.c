/* The nightly job on the command line; see nightly.h. */
#include "cli/nightly.h"

#include "base/time.h"
#include "cli/backup_result.h"
#include "cli/drill_result.h"
#include "cli/guardian.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/nightly.h"
#include "report/table.h"

#include <stdlib.h>
#include <string.h>

int hf_nightly_refuse_sources(const struct hf_source_args *a, char *const *rest, struct hf_error *err)
{
	if (a->count || a->early_name || (rest && *rest))
		return hf_fail(err, HF_E_USAGE, "the policy says what is backed up: give either --policy or SOURCEs");
	for (size_t k = 0; k < HF_SOURCE_KINDS; k++)
		if (a->kinds[k].count)
			return hf_fail(err, HF_E_USAGE, "--%s: the policy says what is backed up; write it there",
				a->kinds[k].options[0].name);
	return 0;
}

/* --- results ------------------------------------------------------------------------------------------------------------- */

static json_t *steps_json(const struct hf_nightly_result *n)
{
	json_t *all = json_array();
	for (size_t i = 0; i < n->step_count; i++) {
		const struct hf_nightly_step *s = &n->steps[i];
		const char *said = s->said ? s->said : "";
		json_t *j = json_object();
		json_object_set_new(j, "step", json_string(s->name));
		if (s->what)
			json_object_set_new(j, "what", hf_json_bytes(s->what, strlen(s->what)));
		json_object_set_new(j, "outcome", json_string(hf_outcome_name(s->outcome)));
		json_object_set_new(j, "detail", hf_json_bytes(said, strlen(said)));
		json_object_set_new(j, "seconds", json_real(hf_seconds(s->elapsed_ns)));
		json_array_append_new(all, j);
	}
	return all;
}

static int print_json(const struct hf_nightly_result *n, struct hf_error *err)
{
	json_t *j = hf_backup_result_json(&n->backup);
	json_object_set_new(j, "steps", steps_json(n));
	if (n->has_drill)
		json_object_set_new(j, "drill", hf_drill_json(&n->drill));
	return hf_print_json(j, err);
}

static int print_steps(const struct hf_nightly_result *n, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	for (size_t i = 0; i < n->step_count; i++) {
		const struct hf_nightly_step *s = &n->steps[i];
		const char *said = s->said ? s->said : "";
		hf_buf_printf(&text, "%s%s", s->outcome == HF_OUTCOME_FAILED ? "FAILED: " : "", s->name);
		if (s->what) {
			hf_buf_str(&text, strcmp(s->name, "copy") == 0 ? " to " : " in ");
			hf_text_safe(&text, s->what, strlen(s->what));
		}
		hf_buf_printf(&text, " %s%s", hf_outcome_name(s->outcome), *said ? ": " : "");
		hf_text_safe(&text, said, strlen(said));
		hf_buf_u8(&text, '\n');
	}
	int r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

static int print_text(const struct hf_nightly_result *n, struct hf_error *err)
{
	int r = hf_backup_result_print(&n->backup, err);
	if (r == 0 && n->has_drill)
		r = hf_drill_result_print(&n->drill, err);
	return r < 0 ? r : print_steps(n, err);
}

/* 20 before 21 before others; what failed before what is incomplete. */
static int status_of(const struct hf_nightly_result *n)
{
	int drill = n->has_drill ? hf_drill_result_status(&n->drill) : HF_STATUS_DONE;
	if (drill == HF_STATUS_CHECK || drill == HF_STATUS_MISSED)
		return drill;
	if (n->failed)
		return hf_status_of(n->failed);
	int backup = hf_backup_result_status(&n->backup);
	return backup ? backup : drill;
}

/* --- the command ----------------------------------------------------------------------------------------------------------- */

int hf_nightly_command(struct hf_cli *cli, const struct hf_backup_options *backup, bool prove, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_nightly_result result = {0};
	HF_CLI_PLACES_AUTO places;
	hf_cli_places_begin(&places, cli);
	int r = hf_cli_open(cli, &repo, err);
	if (r < 0)
		return r;
	const struct hf_nightly_options options = {.repo = repo, .policy = cli->policy, .backup = *backup, .prove = prove,
		.open_copy = hf_cli_places_open,
		.user = &places,
		.guardian = hf_guardian_program,
		.progress = &cli->progress};
	r = hf_nightly(&options, &result, err);
	hf_backup_result_warn(&result.backup);
	if (result.has_drill)
		hf_drill_result_warn(&result.drill);
	struct hf_error printing = {0};
	int printed = 0;
	if (result.has_snapshot && cli->json && r == 0)
		printed = print_json(&result, &printing);
	else if (result.has_snapshot && !cli->json && (!cli->quiet || result.failed))
		printed = print_text(&result, &printing);
	if (r == 0 && printed < 0)
		r = hf_fail(err, printed, "%s", printing.msg);
	if (r == 0)
		r = status_of(&result);
	hf_nightly_result_free(&result);
	return r;
}
