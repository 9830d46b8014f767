#include "gateway/mail/mail_schedule.h"

#include <errno.h>
#include <stdlib.h>

static void swap(struct mail_entry *a, struct mail_entry *b)
{
    struct mail_entry kept = *a;
    *a = *b;
    *b = kept;
}

static void rise(struct mail_heap *heap, size_t at)
{
    struct mail_entry *e = heap->entries;
    for (; at > 0 && e[at].next_ms < e[(at - 1) / 2].next_ms; at = (at - 1) / 2)
        swap(&e[at], &e[(at - 1) / 2]);
}

static void sink(struct mail_heap *heap, size_t at)
{
    struct mail_entry *e = heap->entries;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->count)
            return;
        if (child + 1 < heap->count && e[child + 1].next_ms < e[child].next_ms)
            child++;
        if (e[at].next_ms <= e[child].next_ms)
            return;
        swap(&e[at], &e[child]);
        at = child;
    }
}

int mail_schedule_put(struct mail_schedule *s, const struct mail_entry *entry)
{
    struct mail_heap *heap = &s->waiting;
    if (heap->count == heap->capacity) {
        size_t capacity = heap->capacity ? 2 * heap->capacity : 64;
        struct mail_entry *entries = reallocarray(heap->entries, capacity, sizeof *entries);
        if (!entries)
            return -ENOMEM;
        heap->entries = entries;
        heap->capacity = capacity;
    }
    heap->entries[heap->count] = *entry;
    rise(heap, heap->count++);
    return 0;
}

static void take(struct mail_heap *heap, size_t at)
{
    heap->entries[at] = heap->entries[--heap->count];
    if (at < heap->count) {
        sink(heap, at);
        rise(heap, at);
    }
}

static bool take_expired(struct mail_heap *heap, int64_t now_ms, struct mail_entry *out)
{
    for (size_t i = 0; i < heap->count; i++) {
        *out = heap->entries[i];
        if (out->expires_ms > 0 && out->expires_ms <= now_ms) {
            take(heap, i);
            return true;
        }
    }
    return false;
}

bool mail_schedule_take(struct mail_schedule *s, size_t under_way, size_t most, int64_t now_ms,
                        struct mail_entry *out, int64_t *next_ms)
{
    *next_ms = 0;
    if (s->waiting.count == 0 || under_way >= most)
        return false;
    if (s->down && take_expired(&s->waiting, now_ms, out))
        return true;
    if (s->down && under_way > 0)
        return false;
    int64_t at_ms = s->waiting.entries[0].next_ms;
    if (s->down && at_ms < s->hold_until_ms)
        at_ms = s->hold_until_ms;
    if (at_ms > now_ms) {
        *next_ms = at_ms;
        return false;
    }
    *out = s->waiting.entries[0];
    take(&s->waiting, 0);
    return true;
}

bool mail_schedule_note(struct mail_schedule *s, bool reached, int64_t now_ms)
{
    bool changed = s->down == reached;
    if (!reached && (!s->down || now_ms >= s->hold_until_ms)) {
        int64_t hold_ms = s->down ? 2 * s->hold_ms : s->first_ms;
        s->hold_ms = hold_ms < s->most_ms ? hold_ms : s->most_ms;
        s->hold_until_ms = now_ms + s->hold_ms;
    }
    s->down = !reached;
    return changed;
}

static int64_t delay_ms(const struct mail_schedule *s, uint32_t tries)
{
    int64_t ms = s->first_ms;
    for (uint32_t i = 1; i < tries && ms < s->most_ms; i++)
        ms *= 2;
    return ms < s->most_ms ? ms : s->most_ms;
}

int64_t mail_schedule_next(const struct mail_schedule *s, enum mail_outcome outcome, uint32_t tries,
                           int64_t now_ms, int64_t expires_ms)
{
    if (outcome == MAIL_SENT || outcome == MAIL_REFUSED || now_ms >= expires_ms)
        return 0;
    int64_t next_ms = outcome == MAIL_UNREACHABLE ? s->hold_until_ms : now_ms + delay_ms(s, tries);
    return next_ms < expires_ms ? next_ms : expires_ms;
}

bool mail_schedule_remove(struct mail_schedule *s, const struct fax_id *out)
{
    for (size_t i = 0; i < s->waiting.count; i++) {
        if (fax_id_equal(&s->waiting.entries[i].out, out)) {
            take(&s->waiting, i);
            return true;
        }
    }
    return false;
}

void mail_schedule_clear(struct mail_schedule *s)
{
    free(s->waiting.entries);
    s->waiting = (struct mail_heap){0};
}
