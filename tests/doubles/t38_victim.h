/* t38_victim.h: one of our fax engines, fed by hand with packets of T.38 version 0, for tests of
 * peers that break the rules.
 */
#ifndef TESTS_DOUBLES_T38_VICTIM_H
#define TESTS_DOUBLES_T38_VICTIM_H

#include "t38/fax_engine.h"
#include "t38/spandsp_session.h"

enum {
    V21 = 0,
    V17_14400 = 8,
    IND_NONE = 0,
    IND_V21 = 3,
    IND_V17_LONG = 15,
    IND_V17_SHORT = 14,
};

struct victim {
    struct fax_engine *engine;
    const struct fax_page *page; /* what it sends */
    uint64_t now_ms;
    uint16_t sequence;
    unsigned sent, received, confirmed, rejected;
    size_t octets; /* of the last page received */
    int result;
    bool finished;
    bool hold;          /* PAGE_RECEIVED is not answered */
    enum fax_copy copy; /* what is said of a page without ECM */
};

/* A DCS for 14400 bit/s, T.6 with ECM; the same for T.4 1-D without. */
extern const uint8_t victim_dcs[7], victim_dcs_without_ecm[6];

/* Makes the engine. A sender sends *page, which stays the caller's. */
void victim_begin(struct victim *v, bool sender, const struct fax_page *page);

void victim_pass_time(struct victim *v, unsigned ms);

/* Returns what fax_engine_receive_ifp said. */
int victim_send_ifp(struct victim *v, const uint8_t *ifp, size_t length);
void victim_indicate(struct victim *v, unsigned indicator);

/* A whole HDLC frame and its FCS-OK, with or without the end of the signal, in one IFP. */
void victim_send_frame(struct victim *v, unsigned data_type, const uint8_t *frame, size_t n,
                       bool end);

/* Preamble, frame, and some time. */
void victim_send_control(struct victim *v, const uint8_t *frame, size_t n);

/* Image octets without ECM (at most 1,000), with or without the end of the signal. */
void victim_send_image(struct victim *v, const uint8_t *octets, size_t n, bool end);

/* A receiver: time until it listens, DCS, TCF, time for CFR. */
void victim_train(struct victim *v, const uint8_t *dcs, size_t n);

#endif
