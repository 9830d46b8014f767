/* sip_digest_fuzz.c: whatever digest_read takes can be answered, and the answer read again. */
#include "gateway/sip/digest.h"

#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest_params challenge, read;
    char out[2 * DIGEST_HEADER_MAX];

    if (digest_read(&challenge, (const char *)data, size) != 0)
        return 0;
    int n =
        digest_answer(&challenge, &(struct digest_use){"user", "00", "INVITE", "sip:a@b", 1, "c"},
                      out, sizeof out);
    if (n < 0)
        return 0; /* a quote inside a text, or another qop */
    if (n <= DIGEST_HEADER_MAX && digest_read(&read, out, (size_t)n) != 0)
        abort();
    if (n <= DIGEST_HEADER_MAX &&
        (strcmp(read.realm, challenge.realm) != 0 || strcmp(read.nonce, challenge.nonce) != 0))
        abort();
    return 0;
}
