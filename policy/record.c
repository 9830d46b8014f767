#include "policy/record.h"

#include <openssl/evp.h>
#include <string.h>

#include "policy/policy_error.h"
#include "policy/record_private.h"
#include "policy/text_code.h"
#include "policy/utf8.h"

enum { ACTOR_OCTETS_MAX = 200, FAX_OCTETS = 36 };

static const char *const fixed_keys[] = {"actor", "event",   "fax",  "index",
                                         "node",  "outcome", "time", "v"};

void record_clear(struct record *record)
{
    record->error = 0;
    record->field_count = 0;
    record->text_used = 0;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool record_key_valid(const char *text, size_t length)
{
    if (length == 0 || length >= RECORD_KEY_TEXT || !is_lower(text[0]))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '_')
            return false;
    return true;
}

static bool key_fixed(const char *key)
{
    for (size_t i = 0; i < sizeof fixed_keys / sizeof *fixed_keys; i++)
        if (strcmp(fixed_keys[i], key) == 0)
            return true;
    return false;
}

static const struct record_field *find(const struct record *record, const char *key)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (strcmp(record->fields[i].key, key) == 0)
            return &record->fields[i];
    return NULL;
}

/* Makes room at the place of key, which keeps the fields sorted. */
static int insert_key(struct record *record, const char *key, struct record_field **field)
{
    size_t length = strnlen(key, RECORD_KEY_TEXT), at = record->field_count;
    if (!record_key_valid(key, length))
        return FAX_EP_INVAL;
    if (record->field_count == RECORD_FIELDS_MAX)
        return FAX_EP_LIMIT;
    while (at > 0 && strcmp(record->fields[at - 1].key, key) >= 0)
        at--;
    if (at < record->field_count && strcmp(record->fields[at].key, key) == 0)
        return FAX_EP_INVAL;
    memmove(record->fields + at + 1, record->fields + at,
            (record->field_count - at) * sizeof *record->fields);
    record->field_count++;
    *field = &record->fields[at];
    **field = (struct record_field){0};
    memcpy((*field)->key, key, length + 1);
    return 0;
}

int record_insert_string(struct record *record, const char *key, const char *value, size_t length)
{
    struct record_field *field;
    if (memchr(value, '\0', length) || !utf8_valid(value, length))
        return FAX_EP_INVAL;
    if (length >= sizeof record->text - record->text_used)
        return FAX_EP_LIMIT;
    int rc = insert_key(record, key, &field);
    if (rc)
        return rc;
    field->type = RECORD_STRING;
    field->offset = (uint32_t)record->text_used;
    field->length = (uint32_t)length;
    memcpy(record->text + record->text_used, value, length);
    record->text[record->text_used + length] = '\0';
    record->text_used += length + 1;
    return 0;
}

int record_insert_int(struct record *record, const char *key, int64_t value)
{
    struct record_field *field;
    if (value > RECORD_INT_MAX || value < -RECORD_INT_MAX)
        return FAX_EP_INVAL;
    int rc = insert_key(record, key, &field);
    if (rc)
        return rc;
    field->type = RECORD_INT;
    field->number = value;
    return 0;
}

static void keep(struct record *record, int rc)
{
    if (record->error == 0)
        record->error = rc;
}

static void put_string(struct record *record, const char *key, const char *value)
{
    if (record->error)
        return;
    size_t length = strnlen(value, RECORD_MAX);
    keep(record,
         length == RECORD_MAX ? FAX_EP_LIMIT : record_insert_string(record, key, value, length));
}

void record_begin(struct record *record, const struct record_head *head)
{
    record_clear(record);
    if (!head->node || !head->event || !head->actor || !head->outcome ||
        head->index > (uint64_t)RECORD_INT_MAX) {
        record->error = FAX_EP_INVAL;
        return;
    }
    keep(record, record_insert_int(record, "v", RECORD_VERSION));
    keep(record, record_insert_int(record, "index", (int64_t)head->index));
    keep(record, record_insert_int(record, "time", head->time_us));
    put_string(record, "node", head->node);
    put_string(record, "event", head->event);
    put_string(record, "actor", head->actor);
    put_string(record, "outcome", head->outcome);
    if (head->fax)
        put_string(record, "fax", head->fax);
    if (record->error == 0 && record_check_head(record))
        record->error = FAX_EP_INVAL;
}

void record_add_string(struct record *record, const char *key, const char *value)
{
    if (!value)
        return;
    if (key_fixed(key))
        keep(record, FAX_EP_INVAL);
    put_string(record, key, value);
}

void record_add_int(struct record *record, const char *key, int64_t value)
{
    if (key_fixed(key))
        keep(record, FAX_EP_INVAL);
    if (record->error == 0)
        record->error = record_insert_int(record, key, value);
}

void record_add_personal(struct record *record, const char *key, const char *value,
                         const uint8_t salt[RECORD_SALT_OCTETS])
{
    char commitment[RECORD_COMMITMENT_TEXT];
    if (!value || record->error)
        return;
    int rc = record_commitment(key, value, salt, commitment);
    if (rc)
        keep(record, rc);
    else
        record_add_string(record, key, commitment);
}

void record_set_index(struct record *record, uint64_t index)
{
    if (index > (uint64_t)RECORD_INT_MAX)
        keep(record, FAX_EP_INVAL);
    for (size_t i = 0; record->error == 0 && i < record->field_count; i++)
        if (strcmp(record->fields[i].key, "index") == 0)
            record->fields[i].number = (int64_t)index;
}

const char *record_string(const struct record *record, const char *key)
{
    const struct record_field *field = find(record, key);
    return field && field->type == RECORD_STRING ? record->text + field->offset : NULL;
}

bool record_int(const struct record *record, const char *key, int64_t *value)
{
    const struct record_field *field = find(record, key);
    if (!field || field->type != RECORD_INT)
        return false;
    *value = field->number;
    return true;
}

void record_head_get(const struct record *record, struct record_head *head)
{
    int64_t index = 0;
    *head = (struct record_head){.node = record_string(record, "node"),
                                 .event = record_string(record, "event"),
                                 .actor = record_string(record, "actor"),
                                 .outcome = record_string(record, "outcome"),
                                 .fax = record_string(record, "fax")};
    if (!record_int(record, "time", &head->time_us))
        head->time_us = 0;
    if (record_int(record, "index", &index) && index >= 0)
        head->index = (uint64_t)index;
}

static bool node_valid(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length >= RECORD_NODE_TEXT || !(is_lower(text[0]) || is_digit(text[0])))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_lower(text[i]) && !is_digit(text[i]) && text[i] != '.' && text[i] != '-')
            return false;
    return true;
}

static bool event_valid(const char *text)
{
    size_t length = strlen(text);
    bool word = false;
    for (size_t i = 0; i < length; i++) {
        bool dot = text[i] == '.';
        if (dot ? !word : !is_lower(text[i]) && !is_digit(text[i]) && text[i] != '_')
            return false;
        word = !dot;
    }
    return word && length < RECORD_EVENT_TEXT;
}

static bool outcome_valid(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if (!is_lower(text[i]) && text[i] != '_')
            return false;
    return length > 0 && length < RECORD_OUTCOME_TEXT;
}

static bool fax_valid(const char *text)
{
    if (strlen(text) != FAX_OCTETS)
        return false;
    for (int i = 0; i < FAX_OCTETS; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
            return false;
    }
    return true;
}

int record_check_head(const struct record *record)
{
    struct record_head head;
    int64_t version, index, time_us;
    if (!record_int(record, "v", &version))
        return FAX_EP_FORMAT;
    if (version != RECORD_VERSION)
        return FAX_EP_VERSION;
    record_head_get(record, &head);
    if (!record_int(record, "index", &index) || index < 0 ||
        !record_int(record, "time", &time_us) || time_us < 0 || !head.node || !head.event ||
        !head.actor || !head.outcome || (find(record, "fax") && !head.fax))
        return FAX_EP_FORMAT;
    size_t actor = strlen(head.actor);
    if (!node_valid(head.node) || !event_valid(head.event) || !outcome_valid(head.outcome) ||
        actor == 0 || actor > ACTOR_OCTETS_MAX || (head.fax && !fax_valid(head.fax)))
        return FAX_EP_FORMAT;
    return 0;
}

int record_commitment(const char *key, const char *value, const uint8_t salt[RECORD_SALT_OCTETS],
                      char text[RECORD_COMMITMENT_TEXT])
{
    static const char prefix[] = "sha256:";
    uint8_t digest[32];
    int rc = FAX_EP_CRYPTO;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return FAX_EP_NOMEM;
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
        EVP_DigestUpdate(context, salt, RECORD_SALT_OCTETS) == 1 &&
        EVP_DigestUpdate(context, "", 1) == 1 && EVP_DigestUpdate(context, key, strlen(key)) == 1 &&
        EVP_DigestUpdate(context, "", 1) == 1 &&
        EVP_DigestUpdate(context, value, strlen(value)) == 1 &&
        EVP_DigestFinal_ex(context, digest, NULL) == 1)
        rc = 0;
    EVP_MD_CTX_free(context);
    if (rc)
        return rc;
    memcpy(text, prefix, sizeof prefix);
    hex_encode(digest, sizeof digest, text + sizeof prefix - 1);
    return 0;
}

int record_check_personal(const struct record *record, const char *key, const char *value,
                          const uint8_t salt[RECORD_SALT_OCTETS])
{
    char expected[RECORD_COMMITMENT_TEXT];
    const char *found = record_string(record, key);
    int rc = record_commitment(key, value, salt, expected);
    if (rc)
        return rc;
    return found && strcmp(found, expected) == 0 ? 0 : FAX_EP_MISMATCH;
}
