/* XML over expat; see xml.h. The path grows and shrinks with the elements; each level keeps where its text begins. */
#include "store/xml.h"

#include "base/buf.h"

#include <expat.h>
#include <string.h>

enum { DEPTH_MAX = 16, PATH_BYTES = 512, TEXT_MAX = 16 << 10 };

struct reading {
	XML_Parser parser;
	hf_xml_each *each;
	void *user;
	char path[PATH_BYTES];
	size_t path_len, depth;
	struct {
		size_t path_len; /* before this element */
		size_t text_at;
	} levels[DEPTH_MAX];
	struct hf_buf text;
	int result;
	struct hf_error *err;
};

static void stop(struct reading *x, int result)
{
	x->result = result;
	XML_StopParser(x->parser, XML_FALSE);
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
	(void)attributes;
	struct reading *x = user;
	size_t len = strlen(name);
	if (x->result < 0)
		return;
	if (x->depth == DEPTH_MAX || x->path_len + len + 2 > sizeof(x->path)) {
		stop(x, hf_fail(x->err, HF_E_CORRUPT, "its elements lie too deep"));
		return;
	}
	x->levels[x->depth].path_len = x->path_len;
	x->levels[x->depth].text_at = x->text.len;
	if (x->depth++)
		x->path[x->path_len++] = '/';
	memcpy(x->path + x->path_len, name, len + 1);
	x->path_len += len;
}

static void on_text(void *user, const XML_Char *text, int len)
{
	struct reading *x = user;
	hf_buf_add(&x->text, text, (size_t)len);
	if (x->text.failed && x->result == 0)
		stop(x, hf_fail(x->err, HF_E_CORRUPT, "a text in it is too long"));
}

static void on_end(void *user, const XML_Char *name)
{
	(void)name;
	struct reading *x = user;
	if (x->result < 0)
		return;
	size_t level = --x->depth, at = x->levels[level].text_at;
	const char *text = hf_buf_cstr(&x->text);
	int r = text ? x->each(x->user, x->path, text + at, x->err) : hf_fail(x->err, HF_E_CORRUPT, "a text in it is too long");
	if (r != 0) {
		stop(x, r);
		return;
	}
	x->text.len = at;
	x->path_len = x->levels[level].path_len;
	x->path[x->path_len] = 0;
}

static void on_doctype(void *user, const XML_Char *name, const XML_Char *system, const XML_Char *public, int has_subset)
{
	(void)name, (void)system, (void)public, (void)has_subset;
	struct reading *x = user;
	stop(x, hf_fail(x->err, HF_E_CORRUPT, "it declares a document type"));
}

int hf_xml_read(const void *text, size_t len, hf_xml_each *each, void *user, struct hf_error *err)
{
	struct reading x = {.each = each, .user = user, .text = HF_BUF(TEXT_MAX), .err = err};
	if (len > INT32_MAX)
		return hf_fail(err, HF_E_CORRUPT, "it is too long");
	x.parser = XML_ParserCreate("UTF-8");
	if (!x.parser)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	XML_SetUserData(x.parser, &x);
	XML_SetElementHandler(x.parser, on_start, on_end);
	XML_SetCharacterDataHandler(x.parser, on_text);
	XML_SetStartDoctypeDeclHandler(x.parser, on_doctype);
	enum XML_Status status = XML_Parse(x.parser, text, (int)len, 1);
	if (status != XML_STATUS_OK && x.result == 0)
		x.result = hf_fail(err, HF_E_CORRUPT, "it is not well-formed XML (line %lu: %s)",
			(unsigned long)XML_GetCurrentLineNumber(x.parser), XML_ErrorString(XML_GetErrorCode(x.parser)));
	XML_ParserFree(x.parser);
	hf_buf_free(&x.text);
	return x.result;
}
