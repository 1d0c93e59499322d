/* Names of users and groups; see owner.h. */
#include "source/volume/owner.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct hf_owner_name {
	bool used, is_group;
	uint32_t id;
	char *name; /* NULL: it has none, and that is known */
};

enum { TEXT = 16384 };

static char *look_up(uint32_t id, bool is_group)
{
	char *text = malloc(TEXT);
	char *name = NULL;
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	if (!text)
		return NULL;
	if (is_group && getgrgid_r(id, &group, text, TEXT, &found_group) == 0 && found_group)
		name = strdup(group.gr_name);
	if (!is_group && getpwuid_r(id, &user, text, TEXT, &found_user) == 0 && found_user)
		name = strdup(user.pw_name);
	free(text);
	return name;
}

static struct hf_owner_name *slot_of(struct hf_owner_name *slots, size_t cap, uint32_t id, bool is_group)
{
	size_t at = (id * 2654435761u + is_group) & (cap - 1);
	while (slots[at].used && (slots[at].id != id || slots[at].is_group != is_group))
		at = (at + 1) & (cap - 1);
	return &slots[at];
}

static bool grow(struct hf_owner_names *names)
{
	if (names->count * 2 < names->cap)
		return true;
	size_t cap = names->cap ? names->cap * 2 : 64;
	struct hf_owner_name *slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < names->cap; i++)
		if (names->slots[i].used)
			*slot_of(slots, cap, names->slots[i].id, names->slots[i].is_group) = names->slots[i];
	free(names->slots);
	names->slots = slots;
	names->cap = cap;
	return true;
}

static const char *name_of(struct hf_owner_names *names, uint32_t id, bool is_group)
{
	if (!grow(names))
		return NULL;
	struct hf_owner_name *slot = slot_of(names->slots, names->cap, id, is_group);
	if (!slot->used) {
		*slot = (struct hf_owner_name){
			.used = true, .is_group = is_group, .id = id, .name = look_up(id, is_group)};
		names->count++;
	}
	return slot->name;
}

const char *hf_owner_user(struct hf_owner_names *names, uint32_t uid)
{
	return name_of(names, uid, false);
}

const char *hf_owner_group(struct hf_owner_names *names, uint32_t gid)
{
	return name_of(names, gid, true);
}

void hf_owner_free(struct hf_owner_names *names)
{
	for (size_t i = 0; i < names->cap; i++)
		free(names->slots[i].name);
	free(names->slots);
	*names = (struct hf_owner_names){0};
}
