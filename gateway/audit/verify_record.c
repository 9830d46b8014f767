#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "gateway/audit/verify_run.h"

static bool same_json(const char *json, const uint8_t *bytes, size_t length)
{
    json_t *column = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    json_t *octets = json_loadb((const char *)bytes, length, JSON_REJECT_DUPLICATES, NULL);
    bool same = column && octets && json_equal(column, octets);
    json_decref(column);
    json_decref(octets);
    return same;
}

/* Octets that are no record are a finding of the verifier. */
void verify_check_columns(struct verify_run *run)
{
    const struct verify_row *row = &run->row;
    struct record_head head;
    if (record_parse(row->bytes, row->length, &run->parsed) != 0)
        return;
    record_head_get(&run->parsed, &head);
    const char *wrong = NULL;
    if (head.time_us != row->time_us)
        wrong = "time";
    else if (strcmp(head.event, row->event) != 0)
        wrong = "event";
    else if (strcmp(head.actor, row->actor) != 0)
        wrong = "actor";
    else if (strcmp(head.outcome, row->outcome) != 0)
        wrong = "outcome";
    else if (strcmp(head.fax ? head.fax : "", row->fax) != 0)
        wrong = "fax";
    else if (!same_json(row->json, row->bytes, row->length))
        wrong = "record";
    if (wrong)
        verify_find(run, AUDIT_ROW_COLUMNS, row->index, "the column %s is not what the octets say",
                    wrong);
}

static uint64_t count_commitments(const uint8_t *bytes, size_t length)
{
    static const char mark[] = ":\"sha256:";
    uint64_t count = 0;
    const uint8_t *end = bytes + length;
    for (const uint8_t *at = memmem(bytes, length, mark, sizeof(mark) - 1); at;
         at = memmem(at + 1, (size_t)(end - at - 1), mark, sizeof(mark) - 1))
        count++;
    return count;
}

void verify_check_sides(struct verify_run *run)
{
    const struct journal_entry *entry = &run->entry;
    if (record_parse(entry->record, entry->record_length, &run->parsed) != 0)
        return;
    uint64_t right = 0;
    for (size_t i = 0; i < entry->side_count; i++) {
        const struct journal_side *side = &entry->sides[i];
        char value[JOURNAL_SIDE_VALUE_MAX + 1];
        memcpy(value, side->value, side->value_length);
        value[side->value_length] = '\0';
        if (record_check_personal(&run->parsed, side->key, value, side->salt) == 0)
            right++;
        else
            verify_find(run, AUDIT_PERSONAL_ALTERED, entry->index,
                        "the value of %s in the side file is not what was recorded", side->key);
    }
    uint64_t all = count_commitments(entry->record, entry->record_length);
    run->result->personal_values += right;
    run->result->personal_disposed += all > entry->side_count ? all - entry->side_count : 0;
}

int verify_check_values(struct verify_run *run, uint64_t index, const uint8_t *bytes, size_t length)
{
    bool parsed = bytes && record_parse(bytes, length, &run->parsed) == 0;
    struct verify_value value;
    int got;
    while ((got = verify_rows_value(run->rows, index, &value)) == 1) {
        const char *commitment =
            parsed && value.index == index ? record_string(&run->parsed, value.key) : NULL;
        if (parsed && (!commitment || strcmp(commitment, value.commitment) != 0))
            verify_find(run, AUDIT_PERSONAL_ALTERED, value.index,
                        "the value of %s is not what was recorded", value.key);
        else if (parsed && !run->cursor)
            run->result->personal_values++;
    }
    return got;
}
