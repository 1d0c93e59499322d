/* Requests by kind; see requests.h. */
#include "ops/requests.h"

json_t *hf_requests_json(const struct hf_store_counts *c)
{
	json_t *j = json_object();
	json_object_set_new(j, "get", json_integer((json_int_t)c->get));
	json_object_set_new(j, "put", json_integer((json_int_t)c->put));
	json_object_set_new(j, "list", json_integer((json_int_t)c->list));
	json_object_set_new(j, "head", json_integer((json_int_t)c->head));
	json_object_set_new(j, "delete", json_integer((json_int_t)c->erased));
	return j;
}
