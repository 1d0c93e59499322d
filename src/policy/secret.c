/* Running the commands of a policy and fetching its secrets; see policy.h. */
#include "base/file.h"
#include "base/proc.h"
#include "policy/policy.h"

#include <fcntl.h>
#include <string.h>

const char *const *hf_policy_argv(const struct hf_policy_command *c, const char *room[4])
{
	if (c->run.count)
		return c->run.items;
	room[0] = "/bin/sh";
	room[1] = "-c";
	room[2] = c->sh;
	room[3] = NULL;
	return room;
}

static int from_command(const struct hf_policy_command *c, const char *what, struct hf_buf *out, struct hf_error *err)
{
	HF_BUF_AUTO complaint = HF_BUF(512);
	const char *room[4];
	const struct hf_proc_options options = {.argv = hf_policy_argv(c, room)};
	int status = 0;
	int r = hf_proc_run(&options, out, &complaint, &status, err);
	if (r < 0)
		return hf_wrap(err, r, "get %s from a command", what);
	if (status == 0)
		return 0;
	complaint.max++; /* for the terminator */
	const char *said = hf_buf_cstr(&complaint);
	return hf_fail(err, HF_E_KEY, "get %s: the command %s ended with status %d%s%s", what, options.argv[0], status,
		said && *said ? ": " : "", said ? said : "");
}

static int from_file(const char *path, const char *what, struct hf_buf *out, struct hf_error *err)
{
	int r = hf_file_read(AT_FDCWD, path, out, err);
	if (r == HF_E_STOPPED || r == HF_E_NOMEM || r == 0)
		return r;
	if (err)
		err->code = HF_E_KEY;
	return hf_wrap(err, HF_E_KEY, "read %s", what);
}

int hf_policy_secret_get(const struct hf_policy_secret *s, const char *what, struct hf_buf *out, struct hf_error *err)
{
	int r = 0;
	hf_buf_clear(out);
	if (s->value)
		hf_buf_str(out, s->value);
	else if (s->file)
		r = from_file(s->file, what, out, err);
	else if (hf_policy_has_command(&s->command))
		r = from_command(&s->command, what, out, err);
	else
		return 0;
	if (r < 0)
		return r;
	if (!s->value && out->len && out->data[out->len - 1] == '\n')
		out->len -= out->len > 1 && out->data[out->len - 2] == '\r' ? 2 : 1;
	if (!out->len)
		return hf_fail(err, HF_E_KEY, "%s is empty", what);
	r = hf_buf_check(out, what, err);
	return r < 0 ? r : 1;
}
