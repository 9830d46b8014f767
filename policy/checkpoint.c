#include "policy/checkpoint.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy_error.h"
#include "policy/text_code.h"
#include "policy/utf8.h"

static const char dash[] = "\xE2\x80\x94 "; /* U+2014 begins a signature line */
static const char time_word[] = "time ";

enum {
    DASH_OCTETS = sizeof dash - 1,
    TIME_WORD_OCTETS = sizeof time_word - 1,
    ROOT_TEXT = (MERKLE_HASH_OCTETS + 2) / 3 * 4,
    SIGNED_OCTETS = CHECKPOINT_KEY_ID_OCTETS + CHECKPOINT_SIGNATURE_OCTETS,
    SIGNED_TEXT = (SIGNED_OCTETS + 2) / 3 * 4,
    SIGNATURES_MAX = 16
};

/* A line of a note, without its newline. */
struct line {
    const char *text;
    size_t length;
};

/* A note being read line by line. */
struct note {
    const char *at;
    const char *end;
    size_t signed_length; /* octets that the signatures cover */
};

int checkpoint_write(const struct checkpoint *checkpoint, char text[CHECKPOINT_TEXT])
{
    char root[ROOT_TEXT + 1], time_line[40] = "";
    size_t origin = strnlen(checkpoint->origin, sizeof checkpoint->origin);
    if (origin == 0 || origin == sizeof checkpoint->origin || strchr(checkpoint->origin, '\n') ||
        checkpoint->time_us < 0)
        return FAX_EP_INVAL;
    base64_encode(checkpoint->root.octets, MERKLE_HASH_OCTETS, root);
    if (checkpoint->time_us > 0)
        snprintf(time_line, sizeof time_line, "%s%" PRId64 "\n", time_word, checkpoint->time_us);
    int written = snprintf(text, CHECKPOINT_TEXT, "%s\n%" PRIu64 "\n%s\n%s", checkpoint->origin,
                           checkpoint->size, root, time_line);
    return written > 0 && written < CHECKPOINT_TEXT ? 0 : FAX_EP_INVAL;
}

int checkpoint_attach(const char *text, const struct checkpoint_key *key,
                      const uint8_t signature[CHECKPOINT_SIGNATURE_OCTETS],
                      char note[CHECKPOINT_TEXT])
{
    uint8_t octets[SIGNED_OCTETS];
    char base64[SIGNED_TEXT + 1];
    size_t length = strnlen(text, CHECKPOINT_TEXT);
    if (length == 0 || length == CHECKPOINT_TEXT || text[length - 1] != '\n')
        return FAX_EP_INVAL;
    memcpy(octets, key->id, sizeof key->id);
    memcpy(octets + sizeof key->id, signature, CHECKPOINT_SIGNATURE_OCTETS);
    base64_encode(octets, sizeof octets, base64);
    int written = snprintf(note, CHECKPOINT_TEXT, "%s\n%s%s %s\n", text, dash, key->name, base64);
    return written > 0 && written < CHECKPOINT_TEXT ? 0 : FAX_EP_LIMIT;
}

static bool next_line(struct note *note, struct line *line)
{
    const char *newline = memchr(note->at, '\n', (size_t)(note->end - note->at));
    if (!newline)
        return false;
    *line = (struct line){note->at, (size_t)(newline - note->at)};
    note->at = newline + 1;
    return true;
}

/* Decimal without leading zeros. */
static int parse_decimal(const char *text, size_t length, uint64_t limit, uint64_t *value)
{
    *value = 0;
    if (length == 0 || length > 20 || (text[0] == '0' && length > 1))
        return FAX_EP_FORMAT;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return FAX_EP_FORMAT;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (*value > (limit - digit) / 10)
            return FAX_EP_FORMAT;
        *value = *value * 10 + digit;
    }
    return 0;
}

static int check_characters(const char *note, size_t length)
{
    if (length >= CHECKPOINT_TEXT)
        return FAX_EP_LIMIT;
    if (length == 0 || note[length - 1] != '\n' || !utf8_valid(note, length))
        return FAX_EP_FORMAT;
    for (size_t i = 0; i < length; i++)
        if ((uint8_t)note[i] < 0x20 && note[i] != '\n')
            return FAX_EP_FORMAT;
    return 0;
}

static int parse_extensions(struct note *note, struct checkpoint *checkpoint)
{
    struct line line;
    uint64_t time_us;
    while (next_line(note, &line)) {
        if (line.length == 0)
            return 0;
        if (line.length < TIME_WORD_OCTETS || memcmp(line.text, time_word, TIME_WORD_OCTETS) != 0)
            continue;
        if (checkpoint->time_us ||
            parse_decimal(line.text + TIME_WORD_OCTETS, line.length - TIME_WORD_OCTETS, INT64_MAX,
                          &time_us))
            return FAX_EP_FORMAT;
        checkpoint->time_us = (int64_t)time_us;
    }
    return FAX_EP_FORMAT; /* no blank line: no signatures */
}

/* Reads the text and the blank line; note->at is then at the first signature. */
static int parse_text(struct note *note, const char *bytes, size_t length,
                      struct checkpoint *checkpoint)
{
    struct line line;
    *checkpoint = (struct checkpoint){0};
    int rc = check_characters(bytes, length);
    if (rc)
        return rc;
    *note = (struct note){.at = bytes, .end = bytes + length};
    if (!next_line(note, &line) || line.length == 0 || line.length >= sizeof checkpoint->origin)
        return FAX_EP_FORMAT;
    memcpy(checkpoint->origin, line.text, line.length);
    if (!next_line(note, &line) ||
        parse_decimal(line.text, line.length, UINT64_MAX, &checkpoint->size))
        return FAX_EP_FORMAT;
    if (!next_line(note, &line) ||
        base64_decode(line.text, line.length, checkpoint->root.octets, MERKLE_HASH_OCTETS))
        return FAX_EP_FORMAT;
    rc = parse_extensions(note, checkpoint);
    note->signed_length = (size_t)(note->at - bytes) - 1;
    return rc;
}

/* A signature line taken apart; octets only when it has the length of an Ed25519 signature. */
struct signature {
    struct line name;
    bool ed25519;
    uint8_t octets[SIGNED_OCTETS];
};

static int parse_signature(const struct line *line, struct signature *signature)
{
    if (line->length <= DASH_OCTETS || memcmp(line->text, dash, DASH_OCTETS) != 0)
        return FAX_EP_FORMAT;
    const char *name = line->text + DASH_OCTETS, *end = line->text + line->length;
    const char *space = memchr(name, ' ', (size_t)(end - name));
    if (!space || space == name || memchr(name, '+', (size_t)(space - name)))
        return FAX_EP_FORMAT;
    const char *base64 = space + 1;
    size_t length = (size_t)(end - base64);
    if (length < 8 || length % 4 != 0)
        return FAX_EP_FORMAT;
    size_t padding = base64[length - 1] != '=' ? 0 : base64[length - 2] != '=' ? 1 : 2;
    uint8_t any[CHECKPOINT_TEXT];
    size_t octets = length / 4 * 3 - padding;
    if (octets <= CHECKPOINT_KEY_ID_OCTETS || base64_decode(base64, length, any, octets))
        return FAX_EP_FORMAT;
    *signature = (struct signature){.name = {name, (size_t)(space - name)},
                                    .ed25519 = octets == SIGNED_OCTETS};
    memcpy(signature->octets, any, octets < SIGNED_OCTETS ? octets : SIGNED_OCTETS);
    return 0;
}

static int parse_signatures(struct note *note, struct signature *signatures, size_t *count)
{
    struct line line;
    for (*count = 0; next_line(note, &line); ++*count) {
        if (*count == SIGNATURES_MAX)
            return FAX_EP_LIMIT;
        int rc = parse_signature(&line, &signatures[*count]);
        if (rc)
            return rc;
    }
    return *count > 0 && note->at == note->end ? 0 : FAX_EP_FORMAT;
}

int checkpoint_parse(const char *note, size_t length, struct checkpoint *checkpoint)
{
    struct note reading;
    struct signature signatures[SIGNATURES_MAX];
    size_t count;
    int rc = parse_text(&reading, note, length, checkpoint);
    return rc ? rc : parse_signatures(&reading, signatures, &count);
}

static const struct checkpoint_key *find_key(const struct signature *signature,
                                             const struct checkpoint_key *keys, size_t key_count)
{
    for (size_t i = 0; i < key_count; i++)
        if (strlen(keys[i].name) == signature->name.length &&
            memcmp(keys[i].name, signature->name.text, signature->name.length) == 0 &&
            memcmp(keys[i].id, signature->octets, sizeof keys[i].id) == 0)
            return &keys[i];
    return NULL;
}

static int verify_signature(const char *text, size_t length, const struct checkpoint_key *key,
                            const uint8_t *signature)
{
    int rc = FAX_EP_CRYPTO;
    EVP_PKEY *public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public_key,
                                                       sizeof key->public_key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (public_key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, public_key) == 1)
        rc = EVP_DigestVerify(context, signature, CHECKPOINT_SIGNATURE_OCTETS,
                              (const uint8_t *)text, length) == 1
                 ? 0
                 : FAX_EP_AUTH;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    return rc;
}

int checkpoint_verify(const char *note, size_t length, const struct checkpoint_key *keys,
                      size_t key_count, struct checkpoint *checkpoint)
{
    struct note reading;
    struct signature signatures[SIGNATURES_MAX];
    size_t count;
    bool good = false, own = false;
    int rc = parse_text(&reading, note, length, checkpoint);
    if (rc == 0)
        rc = parse_signatures(&reading, signatures, &count);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++) {
        const struct checkpoint_key *key = find_key(&signatures[i], keys, key_count);
        if (!key)
            continue;
        if (!signatures[i].ed25519)
            return FAX_EP_AUTH;
        rc = verify_signature(note, reading.signed_length, key,
                              signatures[i].octets + CHECKPOINT_KEY_ID_OCTETS);
        if (rc)
            return rc;
        good = true;
        own = own || strcmp(key->name, checkpoint->origin) == 0;
    }
    if (!good)
        return FAX_EP_AUTH;
    return own ? 0 : FAX_EP_MISMATCH;
}
