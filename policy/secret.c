#include "policy/secret.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "policy/policy_error.h"

void secret_wipe(void *bytes, size_t length)
{
    if (bytes && length)
        OPENSSL_cleanse(bytes, length);
}

bool secret_equal(const void *a, const void *b, size_t length)
{
    return length == 0 || CRYPTO_memcmp(a, b, length) == 0;
}

int secret_random(void *out, size_t length)
{
    if (length <= INT_MAX && RAND_priv_bytes(out, (int)length) == 1)
        return 0;
    secret_wipe(out, length);
    return FAX_EP_CRYPTO;
}
