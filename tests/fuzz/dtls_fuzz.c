/* dtls_fuzz.c: an association of DTLS-UDPTL, as client or as server, with a real peer at the other
 * end of a link in memory, and what a script does to the datagrams between: altered, cut, dropped,
 * repeated, put in another order, or made up. Nothing may be heard that the peer did not say.
 *
 * Random numbers come from a generator that begins anew each time, so that a script always does the
 * same; time stands still but for the script.
 *
 * The first octet: bit 0: our end is the client; bit 1: there is no peer, what comes is the
 * script's; bit 2: the peer's certificate is not the one that was named. Then commands, an octet
 * and its arguments: 0: n datagrams pass each way; 1: the next datagram to us has octet n xor-ed
 * with m; 2: it is cut to n octets; 3: it is lost; 4: it comes twice; 5: the one behind it comes
 * first; 6: a datagram of n octets from the script; 7: a record with type, epoch, number and n
 * octets from the script; 8: n times 100 ms pass; 9: both ends say n octets; 10: the peer closes
 */
#include "t38/dtls_media.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QUEUE = 64, DATAGRAM_MAX = 2048, PASSES_MAX = 400, SAID_MAX = 300, RECORD_HEADER = 13 };

struct queue {
    struct {
        size_t length;
        uint8_t octets[DATAGRAM_MAX];
    } datagrams[QUEUE];
    unsigned count;
};

struct side {
    struct link *link;
    struct dtls_media *media;
    struct queue out;
    uint8_t mark; /* all that the other side says consists of it */
};

struct link {
    const uint8_t *data;
    size_t size;
    struct side ours, peer;
    uint64_t now_ms;
    unsigned at, mask, cut, passes;
    bool alter, shorten, lose, twice, swap;
};

/* ---- random numbers that are none ---- */

static uint64_t generator;

static int fill(unsigned char *out, int count)
{
    for (int i = 0; i < count; i++) {
        generator = generator * 6364136223846793005u + 1442695040888963407u;
        out[i] = (unsigned char)(generator >> 33);
    }
    return 1;
}

static int is_seeded(void)
{
    return 1;
}

static void use_generator(void)
{
    static const RAND_METHOD method = {.bytes = fill, .pseudorand = fill, .status = is_seeded};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    (void)RAND_set_rand_method(&method);
#pragma GCC diagnostic pop
}

/* ---- the ends ---- */

static void sent(void *user, const uint8_t *data, size_t length)
{
    struct side *s = user;
    if (length > DATAGRAM_MAX)
        abort();
    if (s->out.count == QUEUE)
        return;
    memcpy(s->out.datagrams[s->out.count].octets, data, length);
    s->out.datagrams[s->out.count++].length = length;
}

static void received(void *user, uint8_t *data, size_t length)
{
    struct side *s = user;
    if (dtls_media_state(s->media) != DTLS_MEDIA_OPEN)
        abort();
    for (size_t i = 0; i < length; i++)
        if (data[i] != s->mark)
            abort();
    memset(data, 0, length); /* it may */
}

static unsigned next(struct link *l)
{
    if (l->size == 0)
        return 0;
    l->size--;
    return *l->data++;
}

static size_t take(struct link *l, uint8_t *out, size_t wanted)
{
    size_t n = wanted < l->size ? wanted : l->size;
    memcpy(out, l->data, n);
    l->data += n;
    l->size -= n;
    return n;
}

static void give(struct link *l, struct side *to, const uint8_t *octets, size_t length)
{
    /* Of the exact size, so that reads past the end are seen. */
    uint8_t *exact = malloc(length ? length : 1);
    if (exact) {
        memcpy(exact, octets, length);
        if (to->media)
            (void)dtls_media_receive(to->media, exact, length);
    }
    free(exact);
    l->passes++;
}

static void mangle(struct link *l, uint8_t *octets, size_t *length)
{
    if (l->alter && *length > 0)
        octets[l->at % *length] ^= (uint8_t)l->mask;
    if (l->shorten && l->cut < *length)
        *length = l->cut;
    l->alter = l->shorten = false;
}

static void pass_one(struct link *l, struct side *from, struct side *to)
{
    uint8_t octets[DATAGRAM_MAX];
    unsigned which = to == &l->ours && l->swap && from->out.count > 1;
    if (from->out.count == 0 || l->passes > PASSES_MAX)
        return;
    size_t length = from->out.datagrams[which].length;
    memcpy(octets, from->out.datagrams[which].octets, length);
    from->out.count--;
    memmove(&from->out.datagrams[which], &from->out.datagrams[which + 1],
            (from->out.count - which) * sizeof from->out.datagrams[0]);
    if (to != &l->ours) {
        give(l, to, octets, length);
        return;
    }
    bool twice = l->twice, lose = l->lose;
    l->twice = l->lose = l->swap = false;
    if (lose)
        return;
    mangle(l, octets, &length);
    for (int i = 0; i <= twice; i++)
        give(l, to, octets, length);
}

static void pass(struct link *l, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        pass_one(l, &l->peer, &l->ours);
        pass_one(l, &l->ours, &l->peer);
    }
}

static void say(struct side *s, uint8_t mark, size_t length)
{
    uint8_t octets[SAID_MAX];
    memset(octets, mark, sizeof octets);
    if (s->media && dtls_media_send(s->media, octets, length < SAID_MAX ? length : SAID_MAX) == 0 &&
        dtls_media_state(s->media) != DTLS_MEDIA_OPEN)
        abort();
}

static void make_datagram(struct link *l)
{
    uint8_t octets[DATAGRAM_MAX];
    size_t length = take(l, octets, next(l));
    give(l, &l->ours, octets, length);
}

/* DTLS 1.2, RFC 6347 §4.1. */
static void make_record(struct link *l)
{
    uint8_t octets[RECORD_HEADER + 256] = {(uint8_t)(20 + next(l) % 6), 0xFE, 0xFD, 0,
                                           (uint8_t)(next(l) % 3)};
    octets[10] = (uint8_t)next(l);
    size_t length = take(l, octets + RECORD_HEADER, next(l));
    octets[11] = (uint8_t)(length >> 8);
    octets[12] = (uint8_t)length;
    give(l, &l->ours, octets, RECORD_HEADER + length);
}

static void wait_for(struct link *l, unsigned tenths)
{
    l->now_ms += 100u * tenths;
    (void)dtls_media_tick(l->ours.media, l->now_ms);
    if (l->peer.media)
        (void)dtls_media_tick(l->peer.media, l->now_ms);
}

static void obey(struct link *l)
{
    switch (next(l) % 11) {
    case 0:
        pass(l, next(l) % 16);
        break;
    case 1:
        l->at = next(l);
        l->mask = next(l);
        l->alter = true;
        break;
    case 2:
        l->cut = next(l);
        l->shorten = true;
        break;
    case 3:
        l->lose = true;
        break;
    case 4:
        l->twice = true;
        break;
    case 5:
        l->swap = true;
        break;
    case 6:
        make_datagram(l);
        break;
    case 7:
        make_record(l);
        break;
    case 8:
        wait_for(l, next(l));
        break;
    case 9:
        say(&l->ours, 'o', next(l));
        say(&l->peer, 'p', l->now_ms % SAID_MAX + 1);
        break;
    default:
        dtls_media_close(l->peer.media);
        break;
    }
}

static bool open_side(struct link *l, struct side *s, uint8_t mark, struct dtls_identity *identity,
                      bool active, const uint8_t *fingerprint)
{
    const struct dtls_media_callbacks callbacks = {sent, received, s};
    s->link = l;
    s->mark = mark;
    return dtls_media_new(identity, active, fingerprint, &callbacks, 0, &s->media) == 0;
}

static void run(struct link *l, struct dtls_identity *ours, struct dtls_identity *theirs)
{
    unsigned how = next(l);
    bool client = how & 1, alone = how & 2, stranger = how & 4;
    if (!open_side(l, &l->ours, 'p', ours, client,
                   dtls_identity_fingerprint(stranger ? ours : theirs)))
        return;
    if (!alone && !open_side(l, &l->peer, 'o', theirs, !client, dtls_identity_fingerprint(ours)))
        return;
    (void)dtls_media_start(l->ours.media);
    if (l->peer.media)
        (void)dtls_media_start(l->peer.media);
    while (l->size > 0 && l->passes <= PASSES_MAX)
        obey(l);
    pass(l, 4);
    if ((alone || stranger) && dtls_media_state(l->ours.media) == DTLS_MEDIA_OPEN)
        abort();
}

/* Made once, as for a process. */
static bool make_identities(struct dtls_identity *identities[2])
{
    if (identities[1])
        return true;
    generator = 1;
    use_generator();
    return dtls_identity_new(&identities[0]) == 0 && dtls_identity_new(&identities[1]) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dtls_identity *identities[2];
    struct link *l = calloc(1, sizeof *l);
    if (l && make_identities(identities)) {
        generator = 2;
        l->data = data;
        l->size = size < 4096 ? size : 4096;
        run(l, identities[0], identities[1]);
        dtls_media_free(l->ours.media);
        dtls_media_free(l->peer.media);
    }
    free(l);
    return 0;
}
