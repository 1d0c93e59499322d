/* Error values; see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int hf_fail(struct hf_error *err, int code, const char *fmt, ...)
{
	if (!err)
		return code;
	err->code = code;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

static int code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return HF_E_NOSPACE;
	case ENOENT:
		return HF_E_NOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return HF_E_DENIED;
	case EEXIST:
		return HF_E_EXISTS;
	case ENOMEM:
		return HF_E_NOMEM;
	default:
		return HF_E_IO;
	}
}

int hf_fail_errno(struct hf_error *err, int errnum, const char *fmt, ...)
{
	int code = code_of_errno(errnum);
	if (!err)
		return code;
	err->code = code;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	size_t at = (size_t)n < sizeof(err->msg) ? (size_t)n : sizeof(err->msg) - 1;
	char text[128];
	snprintf(err->msg + at, sizeof(err->msg) - at, ": %s", strerror_r(errnum, text, sizeof(text)));
	return code;
}

int hf_wrap(struct hf_error *err, int code, const char *fmt, ...)
{
	if (!err)
		return code;
	char context[HF_ERROR_MAX];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	if (n < 0)
		return code;
	if ((size_t)n > sizeof(context) - 3)
		n = (int)sizeof(context) - 3;
	context[n] = ':';
	context[n + 1] = ' ';
	size_t head = (size_t)n + 2;
	size_t tail = strlen(err->msg);
	if (head + tail > sizeof(err->msg) - 1)
		tail = sizeof(err->msg) - 1 - head;
	memmove(err->msg + head, err->msg, tail);
	memcpy(err->msg, context, head);
	err->msg[head + tail] = 0;
	return code;
}
