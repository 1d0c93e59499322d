/* Log; see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
	hf_log_handler *handler;
	void *user;
	enum hf_log_level least;
} log_to;

void hf_log_set(hf_log_handler *handler, void *user, enum hf_log_level least)
{
	log_to.handler = handler;
	log_to.user = user;
	log_to.least = least;
}

void hf_log(enum hf_log_level level, const char *fmt, ...)
{
	if (!log_to.handler || level < log_to.least)
		return;
	char line[HF_ERROR_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_to.handler(level, line, log_to.user);
}
