/* What the files of this room share: OpenSSL's own word for a failure, turned into ours. */
#ifndef HF_CRYPTO_INTERNAL_H
#define HF_CRYPTO_INTERNAL_H

#include "base/error.h"

/* Makes an error of what OpenSSL last complained about on this thread, and empties its queue. `what` is what
 * was attempted ("derive a key with HKDF"). These are failures of memory or of the installation (a provider
 * that is missing or restricted), never of the data: the code is HF_E_NOMEM or HF_E_UNSUPPORTED. */
int hf_openssl_fail(struct hf_error *err, const char *what);

#endif
