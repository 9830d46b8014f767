#include "gateway/control/t38_refusals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decision.h"
#include "policy/number.h"
#include "t38/t30_result.h"

struct refusal {
    char trunk[POLICY_NAME_TEXT];
    char number[NUMBER_TEXT];
    uint64_t until_ms;
    bool cleared; /* the trunk has taken T.38 since: counts for its number alone */
};

/* Few calls are made a second: the list is searched. */
struct t38_refusals {
    struct refusal *list;
    size_t count, capacity;
};

bool t38_refusals_is_mute(const struct msg_call_done *done)
{
    if (done->media_seen > 0 || done->result == T30_RESULT_OK)
        return false;
    return done->result == T30_RESULT_MEDIA_SILENT || done->media_ms >= T38_MUTE_MS ||
           done->packets_rtp >= T38_MUTE_RTP;
}

int t38_refusals_new(struct t38_refusals **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -ENOMEM;
}

void t38_refusals_free(struct t38_refusals *r)
{
    if (!r)
        return;
    free(r->list);
    free(r);
}

static void drop(struct t38_refusals *r, size_t at)
{
    r->list[at] = r->list[--r->count];
}

static void drop_expired(struct t38_refusals *r, uint64_t now_ms)
{
    for (size_t i = r->count; i > 0; i--)
        if (r->list[i - 1].until_ms <= now_ms)
            drop(r, i - 1);
}

static void drop_first_to_expire(struct t38_refusals *r)
{
    size_t first = 0;
    for (size_t i = 1; i < r->count; i++)
        if (r->list[i].until_ms < r->list[first].until_ms)
            first = i;
    drop(r, first);
}

static struct refusal *find(const struct t38_refusals *r, const char *trunk, const char *number)
{
    for (size_t i = 0; i < r->count; i++)
        if (!strcmp(r->list[i].number, number) && !strcmp(r->list[i].trunk, trunk))
            return &r->list[i];
    return NULL;
}

static struct refusal *append(struct t38_refusals *r, uint64_t now_ms)
{
    drop_expired(r, now_ms);
    if (r->count == T38_REFUSALS_MAX)
        drop_first_to_expire(r);
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 16;
        struct refusal *list = realloc(r->list, capacity * sizeof *list);
        if (!list)
            return NULL;
        r->list = list;
        r->capacity = capacity;
    }
    return &r->list[r->count++];
}

bool t38_refusals_note(struct t38_refusals *r, const char *trunk, const char *number,
                       uint64_t now_ms, uint64_t until_ms)
{
    struct refusal *known = find(r, trunk, number);
    bool is_news = !known || known->until_ms <= now_ms;
    if (!known) {
        known = append(r, now_ms);
        if (!known)
            return false;
        snprintf(known->trunk, sizeof known->trunk, "%s", trunk);
        snprintf(known->number, sizeof known->number, "%s", number);
    }
    known->until_ms = until_ms;
    known->cleared = false;
    return is_news;
}

const char *t38_refusals_find(const struct t38_refusals *r, const char *trunk, const char *number,
                              uint64_t now_ms)
{
    unsigned others = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct refusal *one = &r->list[i];
        if (one->until_ms <= now_ms || strcmp(one->trunk, trunk) != 0)
            continue;
        if (!strcmp(one->number, number))
            return "number";
        others += !one->cleared;
    }
    return others >= T38_REFUSALS_OF_A_TRUNK ? "trunk" : NULL;
}

size_t t38_refusals_forget(struct t38_refusals *r, const char *trunk, const char *number)
{
    size_t forgotten = 0;
    for (size_t i = r->count; i > 0; i--) {
        struct refusal *one = &r->list[i - 1];
        if (strcmp(one->trunk, trunk) != 0)
            continue;
        one->cleared = true;
        if (!number || !strcmp(one->number, number)) {
            drop(r, i - 1);
            forgotten++;
        }
    }
    return forgotten;
}
