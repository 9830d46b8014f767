/* Any octets as datagrams handed to a stack with a call of its own under way. An input is a row of
 * messages separated by a line "%%". In them "$TAG", "$CALL" and "$BRANCH" stand for the local tag,
 * Call-ID and Via branch of that call, so that its dialog and transactions are reached. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/sip/session.h"
#include "gateway/sip/sip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES_MAX = 8 };

struct world {
    uv_loop_t loop;
    struct sip_stack *stack;
    struct sip_session *own;
    char tag[SIP_ID_TEXT], branch[SIP_ID_TEXT + 8];
};

static void answer(struct sip_session *s, const struct sdp_session *offer, bool again)
{
    static struct sdp_session sdp;
    int error = offer ? sdp_begin_answer(&sdp, offer, 1, 1, "127.0.0.1")
                      : sdp_begin(&sdp, 1, 1, "127.0.0.1");
    if (!error && !offer)
        error = sdp_add_g711(&sdp, 4000, true);
    if (!error)
        error = again ? sip_session_answer_reinvite(s, &sdp) : sip_session_answer(s, &sdp);
    (void)error;
}

static void on_event(void *user, struct sip_session *s, const struct sip_event *event)
{
    struct world *w = user;
    if (event->kind == SIP_EVENT_REINVITE_OFFER)
        answer(s, event->sdp, true);
    if (event->kind == SIP_EVENT_ENDED && s == w->own)
        w->own = NULL;
}

static void on_incoming(void *user, struct sip_session *s, const struct sip_request_info *info)
{
    sip_session_set_event_cb(s, on_event, user);
    switch (strlen(info->to_user) % 4) {
    case 0:
        answer(s, info->offer, false);
        break;
    case 1:
        sip_session_ring(s);
        break;
    case 2:
        sip_session_reject(s, 486, NULL);
        break;
    default:
        break;
    }
}

static int start(struct world *w)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sip_config config = {.t1_ms = 1, .max_sessions = 8, .incoming = on_incoming, .user = w};
    struct sip_call call = {.request_uri = "sip:1@127.0.0.1:9",
                            .from_uri = "sip:2@127.0.0.1",
                            .to_uri = "sip:1@127.0.0.1",
                            .call_id = "own"};
    struct sdp_session offer;
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&config.listen, &in4, sizeof in4);
    in4.sin_port = htons(9);
    memcpy(&call.target, &in4, sizeof in4);
    if (uv_loop_init(&w->loop) != 0 || sip_stack_open(&w->loop, &config, &w->stack) != 0 ||
        sdp_begin(&offer, 1, 1, "127.0.0.1") != 0 || sdp_add_g711(&offer, 4000, true) != 0)
        return -1;
    call.offer = &offer;
    if (sip_session_call(w->stack, &call, on_event, w, &w->own) != 0)
        return -1;
    memcpy(w->tag, w->own->dialog.local_tag, sizeof w->tag);
    strcpy(w->branch, w->own->invite_client->key + sizeof "c:INVITE:" - 1);
    return 0;
}

static size_t expand(const struct world *w, const uint8_t *data, size_t size, char *out,
                     size_t capacity)
{
    const char *const marks[] = {"$TAG", "$CALL", "$BRANCH"};
    const char *const values[] = {w->tag, "own", w->branch};
    size_t n = 0;
    for (size_t i = 0; i < size && n + SIP_ID_TEXT + 8 < capacity;) {
        size_t j = 0;
        while (j < 3 &&
               (size - i < strlen(marks[j]) || memcmp(data + i, marks[j], strlen(marks[j])) != 0))
            j++;
        if (j < 3) {
            memcpy(out + n, values[j], strlen(values[j]));
            n += strlen(values[j]);
            i += strlen(marks[j]);
        } else {
            out[n++] = (char)data[i++];
        }
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[SIP_DATAGRAM_MAX];
    struct world *w = calloc(1, sizeof *w);
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sip_hop hop = {.protocol = SIP_UDP};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&hop.address, &source, sizeof source);
    if (!w || start(w) != 0)
        abort();
    for (int i = 0; i < PIECES_MAX && size; i++) {
        const uint8_t *end = memmem(data, size, "%%\n", 3);
        size_t piece = end ? (size_t)(end - data) : size;
        size_t length = expand(w, data, piece, text, sizeof text);
        char *exact = malloc(length ? length : 1);
        if (!exact)
            abort();
        memcpy(exact, text, length);
        sip_stack_receive(w->stack, exact, length, &hop);
        sip_stack_reap(w->stack);
        free(exact);
        uv_run(&w->loop, UV_RUN_NOWAIT);
        size_t used = end ? piece + 3 : piece;
        data += used, size -= used;
    }
    sip_stack_close(w->stack, NULL, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&w->loop) != 0 || w->own)
        abort(); /* something was left, or a session never told its end */
    free(w);
    return 0;
}
