/* A record: whatever is accepted must be exactly what is written for it, and what jansson reads. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record record;
    static uint8_t again[RECORD_MAX];
    struct record_head head;
    size_t length;
    if (record_parse(data, size, &record))
        return 0;
    if (record_finish(&record, again, sizeof again, &length) || length != size ||
        memcmp(again, data, size) != 0)
        abort();
    record_head_get(&record, &head);
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    const char *actor = json_string_value(json_object_get(json, "actor"));
    if (!json || !actor || strcmp(actor, head.actor) != 0 ||
        json_object_size(json) != record.field_count ||
        (uint64_t)json_integer_value(json_object_get(json, "index")) != head.index)
        abort();
    json_decref(json);
    return 0;
}
