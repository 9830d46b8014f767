/* bridge_rig.h: a T.38 engine and an audio engine in virtual time, with a bridge between them, or
 * spandsp's gateway as it is.
 */
#ifndef TESTS_DOUBLES_BRIDGE_RIG_H
#define TESTS_DOUBLES_BRIDGE_RIG_H

#include "t38/companding.h"
#include "t38/fax_bridge.h"
#include "t38/fax_engine.h"
#include "tests/doubles/adapted_pages.h"

enum { BRIDGE_RIG_T38 = 0, BRIDGE_RIG_AUDIO = 1, BRIDGE_RIG_QUEUE = 64 };

struct bridge_rig_config {
    const struct fax_page *pages; /* stay the caller's */
    uint32_t page_count;
    bool audio_sends; /* the audio end has the document */
    bool without_ecm;
    uint32_t max_rate; /* 0: 14400 */
    bool plain;        /* spandsp's gateway without our guard */
    void (*observe)(void *user, bool from_t38, const uint8_t *ifp, size_t length);
    void *observe_user;
};

struct bridge_rig_end {
    struct bridge_rig *rig;
    struct fax_engine *engine;
    bool finished;
    int result;
    uint32_t confirmed;
    struct fax_statistics statistics;
    struct adapted_pages adapted;
};

struct bridge_rig_ifp {
    uint8_t octets[FAX_BRIDGE_IFP_MAX];
    size_t length;
};

struct bridge_rig_queue {
    struct bridge_rig_ifp ifps[BRIDGE_RIG_QUEUE];
    unsigned count;
    uint16_t sequence;
};

struct bridge_rig {
    struct bridge_rig_config config;
    struct bridge_rig_end end[2];
    struct fax_bridge *bridge;
    void *plain; /* t38_gateway_state_t */
    struct bridge_rig_queue to_bridge, to_engine;
    uint8_t from_audio[FAX_BRIDGE_SAMPLES], to_audio[FAX_BRIDGE_SAMPLES]; /* u-law */
    uint64_t now_ms, bridge_ns, worst_ns; /* CPU of the bridge; its longest step */
    uint32_t received, identical;
};

/* Ends the program when something cannot be made. */
void bridge_rig_begin(struct bridge_rig *rig, const struct bridge_rig_config *config);

/* 20 ms of all three. */
void bridge_rig_step(struct bridge_rig *rig);

/* Until both engines have finished, at most limit_s virtual seconds. Returns whether they have. */
bool bridge_rig_run(struct bridge_rig *rig, unsigned limit_s);

void bridge_rig_end(struct bridge_rig *rig);

#endif
