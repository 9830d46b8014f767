#include <errno.h>
#include <stdlib.h>

#include "gateway/mail/mail_out_private.h"

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

int mail_heap_push(struct mail_heap *heap, const struct mail_entry *entry)
{
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

void mail_heap_pop(struct mail_heap *heap, struct mail_entry *out)
{
    *out = heap->entries[0];
    take(heap, 0);
}

bool mail_heap_remove(struct mail_heap *heap, const struct fax_id *out)
{
    for (size_t i = 0; i < heap->count; i++) {
        if (fax_id_equal(&heap->entries[i].out, out)) {
            take(heap, i);
            return true;
        }
    }
    return false;
}

void mail_heap_free(struct mail_heap *heap)
{
    free(heap->entries);
    heap->entries = NULL;
    heap->count = heap->capacity = 0;
}
