/* OpenSSL's error queue as a struct hf_error; see crypto_internal.h. */
#include "crypto/crypto_internal.h"

#include <openssl/err.h>

int hf_openssl_fail(struct hf_error *err, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	char reason[256] = "OpenSSL gave no reason";
	if (e)
		ERR_error_string_n(e, reason, sizeof(reason));
	ERR_clear_error();
	if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
		return hf_fail(err, HF_E_NOMEM, "%s: out of memory", what);
	return hf_fail(err, HF_E_UNSUPPORTED, "%s: %s; check the OpenSSL installation and its openssl.cnf",
		what, reason);
}
