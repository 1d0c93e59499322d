/*
 * Reading the XML of small answers, over expat. Strict: well-formed, UTF-8, no document type, bounded in depth and in length of
 * names and texts.
 */
#ifndef HF_STORE_XML_H
#define HF_STORE_XML_H

#include "base/error.h"

#include <stddef.h>

/* Called at the end of each element: `path` is the names from the root down ("ListBucketResult/Contents/Key"), `text` its own
 * text, without that of elements in it. Non-zero stops the reading and is returned. */
typedef int hf_xml_each(void *user, const char *path, const char *text, struct hf_error *err);

/* HF_E_CORRUPT where it is not such XML. What `each` was told until then stands. */
int hf_xml_read(const void *text, size_t len, hf_xml_each *each, void *user, struct hf_error *err) HF_MUST_CHECK;

#endif
