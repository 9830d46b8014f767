#include "gateway/line/call_wheel.h"

#include <assert.h>
#include <stddef.h>

static void list_init(struct call_wheel_entry *head)
{
    head->next = head;
    head->previous = head;
}

static void list_append(struct call_wheel_entry *head, struct call_wheel_entry *entry)
{
    entry->previous = head->previous;
    entry->next = head;
    head->previous->next = entry;
    head->previous = entry;
}

static void list_unlink(struct call_wheel_entry *entry)
{
    entry->previous->next = entry->next;
    entry->next->previous = entry->previous;
    entry->next = NULL;
    entry->previous = NULL;
}

void call_wheel_init(struct call_wheel *wheel, uint64_t now_ms)
{
    for (unsigned i = 0; i < CALL_WHEEL_SLOTS; i++) {
        list_init(&wheel->slots[i]);
        wheel->counts[i] = 0;
    }
    wheel->origin_ms = now_ms;
    wheel->steps = 0;
}

void call_wheel_add(struct call_wheel *wheel, struct call_wheel_entry *entry)
{
    assert(entry->next == NULL);
    unsigned slot = 0;

    for (unsigned i = 1; i < CALL_WHEEL_SLOTS; i++)
        if (wheel->counts[i] < wheel->counts[slot])
            slot = i;
    entry->slot = slot;
    wheel->counts[slot]++;
    list_append(&wheel->slots[slot], entry);
}

void call_wheel_remove(struct call_wheel *wheel, struct call_wheel_entry *entry)
{
    if (entry->next == NULL)
        return;
    wheel->counts[entry->slot]--;
    list_unlink(entry);
}

/* The slot's entries move to a list of their own and go back one by one before they are visited:
 * whatever a visit removes or adds, each is met once. */
static void run_slot(struct call_wheel *wheel, unsigned slot, uint64_t now_ms, call_wheel_cb *visit,
                     void *user)
{
    struct call_wheel_entry *head = &wheel->slots[slot];
    struct call_wheel_entry waiting;

    if (head->next == head)
        return;
    waiting.next = head->next;
    waiting.previous = head->previous;
    waiting.next->previous = &waiting;
    waiting.previous->next = &waiting;
    list_init(head);
    while (waiting.next != &waiting) {
        struct call_wheel_entry *entry = waiting.next;

        list_unlink(entry);
        list_append(head, entry);
        visit(user, entry, now_ms);
    }
}

void call_wheel_advance(struct call_wheel *wheel, uint64_t now_ms, call_wheel_cb *visit, void *user)
{
    uint64_t due = now_ms < wheel->origin_ms ? 0 : (now_ms - wheel->origin_ms) / CALL_WHEEL_STEP_MS;

    if (due > wheel->steps + CALL_WHEEL_SLOTS)
        wheel->steps = due - CALL_WHEEL_SLOTS;
    while (wheel->steps < due) {
        unsigned slot = (unsigned)(wheel->steps % CALL_WHEEL_SLOTS);

        wheel->steps++;
        run_slot(wheel, slot, now_ms, visit, user);
    }
}
