#include "gateway/line/call_wheel.h"

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

static void list_move_all(struct call_wheel_entry *to, struct call_wheel_entry *from)
{
    if (from->next == from)
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}

void call_wheel_init(struct call_wheel *wheel, uint64_t now_ms)
{
    for (unsigned i = 0; i < CALL_WHEEL_SLOTS; i++)
        list_init(&wheel->slots[i]);
    list_init(&wheel->waiting);
    wheel->count = 0;
    wheel->origin_ms = now_ms;
    wheel->steps = 0;
}

/* The step at which due_ms is reached: not one already run, and none beyond one turn. */
static uint64_t step_of(const struct call_wheel *wheel, uint64_t due_ms)
{
    uint64_t first = wheel->steps + 1, last = wheel->steps + CALL_WHEEL_SLOTS - 1, step = first;

    if (due_ms > wheel->origin_ms)
        step = (due_ms - wheel->origin_ms - 1) / CALL_WHEEL_STEP_MS + 1;
    if (step < first)
        return first;
    return step < last ? step : last;
}

void call_wheel_want(struct call_wheel *wheel, struct call_wheel_entry *entry, uint64_t due_ms)
{
    uint64_t step = step_of(wheel, due_ms);

    if (entry->next != NULL) {
        if (entry->step <= step)
            return;
        call_wheel_remove(wheel, entry);
    }
    entry->step = step;
    wheel->count++;
    list_append(&wheel->slots[step % CALL_WHEEL_SLOTS], entry);
}

void call_wheel_remove(struct call_wheel *wheel, struct call_wheel_entry *entry)
{
    if (entry->next == NULL)
        return;
    wheel->count--;
    list_unlink(entry);
}

static void collect_due(struct call_wheel *wheel, uint64_t now_ms)
{
    uint64_t due = now_ms < wheel->origin_ms ? 0 : (now_ms - wheel->origin_ms) / CALL_WHEEL_STEP_MS;

    if (due <= wheel->steps)
        return;
    if (due - wheel->steps > CALL_WHEEL_SLOTS)
        wheel->steps = due - CALL_WHEEL_SLOTS;
    while (wheel->steps < due) {
        wheel->steps++;
        list_move_all(&wheel->waiting, &wheel->slots[wheel->steps % CALL_WHEEL_SLOTS]);
    }
}

/* What is due moves to a list of its own first: whatever a visit removes or puts on, each is met
 * once. */
bool call_wheel_advance(struct call_wheel *wheel, uint64_t now_ms, call_wheel_cb *visit,
                        call_wheel_ahead_cb *ahead, void *user)
{
    struct call_wheel_entry *waiting = &wheel->waiting;

    if (waiting->next == waiting)
        collect_due(wheel, now_ms);
    while (waiting->next != waiting) {
        struct call_wheel_entry *entry = waiting->next;

        call_wheel_remove(wheel, entry);
        if (ahead != NULL && waiting->next != waiting) {
            __builtin_prefetch(waiting->next->next);
            ahead(waiting->next);
        }
        if (!visit(user, entry, now_ms))
            return waiting->next == waiting;
    }
    return true;
}
