/* Standard output; see output.h. */
#include "cli/output.h"

#include "cli/screen.h"
#include "report/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reason; /* of the first write that failed: an errno */

static void note(void)
{
	if (!reason)
		reason = errno ? errno : EIO;
}

void hf_print(const char *fmt, ...)
{
	va_list ap;
	hf_screen_end(); /* results and the progress line may share a terminal */
	va_start(ap, fmt);
	errno = 0;
	if (vprintf(fmt, ap) < 0)
		note();
	va_end(ap);
}

static int failed(struct hf_error *err)
{
	note();
	return hf_fail_errno(err, reason, "write to standard output");
}

int hf_print_bytes(const void *data, size_t len, struct hf_error *err)
{
	hf_screen_end();
	errno = 0;
	return len == 0 || fwrite(data, 1, len, stdout) == len ? 0 : failed(err);
}

int hf_print_json(json_t *j, struct hf_error *err)
{
	char *text = j ? hf_json_text(j) : NULL;
	json_decref(j);
	if (!text)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = hf_print_bytes(text, strlen(text), err);
	free(text);
	return r < 0 ? r : hf_print_bytes("\n", 1, err);
}

int hf_print_table(const struct hf_table *t, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	int r = hf_table_render(t, &text, err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

int hf_print_finish(struct hf_error *err)
{
	errno = 0;
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : failed(err);
}

bool hf_print_has_no_reader(void)
{
	return reason == EPIPE;
}
