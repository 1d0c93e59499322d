/* Paths and types of entries; see entry.h. */
#include "entry/entry.h"

#include <string.h>

int hf_path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t common = a_len < b_len ? a_len : b_len;
	size_t i = 0;
	while (i < common && a[i] == b[i])
		i++;
	if (i == common)
		return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
	int x = a[i] == '/' ? 0 : (unsigned char)a[i];
	int y = b[i] == '/' ? 0 : (unsigned char)b[i];
	return x - y;
}

static bool is_sound_component(const char *p, size_t len)
{
	if (len == 0 || (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
		return false;
	return !memchr(p, 0, len);
}

bool hf_path_is_sound(const char *path, size_t len)
{
	while (len > 0) {
		const char *slash = memchr(path, '/', len);
		size_t n = slash ? (size_t)(slash - path) : len;
		if (!is_sound_component(path, n))
			return false;
		if (!slash)
			return true;
		path += n + 1;
		len -= n + 1;
		if (len == 0)
			return false; /* a trailing slash */
	}
	return true;
}

const char *hf_entry_type_name(enum hf_entry_type type)
{
	static const char *const names[] = {[HF_ENTRY_FILE] = "file", [HF_ENTRY_DIRECTORY] = "directory",
		[HF_ENTRY_SYMLINK] = "symlink", [HF_ENTRY_HARDLINK] = "hardlink", [HF_ENTRY_FIFO] = "fifo",
		[HF_ENTRY_CHARACTER_DEVICE] = "character_device", [HF_ENTRY_BLOCK_DEVICE] = "block_device",
		[HF_ENTRY_SOCKET] = "socket"};
	size_t i = (size_t)type;
	return i < sizeof(names) / sizeof(names[0]) && names[i] ? names[i] : "unknown";
}
