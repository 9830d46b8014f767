/* lossy_link.h: two fax engines joined by UDPTL or RTP in virtual time, over a path that loses,
 * doubles, delays and reorders datagrams. The same seed gives the same call.
 */
#ifndef TESTS_DOUBLES_LOSSY_LINK_H
#define TESTS_DOUBLES_LOSSY_LINK_H

#include "t38/audio_stream.h"
#include "t38/fax_engine.h"
#include "t38/udptl.h"

enum { LOSSY_SENDER = 0, LOSSY_RECEIVER = 1, LOSSY_QUEUE = 512 };

struct lossy_link_config {
    double loss, duplicate, reorder; /* shares of the datagrams, 0 to 1 */
    unsigned delay_ms;
    unsigned reorder_ms; /* how much later a reordered datagram comes, at most; 0 means 80 */
    unsigned redundancy;
    unsigned fec_packets, fec_fields; /* parity in place of redundancy; 0: none */
    unsigned burst_ms;                /* both ways nothing arrives for so long, ... */
    unsigned burst_every_ms;          /* ... once in each such time, at random; 0: never */
    int t38_version;                  /* for IFPs out of parity */
    size_t max_datagram;              /* that the peers take; 0: 1,400 octets */
    uint64_t seed;
    bool receive_plainly; /* each step ticks, and each IFP goes to fax_engine_receive_ifp */
    bool audio;           /* RTP with G.711; the engines are to be made so */
    enum companding law;
    int drift_ppm; /* how much faster the clock of end 1 runs */
};

struct lossy_datagram {
    uint64_t due_ms;
    size_t length; /* 0: free */
    uint8_t octets[UDPTL_DATAGRAM_MAX];
};

struct lossy_link;

/* Something else than a fax_engine at an end. */
struct lossy_party {
    void *self; /* NULL: the end has a fax_engine */
    void (*tick)(void *self, uint64_t now_ms);
    void (*receive)(void *self, uint16_t sequence, const uint8_t *ifp, size_t length);
    bool (*finished)(const void *self);
};

struct lossy_end {
    struct lossy_link *link;
    int index;
    struct fax_engine *engine; /* set by the test; freed by lossy_link_free */
    struct lossy_party party;  /* set by the test, which frees it */
    struct udptl_sender *sender;
    struct udptl_receiver *receiver;
    struct audio_stream audio;
    struct lossy_datagram *queue; /* on their way to this end; LOSSY_QUEUE of them */
    void (*event)(void *user,
                  const struct fax_engine_event *event); /* set by the test; may be NULL */
    void *user;
    uint32_t octets_only;  /* IFPs that were FAX_ENGINE_OCTETS */
    uint64_t cut_until_ms; /* nothing reaches this end before */
    uint64_t cpu_ticks;    /* spent inside the engine, its UDPTL and our counting */
    uint64_t worst_ticks;
};

struct lossy_link {
    struct lossy_link_config config;
    uint64_t now_ms, random;
    uint64_t burst_from_ms, burst_next_ms;
    struct lossy_end end[2];
    unsigned long sent, lost;
    size_t longest; /* datagram that was sent */
};

/* Makes the link without engines. */
void lossy_link_init(struct lossy_link *link, const struct lossy_link_config *config);

/* The callbacks for the engine of an end. */
struct fax_engine_callbacks lossy_link_callbacks(struct lossy_link *link, int index);

/* Sends an IFP from an end, as its engine would. */
void lossy_link_send(struct lossy_end *from, const uint8_t *ifp, size_t length, int copies);

/* Lets 20 ms pass: both engines tick, then what is due is delivered. */
void lossy_link_step(struct lossy_link *link);

/* Steps until both ends have finished or the time is over. Returns true when both have. */
bool lossy_link_run(struct lossy_link *link, uint64_t until_ms);

/* Frees the engines and all else. */
void lossy_link_free(struct lossy_link *link);

/* 0 to below 1. */
double lossy_link_random(struct lossy_link *link);

/* Clock ticks a microsecond, for cpu_ticks. */
double lossy_link_ticks_per_us(void);

#endif
