/* Stand-ins: a list; see stand_in.h. */
#include "pipeline/stand_in.h"

#include <stdlib.h>
#include <string.h>

struct hf_stand_in {
	struct hf_stand_in *next;
	char *target, *given;
};

const char *hf_stand_ins_find(const struct hf_stand_ins *s, const char *target)
{
	for (const struct hf_stand_in *i = s->first; i; i = i->next)
		if (strcmp(i->target, target) == 0)
			return i->given;
	return NULL;
}

static char *copy_text(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	if (copy) {
		memcpy(copy, text, len);
		copy[len] = 0;
	}
	return copy;
}

static void free_one(struct hf_stand_in *i)
{
	free(i->target);
	free(i->given);
	free(i);
}

int hf_stand_ins_add(struct hf_stand_ins *s, const char *target, size_t target_len, const char *given, size_t given_len,
	struct hf_error *err)
{
	struct hf_stand_in *i = calloc(1, sizeof(*i));
	if (!i)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	i->target = copy_text(target, target_len);
	i->given = copy_text(given, given_len);
	if (!i->target || !i->given) {
		free_one(i);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	i->next = s->first;
	s->first = i;
	return 0;
}

void hf_stand_ins_free(struct hf_stand_ins *s)
{
	while (s->first) {
		struct hf_stand_in *i = s->first;
		s->first = i->next;
		free_one(i);
	}
}
