#include "policy/key_master.h"

#include <stdio.h>
#include <string.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/secret.h"
#include "policy/text_code.h"

static const char prefix[] = "sealfax-master-1 ";

enum {
    PREFIX_OCTETS = sizeof prefix - 1,
    NAME_OCTETS = 15, /* "sealfax-master-" */
    HEX_OCTETS = 2 * KEY_OCTETS,
    CHECK_OCTETS = 4,
    TEXT_OCTETS = PREFIX_OCTETS + HEX_OCTETS + 1 + 2 * CHECK_OCTETS
};

_Static_assert(TEXT_OCTETS + 2 <= KEY_MASTER_TEXT, "newline and NUL fit");

static int check_sum(const uint8_t master[KEY_OCTETS], uint8_t check[CHECK_OCTETS])
{
    uint8_t input[PREFIX_OCTETS + KEY_OCTETS], digest[32];
    memcpy(input, prefix, PREFIX_OCTETS);
    memcpy(input + PREFIX_OCTETS, master, KEY_OCTETS);
    int rc = aead_sha256(input, sizeof input, digest);
    if (rc == 0)
        memcpy(check, digest, CHECK_OCTETS);
    secret_wipe(input, sizeof input);
    secret_wipe(digest, sizeof digest);
    return rc;
}

int key_master_write(const uint8_t master[KEY_OCTETS], char text[KEY_MASTER_TEXT])
{
    uint8_t check[CHECK_OCTETS];
    int rc = check_sum(master, check);
    if (rc)
        return rc;
    memcpy(text, prefix, PREFIX_OCTETS);
    hex_encode(master, KEY_OCTETS, text + PREFIX_OCTETS);
    text[PREFIX_OCTETS + HEX_OCTETS] = ' ';
    hex_encode(check, CHECK_OCTETS, text + PREFIX_OCTETS + HEX_OCTETS + 1);
    text[TEXT_OCTETS] = '\n';
    text[TEXT_OCTETS + 1] = '\0';
    return 0;
}

static int refuse(int error, char *reason, const char *text)
{
    snprintf(reason, KEY_MASTER_REASON, "%s", text);
    return error;
}

static int parse_text(const char *text, size_t length, uint8_t *master, char *reason)
{
    uint8_t check[CHECK_OCTETS], expected[CHECK_OCTETS];
    if (length == 0)
        return refuse(FAX_EP_TRUNCATED, reason, "the master key is empty");
    if (length < PREFIX_OCTETS || memcmp(text, prefix, NAME_OCTETS) != 0)
        return refuse(FAX_EP_FORMAT, reason,
                      "not a master key: it does not begin with 'sealfax-master-1 '");
    if (memcmp(text, prefix, PREFIX_OCTETS) != 0)
        return refuse(FAX_EP_VERSION, reason,
                      "a version of master key that this program does not know");
    if (length != TEXT_OCTETS) {
        snprintf(reason, KEY_MASTER_REASON, "the master key has %zu characters, %d are expected",
                 length, TEXT_OCTETS);
        return length < TEXT_OCTETS ? FAX_EP_TRUNCATED : FAX_EP_FORMAT;
    }
    if (hex_decode(text + PREFIX_OCTETS, master, KEY_OCTETS) ||
        text[PREFIX_OCTETS + HEX_OCTETS] != ' ' ||
        hex_decode(text + PREFIX_OCTETS + HEX_OCTETS + 1, check, CHECK_OCTETS))
        return refuse(FAX_EP_FORMAT, reason,
                      "the master key holds something else than lower-case hex digits");
    if (check_sum(master, expected))
        return refuse(FAX_EP_CRYPTO, reason, "the check sum cannot be computed");
    if (!secret_equal(check, expected, sizeof check))
        return refuse(FAX_EP_MISMATCH, reason,
                      "the master key was altered or mistyped: its check sum differs");
    return 0;
}

int key_master_parse(const char *text, size_t length, uint8_t master[KEY_OCTETS],
                     char reason[KEY_MASTER_REASON])
{
    reason[0] = '\0';
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r' ||
                          text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    int rc = parse_text(text, length, master, reason);
    if (rc)
        secret_wipe(master, KEY_OCTETS);
    return rc;
}
