#include "gateway/audit/drain_groups.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1024 };

/* The columns for searching come out of the record itself; its octets end at the line feed, which
 * no record can hold. */
static const struct db_statement records_insert = {
    .name = "drain_records",
    .sql = "WITH e AS MATERIALIZED (SELECT t.b, t.b::jsonb AS r, $2::bigint + t.o - 1 AS i FROM "
           "string_to_table($3::text, E'\\n') WITH ORDINALITY AS t(b, o)) "
           "INSERT INTO audit_record (time, node, index, event, actor, outcome, fax, bytes, "
           "record) SELECT timestamptz '1970-01-01 00:00:00+00' + (r->>'time')::bigint * interval "
           "'1 microsecond', $1, i, r->>'event', r->>'actor', "
           "r->>'outcome', nullif(r->>'fax', '')::uuid, convert_to(b, 'UTF8'), r FROM e "
           "ON CONFLICT DO NOTHING",
    .parameters = 3,
};

static const struct db_statement personal_insert = {
    .name = "drain_personal",
    .sql = "INSERT INTO audit_personal (node, index, key, salt, value) SELECT $1, e.i, v.key, "
           "decode(e.s->>v.key, 'hex'), v.value FROM jsonb_to_recordset($2::jsonb) AS e(i bigint, "
           "p jsonb, s jsonb), jsonb_each_text(e.p) AS v ON CONFLICT DO NOTHING",
    .parameters = 2,
};

struct text {
    char *octets;
    size_t length, capacity;
};

struct group {
    const struct projection *projection;
    struct text events; /* a JSON array without its end */
};

/* The last group of a fax. */
struct slot {
    char fax[40];
    bool used;
    int group;
};

struct drain_groups {
    uint64_t first;
    size_t count;
    struct text records, personal;
    struct group groups[DRAIN_GROUPS_MAX];
    size_t group_count;
    int floor; /* the group that all that comes now goes behind; -1: none */
    struct slot slots[SLOTS];
};

struct drain_groups *drain_groups_new(void)
{
    struct drain_groups *groups = calloc(1, sizeof(struct drain_groups));
    if (groups)
        groups->floor = -1;
    return groups;
}

void drain_groups_free(struct drain_groups *groups)
{
    if (!groups)
        return;
    for (size_t i = 0; i < groups->group_count; i++)
        free(groups->groups[i].events.octets);
    free(groups->records.octets);
    free(groups->personal.octets);
    free(groups);
}

static int append(struct text *text, const char *const pieces[], size_t count)
{
    size_t more = 1;
    for (size_t i = 0; i < count; i++)
        more += strlen(pieces[i]);
    if (text->length + more > text->capacity) {
        size_t capacity = (text->length + more) * 2;
        char *octets = realloc(text->octets, capacity);
        if (!octets)
            return -ENOMEM;
        text->octets = octets;
        text->capacity = capacity;
    }
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(pieces[i]);
        memcpy(text->octets + text->length, pieces[i], length);
        text->length += length;
    }
    text->octets[text->length] = '\0';
    return 0;
}

/* By the random end of the identifier; "" is the one slot of all events without a fax. */
static struct slot *find_slot(struct drain_groups *groups, const char *fax)
{
    size_t at = 0;
    for (const char *c = fax; *c; c++)
        at = at * 31 + (unsigned char)*c;
    struct slot *slot;
    for (;; at++) {
        slot = &groups->slots[at % SLOTS];
        if (!slot->used || strcmp(slot->fax, fax) == 0)
            break;
    }
    if (!slot->used) {
        slot->used = true;
        slot->group = -1;
        snprintf(slot->fax, sizeof(slot->fax), "%s", fax);
    }
    return slot;
}

/* Returns the number of the group or -ENOBUFS. */
static int find_group(struct drain_groups *groups, const struct projection *projection, int last)
{
    bool same = last >= 0 && projection->order == MANY_OF_A_FAX &&
                groups->groups[last].projection == projection;
    for (size_t i = (size_t)(same ? last : last + 1); i < groups->group_count; i++)
        if (groups->groups[i].projection == projection)
            return (int)i;
    if (groups->group_count == DRAIN_GROUPS_MAX)
        return -ENOBUFS;
    groups->groups[groups->group_count].projection = projection;
    return (int)groups->group_count++;
}

static int add_effects(struct drain_groups *groups, const struct drain_record *record,
                       const char *index)
{
    const struct projection *projection = projection_find(record->event);
    if (!projection)
        return 0;
    struct slot *slot = find_slot(groups, record->fax);
    int last = slot->group > groups->floor ? slot->group : groups->floor;
    if (projection->order == BETWEEN_FAXES)
        last = (int)groups->group_count - 1;
    int number = find_group(groups, projection, last);
    if (number < 0)
        return number;
    if (projection->order == BETWEEN_FAXES)
        groups->floor = number;
    struct text *events = &groups->groups[number].events;
    const char *const pieces[] = {events->length ? ",{\"i\":" : "[{\"i\":",
                                  index,
                                  ",\"r\":",
                                  record->text,
                                  ",\"p\":",
                                  record->personal,
                                  "}"};
    slot->group = number;
    return append(events, pieces, sizeof(pieces) / sizeof(*pieces));
}

int drain_groups_add(struct drain_groups *groups, const struct drain_record *record, bool effects)
{
    char index[24];
    snprintf(index, sizeof(index), "%" PRIu64, record->index);
    if (groups->count == DRAIN_GROUP_RECORDS_MAX)
        return -ENOBUFS;
    int error = effects ? add_effects(groups, record, index) : 0;
    if (error)
        return error;
    if (groups->count++ == 0)
        groups->first = record->index;
    const char *const line[] = {groups->records.length ? "\n" : "", record->text};
    error = append(&groups->records, line, 2);
    if (error || !record->has_sides)
        return error;
    const char *const values[] = {groups->personal.length ? ",{\"i\":" : "[{\"i\":",
                                  index,
                                  ",\"p\":",
                                  record->personal,
                                  ",\"s\":",
                                  record->salts,
                                  "}"};
    return append(&groups->personal, values, sizeof(values) / sizeof(*values));
}

/* The end of an array is not part of what is gathered: more may come. */
static int queue_array(const struct db_statement *statement, const char *node,
                       const struct text *array, struct db_batch *batch)
{
    struct text whole = {0};
    const char *const pieces[] = {array->octets, "]"};
    int error = append(&whole, pieces, 2);
    if (!error) {
        const char *parameters[PROJECT_PARAMETERS] = {node, whole.octets};
        error = db_batch_add(batch, statement, parameters);
    }
    free(whole.octets);
    return error;
}

int drain_groups_queue(const struct drain_groups *groups, const char *node, struct db_batch *batch)
{
    char first[24];
    snprintf(first, sizeof(first), "%" PRIu64, groups->first);
    const char *parameters[] = {node, first, groups->records.octets};
    int error = groups->count ? db_batch_add(batch, &records_insert, parameters) : 0;
    if (!error && groups->personal.length)
        error = queue_array(&personal_insert, node, &groups->personal, batch);
    for (size_t i = 0; i < groups->group_count && !error; i++) {
        const struct group *group = &groups->groups[i];
        for (size_t k = 0; group->projection->statements[k] && !error; k++)
            error = queue_array(group->projection->statements[k], node, &group->events, batch);
    }
    return error;
}
