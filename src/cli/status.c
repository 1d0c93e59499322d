/* Exit statuses; see status.h. */
#include "cli/status.h"

#include "base/error.h"

#include <stddef.h>

int hf_status_of(int code)
{
	static const struct {
		int code, status;
	} table[] = {
		{HF_OK, HF_STATUS_DONE},
		{HF_E_USAGE, HF_STATUS_USAGE},
		{HF_E_NOREPO, HF_STATUS_NO_REPOSITORY},
		{HF_E_KEY, HF_STATUS_KEY},
		{HF_E_CORRUPT, HF_STATUS_CHECK},
		{HF_E_CHECK, HF_STATUS_CHECK},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return table[i].status;
	return HF_STATUS_FAILED;
}
