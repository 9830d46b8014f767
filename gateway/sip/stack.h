/* stack.h: the inside of a struct sip_stack. Private to gateway/sip.
 *
 * Layers, each calling only those above it in this list: transport (datagrams, streams),
 * transaction (libosip2's machines, RFC 3261 §17), dialog (§12), session and verbs (§13-15).
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
    SIP_HEADERS_MAX = 128, /* header lines of a message */
    SIP_LINE_MAX = 4096,   /* octets of a header line */
    SIP_CALL_ID_MAX = 256, /* octets */
    SIP_TAG_MAX = 300,     /* likewise, also of branches and sent-by hosts */
    SIP_METHOD_MAX = 63,
    SIP_LIST_MAX = 70,      /* Via, Route, Record-Route, Contact entries */
    SIP_ID_TEXT = 33,       /* a random identifier with its NUL */
    SIP_HOST_TEXT = 64,     /* "host:port" of ours, brackets around IPv6 */
    SIP_KEY_TEXT = 768,     /* key of a transaction or dialog */
    SIP_RETRY_AFTER_S = 10, /* told with 503 */
    SIP_PROTOCOLS = 3,
    SIP_CONTACT_TEXT = SIP_HOST_TEXT + 32,
    SIP_TROUBLE_TEXT = 256,
    SIP_RING_TIMEOUT_MS = 180000,
    SIP_AUTH_CHALLENGES = 4,   /* remembered for a call or registration */
    SIP_RING_AGAIN_MS = 60000, /* §13.3.1.1 */
    SIP_EARLY_MAX = 8,         /* early dialogs of a call that are known */
    SIP_SESSION_EXPIRES_S = 1800,
    SIP_MIN_SESSION_EXPIRES_S = 90,
    SIP_SESSION_EXPIRES_MAX_S = 86400, /* longer ones count as this */
};

#define SIP_ALLOW     "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE"
#define SIP_SUPPORTED "timer, 100rel"

struct sip_transaction;
struct sip_stream;
struct sip_tls_contexts;
struct sip_devices;

/* Where a message goes to or came from. */
struct sip_hop {
    struct sockaddr_storage address; /* the peer's end */
    enum sip_protocol protocol;
    uint32_t connection;  /* its number; 0, or one that is gone: none */
    uint16_t return_port; /* of connections that the peer made: where one of ours would go to */
    bool is_device;       /* reached there only, whatever its Contact says */
};

struct sip_listener {
    uv_tcp_t tcp;
    struct sip_stack *stack;
    enum sip_protocol protocol;
    bool is_open;
    struct sip_timer again; /* armed while a connection waits to be accepted */
};

struct sip_stack {
    uv_loop_t *loop;
    struct sip_config config; /* defaults filled in; user_agent is the copy below or NULL */
    char *user_agent;
    int fd;
    uv_poll_t poll;
    /* By protocol. Of one without listener the family is 0. */
    struct sockaddr_storage bound[SIP_PROTOCOLS];
    char host[SIP_PROTOCOLS][SIP_HOST_TEXT]; /* fixed "host:port" of ours, "" of a wildcard */
    char routed_host[SIP_HOST_TEXT];         /* the last one looked up, and for whom */
    struct sip_hop routed_peer;
    char contact[SIP_CONTACT_TEXT];
    struct sip_listener listeners[2]; /* TCP, TLS */
    struct sip_stream **streams;      /* by the lower 16 bits of their number */
    size_t stream_slots;
    uint32_t stream_generation, streams_in;
    struct sip_tls_contexts *tls;
    struct sip_devices *devices;               /* NULL: no registrar */
    char *tls_certificate_file, *tls_key_file; /* copies, as in config */
    char trouble[SIP_TROUBLE_TEXT];            /* why the last send failed at once */
    osip_t *osip;
    struct sip_timers timers;
    struct sip_table transactions, dialogs;
    struct sip_table traces; /* sip_trace.h, by Call-ID */
    struct {
        const char *bytes; /* NULL: none */
        size_t length;
        enum sip_protocol protocol;
    } receiving; /* the message that is being handled */
    struct sip_transaction *all_transactions, *dead_transactions;
    osip_transaction_t *dead_osip; /* linked by reserved6 */
    struct sip_session *all_sessions, *dead_sessions;
    struct sip_options *probes;
    struct sip_registration *registrations;
    struct sip_timer post;    /* runs what API calls left to be told from the loop */
    struct sip_timer closing; /* armed while closing */
    bool is_closing, is_closed;
    sip_closed_cb *closed;
    void *closed_user;
    int open_handles;
    struct sip_stack_counters counters;
    uint8_t tag_seed[16];
    char scratch[SIP_DATAGRAM_MAX + 1];  /* for building one message */
    char received[SIP_DATAGRAM_MAX + 1]; /* for reading from one connection */
};

/* Handles one message as if it came from source. bytes is not NUL-terminated. */
void sip_stack_receive(struct sip_stack *stack, const char *bytes, size_t length,
                       const struct sip_hop *source);

/* For the close callback of every handle but the timers'. The stack may be gone on return. */
void sip_stack_handle_closed(struct sip_stack *stack);

/* Frees what ended, finishes a close. To be called when no object of the stack is in use. */
void sip_stack_reap(struct sip_stack *stack);

/* Makes the post timer run in the next turn of the loop. */
void sip_stack_post(struct sip_stack *stack);

/* Writes a random identifier of 32 hexadecimal digits. */
void sip_stack_make_id(char id[SIP_ID_TEXT]);

#endif
