/* Random bytes by getrandom(2), which keeps no state in the process; wiping and comparing by OpenSSL. See
 * random.h. */
#include "crypto/random.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void hf_random(void *out, size_t len)
{
	uint8_t *p = out;
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		p += n;
		len -= (size_t)n;
	}
}

void hf_wipe(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}

bool hf_equal(const void *a, const void *b, size_t len)
{
	return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}
