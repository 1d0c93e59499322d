/* PostgreSQL's programs; see programs.h. A directory counts only if its `postgres --version` says the right thing. */
#include "source/postgres/programs.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hf_pg_data_version(int dirfd, int *major, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(64);
	int r = hf_file_read(dirfd, "PG_VERSION", &text, err);
	if (r < 0)
		return hf_wrap(err, r, "this is no PostgreSQL data directory");
	const char *s = hf_buf_cstr(&text);
	char *end = NULL;
	long n = s ? strtol(s, &end, 10) : 0;
	if (n < 1 || n > 999)
		return hf_fail(err, HF_E_CORRUPT, "PG_VERSION of the data directory holds no version");
	if (n < 10 || *end == '.')
		return hf_fail(err, HF_E_UNSUPPORTED, "a data directory of PostgreSQL %.8s is too old", s);
	*major = (int)n;
	return 0;
}

/* What a program prints, or "". */
static void output_of(const char *program, const char *argument, struct hf_buf *out)
{
	const char *const argv[] = {program, argument, NULL};
	struct hf_proc_options options = {.argv = argv, .directory = "/"};
	int status = 0;
	if (hf_proc_run(&options, out, NULL, &status, NULL) < 0 || status != 0)
		hf_buf_clear(out);
}

static bool has_version(const char *directory, int major)
{
	char program[1024];
	if ((size_t)snprintf(program, sizeof(program), "%s/postgres", directory) >= sizeof(program) ||
		access(program, X_OK) < 0)
		return false;
	HF_BUF_AUTO out = HF_BUF(4096);
	output_of(program, "--version", &out);
	const char *text = hf_buf_cstr(&out);
	const char *word = text ? strstr(text, "(PostgreSQL) ") : NULL;
	return word && strtol(word + 13, NULL, 10) == major;
}

static bool try_path(int major, char *out, size_t len)
{
	for (const char *path = getenv("PATH"); path && *path;) {
		size_t n = strcspn(path, ":");
		if (n > 0 && (size_t)snprintf(out, len, "%.*s", (int)n, path) < len && has_version(out, major))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static bool try_pg_config(int major, char *out, size_t len)
{
	HF_BUF_AUTO text = HF_BUF(4096);
	output_of("pg_config", "--bindir", &text);
	const char *s = hf_buf_cstr(&text);
	if (!s)
		return false;
	snprintf(out, len, "%.*s", (int)strcspn(s, "\n"), s);
	return out[0] == '/' && has_version(out, major);
}

int hf_pg_programs_find(int major, char **out, struct hf_error *err)
{
	static const char *const forms[] = {"/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin", "/usr/local/pgsql-%d/bin",
		"/usr/libexec/postgresql%d"};
	char path[1024];
	bool found = false;
	for (size_t i = 0; !found && i < sizeof(forms) / sizeof(forms[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), forms[i], major);
#pragma GCC diagnostic pop
		found = has_version(path, major);
	}
	found = found || try_pg_config(major, path, sizeof(path)) || try_path(major, path, sizeof(path));
	if (!found)
		return hf_fail(err, HF_E_NOTFOUND,
			"the server programs of PostgreSQL %d are not on this machine: install the package "
			"postgresql-%d, or put their directory in PATH",
			major, major);
	*out = strdup(path);
	return *out ? 0 : hf_fail(err, HF_E_NOMEM, "find PostgreSQL: no memory");
}
