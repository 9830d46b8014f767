/* A note, and the same bytes as a verifier key. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/checkpoint.h"
#include "policy/policy_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_key(const uint8_t *data, size_t size)
{
    char text[CHECKPOINT_KEY_TEXT + 32] = "", again[CHECKPOINT_KEY_TEXT];
    struct checkpoint_key key;
    if (size >= sizeof text)
        return;
    memcpy(text, data, size);
    if (checkpoint_key_parse(text, &key))
        return;
    if (checkpoint_key_write(&key, again) || strcmp(again, text) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char verifier[] =
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    struct checkpoint checkpoint;
    struct checkpoint_key key;
    char text[CHECKPOINT_TEXT];
    read_key(data, size);
    if (checkpoint_key_parse(verifier, &key))
        abort();
    int parsed = checkpoint_parse((const char *)data, size, &checkpoint);
    int verified = checkpoint_verify((const char *)data, size, &key, 1, &checkpoint);
    if (parsed && verified != parsed)
        abort();
    if (parsed == 0 && checkpoint_write(&checkpoint, text))
        abort();
    return 0;
}
