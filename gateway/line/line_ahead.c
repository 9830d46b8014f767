/* line_ahead.c: packets of a page, made before their time.
 *
 * In the middle of a page a sender's packets depend on nothing that could still come. Made one by
 * one, each needs the whole session, out of memory that no cache holds when there are hundreds of
 * calls. So the session runs ahead by a quarter of a second, its datagrams wait in a row, and a
 * visit does no more than send the first. The pace is that of the session: each packet has its
 * time.
 */
#include "gateway/line/line_call.h"

#include <stdlib.h>
#include <string.h>

enum {
    AHEAD_MS = 255, /* nine packets at most */
    ROOM_OCTETS = 4096,
};

/* Stands in the row, the next one behind it. */
struct ahead_packet {
    uint64_t due_ms;
    uint16_t length, copies;
    uint8_t octets[];
};

struct line_ahead {
    bool making;
    uint64_t due_ms; /* of the packets that are being made */
    size_t used;
    _Alignas(struct ahead_packet) uint8_t room[ROOM_OCTETS];
};

static size_t packet_octets(size_t length)
{
    size_t align = _Alignof(struct ahead_packet);

    return (sizeof(struct ahead_packet) + length + align - 1) / align * align;
}

static bool has_room(const struct line_ahead *ahead)
{
    return ahead->used + packet_octets(MEDIA_DATAGRAM_MAX) <= ROOM_OCTETS;
}

static struct ahead_packet *packet_at(struct line_ahead *ahead, size_t at)
{
    return (struct ahead_packet *)(void *)(ahead->room + at);
}

static void send_first(struct line_call *call)
{
    struct ahead_packet *packet = call->ahead_next;
    uint8_t *behind = (uint8_t *)packet + packet_octets(packet->length);

    for (unsigned i = 0; i < packet->copies; i++)
        media_transport_send(&call->media, packet->octets, packet->length);
    explicit_bzero(packet->octets, packet->length);
    call->ahead_next = (struct ahead_packet *)(void *)behind;
    if (behind == call->ahead->room + call->ahead->used) {
        call->ahead_next = NULL;
        call->ahead->used = 0;
    }
}

uint64_t line_ahead_due_ms(const struct line_call *call)
{
    return call->ahead_next != NULL ? call->ahead_next->due_ms : UINT64_MAX;
}

bool line_ahead_visit(struct line_call *call, uint64_t now_ms)
{
    if (call->ahead_next == NULL)
        return false;
    while (call->ahead_next != NULL && call->ahead_next->due_ms <= now_ms)
        send_first(call);
    /* What sending took is charged to nobody: the call was charged with making it. */
    (void)line_watch_us(call->line);
    if (call->ahead_next == NULL || now_ms >= line_call_looks_ms(call))
        return false;
    line_call_want(call);
    return true;
}

void line_ahead_make(struct line_call *call, uint64_t now_ms)
{
    struct line_ahead *ahead = call->ahead;
    uint64_t due_ms;

    if (!call->resting || !call->sender || call->ahead_next != NULL)
        return;
    if (ahead == NULL)
        ahead = call->ahead = calloc(1, sizeof *ahead);
    if (ahead == NULL)
        return; /* then one by one */
    ahead->making = true;
    while (!call->finished && has_room(ahead) && fax_engine_mid_page(call->engine) &&
           (due_ms = fax_engine_next_due_ms(call->engine)) < now_ms + AHEAD_MS) {
        ahead->due_ms = due_ms;
        fax_engine_tick(call->engine, due_ms);
    }
    ahead->making = false;
}

uint8_t *line_ahead_room(struct line_call *call)
{
    struct line_ahead *ahead = call->ahead;

    if (ahead == NULL)
        return NULL;
    if (ahead->making && has_room(ahead))
        return packet_at(ahead, ahead->used)->octets;
    while (call->ahead_next != NULL) /* nothing may overtake them */
        send_first(call);
    return NULL;
}

/* Calls that send in the same tick share its price. They do so all the time, so the pace of each
 * stays what it was. */
static uint64_t time_to_leave(const struct line *line, uint64_t due_ms)
{
    return line->pacing > LINE_PACE_TOGETHER_MAX
               ? due_ms
               : (due_ms + LINE_PACE_MS - 1) / LINE_PACE_MS * LINE_PACE_MS;
}

uint64_t line_ahead_keep(struct line_call *call, size_t length, int copies)
{
    struct line_ahead *ahead = call->ahead;
    struct ahead_packet *packet = packet_at(ahead, ahead->used);

    packet->due_ms = time_to_leave(call->line, ahead->due_ms);
    packet->length = (uint16_t)length;
    packet->copies = (uint16_t)copies;
    ahead->used += packet_octets(length);
    call->line->ahead++;
    if (call->ahead_next == NULL)
        call->ahead_next = packet;
    return ahead->due_ms;
}

void line_ahead_prefetch(const struct line_call *call)
{
    enum { CACHE_LINE = 64, PACKET_LINES = 5 };
    const char *from = (const char *)call->ahead_next;

    for (unsigned i = 0; i < PACKET_LINES; i++)
        __builtin_prefetch(from + (size_t)i * CACHE_LINE);
}

void line_ahead_drop(struct line_call *call)
{
    if (call->ahead != NULL)
        explicit_bzero(call->ahead, sizeof *call->ahead);
    free(call->ahead);
    call->ahead = NULL;
    call->ahead_next = NULL;
}
