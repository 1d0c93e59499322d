/* Configuration outside the data directory; see conf.h. */
#include "source/postgres/conf.h"

#include "base/log.h"
#include "source/postgres/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 10, PATH_BYTES = 1024, FILE_MAX = 16 << 20 };

struct conf {
	PGconn *sql;
	struct hf_pg_intake *in;
	json_t *files;
	char base[PATH_BYTES]; /* the directory of postgresql.conf */
	bool opened;	       /* the prefix's directory entry was made */
	char reason[512];      /* why something could not be read, or "" */
};

bool hf_pg_conf_include(const char *line, size_t len, enum hf_pg_include *kind, char *path, size_t path_size)
{
	static const struct {
		const char *word;
		enum hf_pg_include kind;
	} words[] = {{"include_if_exists", HF_PG_INCLUDE_IF_EXISTS}, {"include_dir", HF_PG_INCLUDE_DIR},
		{"include", HF_PG_INCLUDE}};
	const char *end = line + len;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	size_t i = 0, n = 0;
	for (; i < 3; i++) {
		n = strlen(words[i].word);
		if ((size_t)(end - line) > n && strncasecmp(line, words[i].word, n) == 0 && strchr(" \t=", line[n]))
			break;
	}
	if (i == 3)
		return false;
	*kind = words[i].kind;
	line += n;
	while (line < end && strchr(" \t=", *line))
		line++;
	bool quoted = line < end && *line == '\'';
	line += quoted;
	size_t at = 0;
	for (; line < end && (quoted ? *line != '\'' : !strchr(" \t\r#", *line)); line++)
		if (at + 1 < path_size)
			path[at++] = *line;
	path[at] = 0;
	return at > 0;
}

static int read_file(struct conf *c, const char *path, PGresult **out, char state[6], struct hf_error *err)
{
	const char *const values[] = {path};
	struct hf_pg_statement s = {.sql = "SELECT pg_read_binary_file($1)", .values = values, .value_count = 1,
		.binary = true, .sqlstate = state};
	return hf_pg_run(c->sql, &s, out, err);
}

/* The directories on the way to PREFIX/relative, each announced once in a row; duplicates of "conf.d" don't hurt the
 * order but would be two entries, so the latest is remembered by the caller's sorted walk: one level is all there is. */
static int open_directories(struct conf *c, const char *relative, struct hf_error *err)
{
	char path[PATH_BYTES];
	int r = 0;
	if (!c->opened)
		r = hf_pg_intake_directory(c->in, HF_PG_CONF_PREFIX, err);
	c->opened = true;
	for (const char *slash = relative; r == 0 && (slash = strchr(slash, '/')); slash++) {
		snprintf(path, sizeof(path), "%.*s", (int)(slash - relative), relative);
		bool known = false;
		size_t i;
		json_t *f;
		json_array_foreach(c->files, i, f) {
			const char *name = json_string_value(f);
			size_t n = strlen(path);
			known = known || (strncmp(name, path, n) == 0 && name[n] == '/');
		}
		char full[PATH_BYTES + sizeof(HF_PG_CONF_PREFIX)];
		snprintf(full, sizeof(full), HF_PG_CONF_PREFIX "/%s", path);
		if (!known)
			r = hf_pg_intake_directory(c->in, full, err);
	}
	return r;
}

static bool is_stored(const struct conf *c, const char *relative)
{
	size_t i;
	json_t *f;
	json_array_foreach(c->files, i, f)
		if (strcmp(json_string_value(f), relative) == 0)
			return true;
	return false;
}

static int store(struct conf *c, const char *relative, const void *data, size_t len, struct hf_error *err)
{
	char full[PATH_BYTES + sizeof(HF_PG_CONF_PREFIX)];
	snprintf(full, sizeof(full), HF_PG_CONF_PREFIX "/%s", relative);
	int r = open_directories(c, relative, err);
	if (r == 0)
		r = hf_pg_intake_file(c->in, full, data, len, err);
	if (r == 0 && json_array_append_new(c->files, hf_json_bytes(relative, strlen(relative))) < 0)
		r = hf_fail(err, HF_E_NOMEM, "list configuration files: no memory");
	return r;
}

static int take_config(struct conf *c, const char *path, const char *as, int depth, struct hf_error *err);

/* Where an include leads. Beside postgresql.conf it keeps its place; elsewhere it is kept for the record. */
static int take_include(struct conf *c, const char *from, const char *argument, int depth, struct hf_error *err)
{
	char path[2 * PATH_BYTES], as[2 * PATH_BYTES + 16];
	size_t base = strlen(c->base);
	const char *slash = strrchr(from, '/');
	if (argument[0] == '/' || !slash)
		snprintf(path, sizeof(path), "%s", argument);
	else
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - from), from, argument);
	if (strncmp(path, c->base, base) == 0 && path[base] == '/')
		snprintf(as, sizeof(as), "%s", path + base + 1);
	else
		snprintf(as, sizeof(as), "elsewhere/%s", path + strspn(path, "/"));
	if (strlen(path) >= PATH_BYTES || strlen(as) >= PATH_BYTES || !hf_path_is_sound(as, strlen(as))) {
		hf_warn("configuration file %s is left out: its path can't be kept", path);
		return 0;
	}
	return is_stored(c, as) ? 0 : take_config(c, path, as, depth + 1, err);
}

static int take_directory(struct conf *c, const char *from, const char *argument, int depth, struct hf_error *err)
{
	char path[2 * PATH_BYTES];
	const char *slash = strrchr(from, '/');
	if (argument[0] == '/' || !slash)
		snprintf(path, sizeof(path), "%s", argument);
	else
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - from), from, argument);
	const char *const values[] = {path};
	struct hf_pg_statement s = {.sql = "SELECT f FROM pg_ls_dir($1) f WHERE f LIKE '%.conf' AND f NOT LIKE '.%' "
					   "ORDER BY f COLLATE \"C\"",
		.values = values, .value_count = 1};
	HF_PG_RESULT_AUTO *list = NULL;
	struct hf_error why = {0};
	int r = hf_pg_run(c->sql, &s, &list, &why);
	if (r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	if (r < 0) {
		snprintf(c->reason, sizeof(c->reason), "%.500s", why.msg);
		return 0;
	}
	r = 0;
	for (int i = 0; r == 0 && i < PQntuples(list); i++) {
		char file[3 * PATH_BYTES];
		snprintf(file, sizeof(file), "%s/%s", path, PQgetvalue(list, i, 0));
		r = take_include(c, from, file, depth, err);
	}
	return r;
}

static int take_includes(struct conf *c, const char *path, const char *text, size_t len, int depth,
	struct hf_error *err)
{
	int r = 0;
	for (size_t at = 0; r == 0 && at < len && depth < DEPTH_MAX;) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - (text + at)) : len - at;
		enum hf_pg_include kind;
		char argument[PATH_BYTES];
		if (hf_pg_conf_include(text + at, n, &kind, argument, sizeof(argument)))
			r = kind == HF_PG_INCLUDE_DIR ? take_directory(c, path, argument, depth, err)
						      : take_include(c, path, argument, depth, err);
		at += n + 1;
	}
	return r;
}

static int take_config(struct conf *c, const char *path, const char *as, int depth, struct hf_error *err)
{
	char state[6];
	struct hf_error why = {0};
	HF_PG_RESULT_AUTO *result = NULL;
	int r = read_file(c, path, &result, state, &why);
	if (r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	if (r < 0 || PQntuples(result) != 1 || PQgetlength(result, 0, 0) > FILE_MAX) {
		/* One that include_if_exists named and that is not there is no loss. */
		if (strcmp(state, "58P01") != 0 || depth == 0)
			snprintf(c->reason, sizeof(c->reason), "%s: %.400s", path, why.msg);
		return 0;
	}
	const char *text = PQgetvalue(result, 0, 0);
	size_t len = (size_t)PQgetlength(result, 0, 0);
	r = store(c, as, text, len, err);
	bool has_includes = depth > 0 || strcmp(as, "postgresql.conf") == 0;
	return r == 0 && has_includes ? take_includes(c, path, text, len, depth, err) : r;
}

static int generate(struct conf *c, PGconn *walsender, struct hf_error *err)
{
	static const char *const settings[] = {"max_connections", "max_worker_processes", "max_wal_senders",
		"max_prepared_transactions", "max_locks_per_transaction", "wal_level", "track_commit_timestamp",
		"port"};
	HF_BUF_AUTO text = HF_BUF(65536);
	hf_buf_str(&text, "# Made by holdfast when the cluster was backed up: its own configuration lies outside the data\n"
			  "# directory and could not be read. These settings are those that recovery asks for.\n");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		char sql[128];
		snprintf(sql, sizeof(sql), "SHOW %s", settings[i]);
		HF_PG_RESULT_AUTO *result = NULL;
		int r = hf_pg_query(walsender, sql, &result, err);
		if (r < 0)
			return hf_wrap(err, r, "generate a configuration");
		if (PQntuples(result) == 1)
			hf_buf_printf(&text, "%s = '%s'\n", settings[i], PQgetvalue(result, 0, 0));
	}
	static const char hba[] = "# Made by holdfast: see postgresql.conf.\nlocal all all peer\n"
				  "host all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\n";
	int r = hf_buf_check(&text, "a configuration", err);
	if (r == 0)
		r = store(c, "postgresql.conf", text.data, text.len, err);
	if (r == 0)
		r = store(c, "pg_hba.conf", hba, sizeof(hba) - 1, err);
	if (r == 0)
		r = store(c, "pg_ident.conf", "", 0, err);
	return r;
}

static bool is_inside(const char *path, const char *directory)
{
	size_t n = strlen(directory);
	return strncmp(path, directory, n) == 0 && path[n] == '/';
}

/* Reads what is outside. `inside`: nothing was. */
static int take_all(struct conf *c, bool *inside, struct hf_error *err)
{
	static const char *const names[] = {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"};
	HF_PG_RESULT_AUTO *where = NULL;
	struct hf_error why = {0};
	int r = hf_pg_query(c->sql,
		"SELECT current_setting('config_file'), current_setting('hba_file'), current_setting('ident_file'), "
		"current_setting('data_directory')",
		&where, &why);
	if (r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	*inside = false;
	if (r < 0 || PQntuples(where) != 1) {
		snprintf(c->reason, sizeof(c->reason), "%.500s", why.msg);
		return 0;
	}
	const char *data = PQgetvalue(where, 0, 3), *config = PQgetvalue(where, 0, 0);
	const char *slash = strrchr(config, '/');
	snprintf(c->base, sizeof(c->base), "%.*s", slash ? (int)(slash - config) : 0, config);
	*inside = true;
	r = 0;
	for (int i = 0; r == 0 && i < 3; i++) {
		const char *path = PQgetvalue(where, 0, i);
		if (is_inside(path, data) && (i > 0 || c->in->has_conf))
			continue;
		*inside = false;
		r = take_config(c, path, names[i], 0, err);
	}
	return r;
}

int hf_pg_conf_capture(PGconn *sql, PGconn *walsender, struct hf_pg_intake *in, json_t *detail, struct hf_error *err)
{
	struct conf c = {.sql = sql, .in = in, .files = json_array()};
	bool inside = in->has_conf;
	const char *kind = "captured";
	int r = 0;
	if (sql)
		r = take_all(&c, &inside, err);
	else
		snprintf(c.reason, sizeof(c.reason), "no ordinary connection to the server");
	if (r == 0 && !inside && in->has_conf && json_array_size(c.files) == 0)
		inside = true; /* without the right to ask, what the data directory holds is what there is */
	if (inside)
		kind = "inside";
	else if (r == 0 && !is_stored(&c, "postgresql.conf") && !in->has_conf) {
		kind = "generated";
		json_array_clear(c.files);
		hf_warn("the configuration outside the data directory could not be read (%s): "
			"a minimal one is stored instead", c.reason);
		r = generate(&c, walsender, err);
	} else if (c.reason[0])
		hf_warn("some of the configuration outside the data directory could not be read: %s", c.reason);
	json_t *note = json_pack("{s:s, s:o}", "kind", kind, "files", c.files);
	if (note && c.reason[0] && !inside)
		json_object_set_new(note, "reason", hf_json_bytes(c.reason, strlen(c.reason)));
	if (json_object_set_new(detail, "configuration", note) < 0 && r == 0)
		r = hf_fail(err, HF_E_NOMEM, "describe the configuration: no memory");
	return r;
}
