/* URLs as applications have them, for libpq. */
#ifndef HF_SOURCE_POSTGRES_URL_H
#define HF_SOURCE_POSTGRES_URL_H

/* A copy of a postgresql:// URL without the parameters that libpq does not know: applications put their own beside them (schema,
 * pool, connection_limit, …), and libpq refuses the whole for one. To be freed; NULL without memory. */
char *hf_pg_url_plain(const char *url);

#endif
