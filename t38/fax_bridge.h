/* fax_bridge.h: converts a call between T.38 and audio, for legacy machines behind adapters: one
 * leg speaks T.38, the other T.30 over G.711; either may be the caller. IFPs, samples and the time
 * in, IFPs and samples out.
 *
 * Behind it is the gateway of spandsp 0.0.6 with a guard of ours. The bridge takes no part in T.30:
 * it confirms nothing and stores nothing, the machines at both ends do. One bridge is used by one
 * thread at a time; nothing but memory is touched.
 *
 * Rule for callbacks: they run inside receive_ifp and tick and may call none of these functions but
 * those that take a const bridge.
 */
#ifndef T38_FAX_BRIDGE_H
#define T38_FAX_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAX_BRIDGE_SAMPLES = 160, FAX_BRIDGE_IFP_MAX = 1400 };

struct fax_bridge_callbacks {
    /* An IFP for the T.38 leg, in a datagram of its own, sent `copies` times. */
    void (*send_ifp)(void *user, const uint8_t *ifp, size_t length, int copies);
    /* Every 20 ms: what has come from the audio leg, and how many of the samples are made up
     * because they are lost; and what is to be sent there. */
    size_t (*hear)(void *user, int16_t samples[FAX_BRIDGE_SAMPLES]);
    void (*say)(void *user, const int16_t samples[FAX_BRIDGE_SAMPLES]);
    /* May be NULL. Every IFP that passes, as it passes: from the T.38 leg or to it. For capture;
     * nothing that it does can alter the call. */
    void (*observe)(void *user, bool from_t38, const uint8_t *ifp, size_t length);
    void *user;
};

struct fax_bridge_config {
    int t38_version; /* 0 to 3 */
    /* Let the machines use error correction (T.30 Annex A); else it is taken out of the DIS. */
    bool ecm;
    uint32_t max_rate; /* bit/s; as a kind of modem: 14400, 9600, 4800 */
    struct fax_bridge_callbacks callbacks;
};

struct fax_bridge_statistics {
    uint32_t bit_rate; /* of the image; 0 before training */
    bool ecm;
    uint32_t pages; /* confirmations (MCF) that passed after a page */
    uint64_t ifps_received, ifps_sent;
    uint64_t ifps_refused;    /* malformed, too many, or of a kind no fax uses */
    uint64_t frames_refused;  /* control frames of the T.38 leg that were spoilt on their way */
    uint64_t frames_overlong; /* frames of the audio leg without an end */
    bool dcn;                 /* one of the machines has said goodbye */
};

struct fax_bridge;

/* Returns 0; FAX_EINVAL, FAX_ENOMEM or FAX_EENGINE. The caller owns *out. */
int fax_bridge_new(struct fax_bridge **out, const struct fax_bridge_config *config)
    __attribute__((warn_unused_result));

/* Wipes and frees. */
void fax_bridge_free(struct fax_bridge *b);

/* Takes an IFP of the T.38 leg; sequence as in UDPTL. Returns 0, FAX_EFORMAT or FAX_ELIMIT (dropped
 * and counted). */
int fax_bridge_receive_ifp(struct fax_bridge *b, uint16_t sequence, const uint8_t *ifp,
                           size_t length);

/* Lets time run to now_ms in steps of 20 ms; at most 200 ms a call, the rest is forgotten. */
void fax_bridge_tick(struct fax_bridge *b, uint64_t now_ms);

/* When tick has something to do next. */
uint64_t fax_bridge_next_due_ms(const struct fax_bridge *b);

/* Both machines are done: two seconds have passed since a DCN. */
bool fax_bridge_is_over(const struct fax_bridge *b);

void fax_bridge_statistics(const struct fax_bridge *b, struct fax_bridge_statistics *out);

#endif
