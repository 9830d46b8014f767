/* sip_trace.h: watches the messages of one Call-ID as they are sent and received, repetitions
 * included. Costs a look at the headers of each message, and nothing while nobody watches. */
#ifndef GATEWAY_SIP_SIP_TRACE_H
#define GATEWAY_SIP_SIP_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/sip/sip.h"
#include "gateway/sip/table.h"

enum { SIP_TRACE_CALL_ID = 257 };

/* What a message is. Texts are borrowed from it and have no NUL behind them. */
struct sip_trace_message {
    bool sent;
    enum sip_protocol protocol;
    const char *method; /* of CSeq */
    size_t method_length;
    int status; /* 0: a request */
    uint32_t cseq;
    int q850_cause, sip_cause;     /* of Reason headers (RFC 3326), 0: none */
    const struct sdp_session *sdp; /* NULL: no readable description */
};

/* Called inside sending and receiving: must call nothing of the stack. */
typedef void sip_trace_cb(void *user, const struct sip_trace_message *message);

/* The caller's memory, zeroed before the first use. */
struct sip_trace {
    struct sip_node node;
    bool on;
    sip_trace_cb *cb;
    void *user;
    char call_id[SIP_TRACE_CALL_ID];
};

/* Begins to watch. From the incoming callback of a call it begins with that INVITE. When the
 * Call-ID is too long, or is watched already, nothing is told. */
void sip_trace_start(struct sip_stack *stack, struct sip_trace *trace, const char *call_id,
                     sip_trace_cb *cb, void *user);

/* Ends it; safe when it did not begin. stack may be NULL when it was closed. */
void sip_trace_stop(struct sip_stack *stack, struct sip_trace *trace);

/* Reads the first line and the headers that matter of length octets. *call_id gets the Call-ID, not
 * ended by NUL. Returns false for what is no message. Does not read the body: *body gets where it
 * begins. Pure. */
bool sip_trace_read(const char *bytes, size_t length, struct sip_trace_message *message,
                    const char **call_id, size_t *call_id_length, size_t *body);

/* For the transport and the receiver of messages. */
struct sip_hop;
void sip_trace_message(struct sip_stack *stack, bool sent, const char *bytes, size_t length,
                       enum sip_protocol protocol);

#endif
