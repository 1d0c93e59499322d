/* What an operation asked of the store, for evidence and results. */
#ifndef HF_OPS_REQUESTS_H
#define HF_OPS_REQUESTS_H

#include "base/json.h"
#include "store/store.h"

/* {"get","put","list","head","delete"}, each as a number. New reference. */
json_t *hf_requests_json(const struct hf_store_counts *counts);

#endif
