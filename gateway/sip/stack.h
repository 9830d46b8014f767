/* stack.h: the inside of a struct sip_stack. Private to gateway/sip.
 *
 * Layers, each calling only those above it in this list: transport (datagrams), transaction
 * (libosip2's machines, RFC 3261 §17), dialog (§12), session and verbs (§13-15).
 * Objects that end are put on a list and freed by sip_stack_reap(), at the end of the datagram or
 * timer that was being handled, so that no code below a callback holds a freed pointer. */
#ifndef GATEWAY_SIP_STACK_H
#define GATEWAY_SIP_STACK_H

#include "gateway/sip/osip.h"
#include "gateway/sip/sip.h"
#include "gateway/sip/table.h"
#include "gateway/sip/timer.h"

enum {
    SIP_DATAGRAM_MAX = 65535,
    SIP_HEADERS_MAX = 128,  /* header lines of a message */
    SIP_LINE_MAX = 4096,    /* octets of a header line */
    SIP_CALL_ID_MAX = 256,  /* octets */
    SIP_TAG_MAX = 128,      /* likewise, also of branches and sent-by hosts */
    SIP_LIST_MAX = 32,      /* Via, Route, Record-Route, Contact entries */
    SIP_ID_TEXT = 33,       /* a random identifier with its NUL */
    SIP_HOST_TEXT = 64,     /* "host:port" of ours, brackets around IPv6 */
    SIP_KEY_TEXT = 768,     /* key of a transaction or dialog */
    SIP_RETRY_AFTER_S = 10, /* told with 503 */
    SIP_RING_TIMEOUT_MS = 180000,
};

#define SIP_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS"

struct sip_transaction;

struct sip_stack {
    uv_loop_t *loop;
    struct sip_config config; /* defaults filled in; user_agent is the copy below or NULL */
    char *user_agent;
    int fd;
    uv_poll_t poll;
    struct sockaddr_storage bound;
    char host[SIP_HOST_TEXT];        /* fixed "host:port" of ours, or "" for a wildcard listener */
    char routed_host[SIP_HOST_TEXT]; /* the last one looked up, and for whom */
    struct sockaddr_storage routed_peer;
    osip_t *osip;
    struct sip_timers timers;
    struct sip_table transactions, dialogs;
    struct sip_transaction *all_transactions, *dead_transactions;
    osip_transaction_t *dead_osip; /* linked by reserved6 */
    struct sip_session *all_sessions, *dead_sessions;
    struct sip_timer post;    /* runs what API calls left to be told from the loop */
    struct sip_timer closing; /* armed while closing */
    bool is_closing, is_closed;
    sip_closed_cb *closed;
    void *closed_user;
    int open_handles;
    struct sip_stack_counters counters;
    uint8_t tag_seed[16];
    char scratch[SIP_DATAGRAM_MAX + 1]; /* for building one message */
};

/* Handles one datagram as if it came from source. bytes is not NUL-terminated. */
void sip_stack_receive(struct sip_stack *stack, const char *bytes, size_t length,
                       const struct sockaddr *source);

/* Frees what ended, finishes a close. To be called when no object of the stack is in use. */
void sip_stack_reap(struct sip_stack *stack);

/* Makes the post timer run in the next turn of the loop. */
void sip_stack_post(struct sip_stack *stack);

/* Writes a random identifier of 32 hexadecimal digits. */
void sip_stack_make_id(char id[SIP_ID_TEXT]);

#endif
