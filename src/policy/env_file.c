/* .env files and ${NAME}; see env_file.h. */
#include "policy/env_file.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, VALUE_MAX = 1 << 18 };

/* --- ${NAME} ----------------------------------------------------------------------------------------------------------- */

static size_t name_length(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	if (!*text || !strchr(first, *text))
		return 0;
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
}

/* "${NAME}" or "${NAME:-default}", taken apart. */
struct reference {
	const char *name, *fallback; /* NULL: none */
	size_t name_len, fallback_len, len; /* len: of the whole */
};

static bool parse_reference(const char *text, struct reference *out)
{
	const char *end = strchr(text, '}');
	*out = (struct reference){.name = text + 2, .name_len = name_length(text + 2)};
	const char *after = out->name + out->name_len;
	if (!end || !out->name_len)
		return false;
	out->len = (size_t)(end - text) + 1;
	if (after == end)
		return true;
	if (strncmp(after, ":-", 2) != 0)
		return false;
	out->fallback = after + 2;
	out->fallback_len = (size_t)(end - after) - 2;
	return true;
}

/* What it stands for, added to `out`; false if that is nothing. */
static bool resolve(const struct reference *ref, const struct hf_env_file *file, struct hf_buf *out)
{
	char name[256];
	if (ref->name_len >= sizeof(name))
		return false;
	memcpy(name, ref->name, ref->name_len);
	name[ref->name_len] = 0;
	const char *value = getenv(name);
	if (!value && file)
		value = hf_env_file_get(file, name);
	if (ref->fallback && (!value || !*value))
		hf_buf_add(out, ref->fallback, ref->fallback_len);
	else if (value)
		hf_buf_str(out, value);
	return value || ref->fallback;
}

int hf_env_expand(const char *text, struct hf_buf *out, struct hf_error *err)
{
	while (*text) {
		struct reference ref;
		size_t plain = strcspn(text, "$");
		hf_buf_add(out, text, plain);
		text += plain;
		if (text[0] == '$' && text[1] == '{') {
			if (!parse_reference(text, &ref))
				return hf_fail(err, HF_E_USAGE, "\"%s\": write ${NAME} or ${NAME:-default}, or $$ for a dollar sign",
					text);
			if (!resolve(&ref, NULL, out))
				return hf_fail(err, HF_E_USAGE,
					"${%.*s} is not set: set it in the environment or in --env-file, or write ${%.*s:-default}",
					(int)ref.name_len, ref.name, (int)ref.name_len, ref.name);
			text += ref.len;
		} else if (*text) {
			hf_buf_u8(out, '$');
			text += text[1] == '$' ? 2 : 1;
		}
	}
	return hf_buf_check(out, "text", err);
}

/* --- the file ---------------------------------------------------------------------------------------------------------- */

struct lines {
	const char *name, *at;
	size_t line;
	struct hf_env_file *file;
};

static int bad_line(const struct lines *l, struct hf_error *err, const char *what)
{
	return hf_fail(err, HF_E_USAGE, "%s:%zu: %s", l->name, l->line, what);
}

static void skip_blanks(struct lines *l)
{
	l->at += strspn(l->at, " \t");
}

static bool at_end_of_line(const struct lines *l)
{
	return !*l->at || *l->at == '\n' || (*l->at == '\r' && (l->at[1] == '\n' || !l->at[1]));
}

static void next_line(struct lines *l)
{
	l->at += strcspn(l->at, "\n");
	l->at += *l->at == '\n';
	l->line++;
}

/* At a "$": a reference that means something is replaced, anything else is what it is. */
static void take_dollar(struct lines *l, struct hf_buf *out)
{
	struct reference ref;
	if (l->at[1] == '{' && parse_reference(l->at, &ref) && resolve(&ref, l->file, out)) {
		l->at += ref.len;
		return;
	}
	hf_buf_u8(out, '$');
	l->at++;
}

static void take_escape(struct lines *l, struct hf_buf *out)
{
	static const char from[] = "nrt\"\\$", to[] = "\n\r\t\"\\$";
	const char *known = l->at[1] ? strchr(from, l->at[1]) : NULL;
	hf_buf_u8(out, known ? (uint8_t)to[known - from] : '\\');
	l->at += known ? 2 : 1;
}

static int take_quoted(struct lines *l, struct hf_buf *out, struct hf_error *err)
{
	size_t began = l->line;
	char quote = *l->at++;
	while (*l->at && *l->at != quote) {
		l->line += *l->at == '\n';
		if (quote == '"' && *l->at == '\\')
			take_escape(l, out);
		else if (quote == '"' && *l->at == '$')
			take_dollar(l, out);
		else
			hf_buf_u8(out, (uint8_t)*l->at++);
	}
	if (!*l->at) {
		l->line = began;
		return bad_line(l, err, "the quote that begins here has no end");
	}
	l->at++;
	skip_blanks(l);
	if (!at_end_of_line(l) && *l->at != '#')
		return bad_line(l, err, "something follows the closing quote");
	return 0;
}

static void take_bare(struct lines *l, struct hf_buf *out)
{
	bool after_blank = true;
	while (!at_end_of_line(l) && !(*l->at == '#' && after_blank)) {
		after_blank = *l->at == ' ' || *l->at == '\t';
		if (*l->at == '$')
			take_dollar(l, out);
		else
			hf_buf_u8(out, (uint8_t)*l->at++);
	}
	while (out->len && (out->data[out->len - 1] == ' ' || out->data[out->len - 1] == '\t'))
		out->len--;
}

static int add_pair(struct hf_env_file *f, const char *name, size_t name_len, const struct hf_buf *value,
	struct hf_error *err)
{
	struct hf_env_pair *p = hf_arena_alloc(&f->arena, sizeof(*p));
	if (p)
		*p = (struct hf_env_pair){hf_arena_copy(&f->arena, name, name_len),
			hf_arena_copy(&f->arena, value->data, value->len), NULL};
	if (!p || !p->name || !p->value)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (f->last)
		f->last->next = p;
	else
		f->first = p;
	f->last = p;
	return 0;
}

static int take_pair(struct lines *l, struct hf_error *err)
{
	HF_BUF_AUTO value = HF_BUF(VALUE_MAX);
	const char *name = l->at;
	size_t len = name_length(name);
	l->at += len;
	skip_blanks(l);
	if (len && at_end_of_line(l))
		return 0; /* a name alone: whatever the environment has */
	if (!len || *l->at != '=')
		return bad_line(l, err, "this is neither NAME=value nor a comment");
	l->at++;
	skip_blanks(l);
	int r = 0;
	if (*l->at == '"' || *l->at == '\'')
		r = take_quoted(l, &value, err);
	else
		take_bare(l, &value);
	if (r == 0)
		r = hf_buf_check(&value, "value", err);
	if (r == 0)
		r = add_pair(l->file, name, len, &value, err);
	if (value.data)
		explicit_bzero(value.data, value.cap);
	return r;
}

int hf_env_file_parse(const char *name, const char *text, struct hf_env_file *out, struct hf_error *err)
{
	struct lines l = {name, text, 1, out};
	*out = (struct hf_env_file){0};
	if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
		l.at += 3;
	for (; *l.at; next_line(&l)) {
		skip_blanks(&l);
		if (at_end_of_line(&l) || *l.at == '#')
			continue;
		if (strncmp(l.at, "export", 6) == 0 && (l.at[6] == ' ' || l.at[6] == '\t')) {
			l.at += 6;
			skip_blanks(&l);
		}
		int r = take_pair(&l, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int hf_env_file_read(const char *path, struct hf_env_file *out, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(FILE_MAX);
	*out = (struct hf_env_file){0};
	int r = hf_file_read(AT_FDCWD, path, &text, err);
	if (r < 0)
		return r;
	if (text.len && memchr(text.data, 0, text.len))
		return hf_fail(err, HF_E_USAGE, "%s: this is no text: it holds a NUL", path);
	text.max++; /* for the terminator */
	const char *all = hf_buf_cstr(&text);
	r = all ? hf_env_file_parse(path, all, out, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (text.data)
		explicit_bzero(text.data, text.cap);
	return r;
}

const char *hf_env_file_get(const struct hf_env_file *f, const char *name)
{
	const char *value = NULL;
	for (const struct hf_env_pair *p = f->first; p; p = p->next)
		if (strcmp(p->name, name) == 0)
			value = p->value;
	return value;
}

int hf_env_file_export(const struct hf_env_file *f, struct hf_error *err)
{
	for (const struct hf_env_pair *p = f->first; p; p = p->next)
		if (hf_env_file_get(f, p->name) == p->value && setenv(p->name, p->value, 0) < 0)
			return hf_fail_errno(err, errno, "set %s", p->name);
	return 0;
}

void hf_env_file_free(struct hf_env_file *f)
{
	for (struct hf_env_pair *p = f->first; p; p = p->next)
		explicit_bzero((char *)(uintptr_t)p->value, strlen(p->value));
	hf_arena_free(&f->arena);
	f->first = f->last = NULL;
}
