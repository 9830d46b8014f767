#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "gateway/audit/audit_private.h"
#include "gateway/audit/drain_project.h"
#include "gateway/wall_clock.h"
#include "policy/event_types.h"
#include "policy/policy_error.h"
#include "policy/utf8.h"

static int to_errno(int error)
{
    switch ((enum policy_error)error) {
    case POLICY_OK:
        return 0;
    case FAX_EP_NOMEM:
        return -ENOMEM;
    case FAX_EP_LIMIT:
        return -E2BIG;
    case FAX_EP_CRYPTO:
        return -EIO;
    case FAX_EP_FORMAT:
    case FAX_EP_VERSION:
    case FAX_EP_AUTH:
    case FAX_EP_INVAL:
    case FAX_EP_MISMATCH:
    case FAX_EP_TRUNCATED:
        break;
    }
    return -EINVAL;
}

/* Personal whatever the caller says: no number or name reaches a record by a slip. */
static bool is_personal(const struct event_type *type, const struct audit_field *field)
{
    static const char *const always[] = {"from",      "to",     "from_numbers", "to_numbers",
                                         "full_name", "number", "peer_ident"};
    if (field->kind == AUDIT_PERSONAL || (type && event_key_is_personal(type, field->key)))
        return true;
    for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
        if (strcmp(always[i], field->key) == 0)
            return true;
    return false;
}

static int add_personal(struct record *record, struct audit_built *built, const char *key,
                        const char *text)
{
    if (built->side_count >= JOURNAL_SIDES_MAX || strlen(key) >= RECORD_KEY_TEXT)
        return -EINVAL;
    struct journal_side *side = &built->sides[built->side_count];
    if (RAND_bytes(side->salt, sizeof(side->salt)) != 1)
        return -EIO;
    snprintf(side->key, sizeof(side->key), "%s", key);
    side->value = text;
    side->value_length = strlen(text);
    built->side_count++;
    record_add_personal(record, key, text, side->salt);
    return 0;
}

/* What a peer sent may be no text at all; a record, and the journal that holds it, must be. An
 * event is not lost for that: what is no text is replaced. Returns NULL when there is no more room.
 */
static const char *clean_text(struct audit_built *built, const char *text)
{
    size_t length = strlen(text);
    if (utf8_valid(text, length))
        return text;
    if (length >= sizeof(built->clean) - built->clean_used)
        return NULL;
    char *clean = built->clean + built->clean_used;
    memcpy(clean, text, length + 1);
    (void)utf8_clean(clean);
    built->clean_used += length + 1;
    return clean;
}

static int add_field(struct record *record, struct audit_built *built,
                     const struct event_type *type, const struct audit_field *field)
{
    const char *text = field->text ? field->text : "";
    if (!field->key)
        return -EINVAL;
    if (field->kind != AUDIT_INTEGER && strlen(text) > AUDIT_TEXT_MAX)
        return -E2BIG;
    text = clean_text(built, text);
    if (!text)
        return -E2BIG;
    if (field->kind == AUDIT_INTEGER)
        record_add_int(record, field->key, field->integer);
    else if (is_personal(type, field))
        return add_personal(record, built, field->key, text);
    else
        record_add_string(record, field->key, text);
    return 0;
}

int audit_event_build(const struct audit *audit, const struct audit_event *event,
                      struct audit_built *built)
{
    const struct event_type *type = event->type ? event_type_find(event->type) : NULL;
    if (!event->type || !event->actor || (!type && !projection_find(event->type)) ||
        event->count > AUDIT_FIELDS_MAX)
        return -EINVAL;
    char fax[FAX_ID_TEXT];
    if (event->fax)
        fax_id_text(event->fax, fax);
    struct record record;
    struct record_head head = {
        .node = audit->node,
        .index = journal_next_index(audit->journal),
        .time_us = wall_clock_us(),
        .event = event->type,
        .actor = event->actor,
        .outcome = event->outcome ? event->outcome : "ok",
        .fax = event->fax ? fax : NULL,
    };
    record_begin(&record, &head);
    built->side_count = built->clean_used = 0;
    int error = 0;
    for (size_t i = 0; i < event->count && !error; i++)
        error = add_field(&record, built, type, &event->fields[i]);
    if (!error)
        error =
            to_errno(record_finish(&record, built->record, sizeof(built->record), &built->length));
    return error;
}
