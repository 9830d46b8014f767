/* messages.h: every message between the processes of one gateway. Fixed structs without padding
 * that matters: zero them before filling. Texts are NUL-terminated within their array. */
#ifndef GATEWAY_PROCESS_MESSAGES_H
#define GATEWAY_PROCESS_MESSAGES_H

#include <stdint.h>
#include <sys/socket.h>

#include "gateway/trace/call_trace.h"

enum {
    MSG_REASON_MAX = 160,
    MSG_IDENT_MAX = 24,
    MSG_CLASS_MAX = 32,
    MSG_KEY_ID_MAX = 64,
    MSG_KEY_OCTETS = 32,
    MSG_KEYS_MAX = 64, /* made by one question */
    MSG_NOTE_MAX = 2048,
    MSG_PAGES_MAX = 160,
    MSG_CONTENT_TYPE_MAX = 256,
    MSG_FINGERPRINT_OCTETS = 32, /* SHA-256 of a certificate */
    MSG_SRTP_KEY_MAX = 46,       /* master key and salt */
    MSG_PROTECTION_MAX = 64,
    MSG_SECRET_TEXT_MAX = 256, /* principal, realm and user of a secret */
    MSG_SECRET_MAX = 256,      /* octets of a secret or of its sealed record */
};

enum message_type {
    /* supervisor <-> control */
    MSG_SPAWN = 1, /* control asks for a child: struct msg_spawn; tag = the child's name for both */
    MSG_SPAWNED, /* struct msg_spawned, descriptor 0 = the channel to the child when status is 0 */
    MSG_EXITED,  /* struct msg_exited, tag as in MSG_SPAWN */
    MSG_KILL,    /* no body: control wants the child of this tag gone (SIGKILL) */
    MSG_KEEPER_UP,   /* no body, descriptor 0 = the channel to a (new) keeper */
    MSG_KEEPER_DOWN, /* struct msg_exited */
    MSG_READY,       /* no body: control serves */
    MSG_STOP,        /* no body: supervisor asks control to stop cleanly; control then exits 0 */

    /* control <-> keeper */
    MSG_KEEPER_HELLO = 32, /* keeper, first of all: struct msg_keeper_hello */
    MSG_KEY_CREATE,        /* struct msg_key_create -> MSG_KEY_RESULT */
    MSG_KEY_OPEN,          /* struct msg_key_open -> MSG_KEY_RESULT */
    MSG_KEY_DESTROY,       /* struct msg_key_open -> MSG_KEY_RESULT without a key */
    MSG_KEY_RESULT,        /* struct msg_key_result */
    MSG_SIGN_CHECKPOINT,   /* struct msg_sign_checkpoint -> MSG_SIGNED */
    MSG_SIGNED,            /* struct msg_signed */
    MSG_KEY_LIST,          /* struct msg_key_list: KEK inventory from a cursor -> MSG_KEY_LISTED */
    MSG_KEY_LISTED,        /* struct msg_key_listed */
    MSG_SECRET_SEAL,       /* struct msg_secret -> MSG_SECRET_RESULT with the sealed record */
    MSG_SECRET_OPEN,       /* struct msg_secret -> MSG_SECRET_RESULT with the secret */
    MSG_SECRET_RESULT,     /* struct msg_secret_result */
    MSG_KEYS_CREATE,       /* struct msg_keys_create -> MSG_KEYS_RESULT: all of them, or none */
    MSG_KEYS_RESULT,       /* struct msg_keys_result */

    /* control <-> line */
    MSG_LINE_HELLO = 64, /* line, when its sandbox is on: no body */
    MSG_CALL_START,      /* struct msg_call_start, descriptors: UDP socket (bound), vault file */
    MSG_CALL_READY,      /* struct msg_call_ready: pages prepared (sender) or ready to receive */
    MSG_CALL_MEDIA, /* struct msg_call_media: T.38 negotiated, start the engine (or update the peer)
                     */
    MSG_CALL_PROGRESS, /* struct msg_call_progress */
    MSG_PAGE_SEALED, /* struct msg_page_sealed: a received page is on disk, may it be confirmed? */
    MSG_PAGE_JOURNALED, /* struct msg_page_journaled: control's answer */
    MSG_CALL_STOP,      /* struct msg_call_stop: control ends the call's media */
    MSG_CALL_DONE,      /* struct msg_call_done: last message of a call */
    MSG_CALL_TRACE,     /* struct msg_call_trace: before MSG_CALL_DONE or MSG_BRIDGE_DONE */
    /* A bridged call has two legs and no T.30 of its own; MSG_CALL_READY, MSG_CALL_STOP and, for
     * captured pages, MSG_PAGE_SEALED (unanswered: nothing waits for it) are those of other calls.
     */
    MSG_BRIDGE_START,    /* struct msg_bridge_start, descriptors: UDP sockets (bound) of legs 0 and
                            1, and the vault file when pages are captured */
    MSG_BRIDGE_MEDIA,    /* struct msg_bridge_media: a leg's media are agreed, or have changed */
    MSG_BRIDGE_PROGRESS, /* struct msg_bridge_progress */
    MSG_BRIDGE_DONE,     /* struct msg_bridge_done: last message of the call */

    /* control <-> render */
    MSG_RENDER_DOCUMENT = 96, /* struct msg_render_document, descriptor 0 = document memfd */
    MSG_RENDER_PROGRESS,      /* struct msg_render_progress */
    MSG_RENDERED,             /* struct msg_rendered, descriptor 0 = page set, a sealed memfd */
    MSG_EXPORT,               /* struct msg_export, descriptor 0 = vault file */
    MSG_EXPORTED,             /* struct msg_rendered, descriptor 0 = the document, a sealed memfd */
    MSG_RENDER_FAILED,        /* struct msg_render_failed */
    /* Bodies in gateway/mail/message_request.h; descriptor 0 = the message, a memfd. */
    MSG_INSPECT,        /* struct msg_inspect */
    MSG_INSPECTED,      /* struct message_facts */
    MSG_VERIFY,         /* struct msg_verify */
    MSG_VERIFIED,       /* struct msg_verified */
    MSG_RENDER_MESSAGE, /* struct msg_render_message, descriptor 1 = the cover template, when any;
                           answered by MSG_RENDERED */
};

enum child_kind { CHILD_LINE = 1, CHILD_RENDER = 2 };

struct msg_spawn {
    uint32_t kind; /* enum child_kind */
    uint32_t reserved;
};

struct msg_spawned {
    int32_t status; /* 0 or a negative errno */
    int32_t pid;
};

struct msg_exited {
    int32_t pid;
    int32_t wait_status; /* as from waitpid() */
};

struct msg_keeper_hello {
    char master_key_id[MSG_KEY_ID_MAX]; /* public short name: hash prefix of the master key */
    char verifier_key[256];             /* C2SP verifier key of the checkpoint signer */
};

struct msg_key_create {
    uint8_t fax_id[16];
    char class_name[MSG_CLASS_MAX];
    char disposal_month[8]; /* "2027-03" or "undated" */
};

struct msg_key_open {
    uint8_t fax_id[16];
};

struct msg_key_result {
    int32_t status; /* 0; -ENOENT no such key; -EBADMSG altered or wrong master key; other errno */
    uint32_t kek_created; /* 1: a new key-encryption key was made for this */
    uint8_t data_key[MSG_KEY_OCTETS];
    char kek_id[MSG_KEY_ID_MAX];
};

/* Ids whose last 8 octets are the same: their keys lie in one file (key_store_create_all()). */
struct msg_keys_create {
    uint32_t count; /* 1 … MSG_KEYS_MAX */
    uint32_t reserved;
    uint8_t ids[MSG_KEYS_MAX][16];
    char class_name[MSG_CLASS_MAX];
    char disposal_month[8]; /* as in struct msg_key_create */
};

struct msg_keys_result {
    int32_t status; /* 0, or a negative errno: then there are none */
    uint32_t kek_created;
    uint8_t data_keys[MSG_KEYS_MAX][MSG_KEY_OCTETS];
    char kek_id[MSG_KEY_ID_MAX];
};

struct msg_sign_checkpoint {
    char origin[128];
    uint64_t size;
    uint8_t root[32];
    int64_t time_ms;
};

struct msg_signed {
    int32_t status;
    uint32_t length;
    char note[MSG_NOTE_MAX]; /* signed note, NUL-terminated */
};

struct msg_key_list {
    uint32_t cursor; /* 0 first */
};

struct msg_key_listed {
    int32_t status;
    uint32_t next; /* cursor for the next page, 0 at the end */
    uint32_t count;
    struct {
        char kek_id[MSG_KEY_ID_MAX];
        int64_t created_ms;
        uint32_t data_keys; /* living data keys wrapped by it */
        uint32_t reserved;
    } keys[32];
};

/* A secret to seal, or its record to open, with whose it is (policy/secret_record.h). */
struct msg_secret {
    char principal[MSG_SECRET_TEXT_MAX], realm[MSG_SECRET_TEXT_MAX], user[MSG_SECRET_TEXT_MAX];
    uint32_t length;
    uint8_t octets[MSG_SECRET_MAX];
};

struct msg_secret_result {
    int32_t status;       /* 0; -EBADMSG altered, or of another owner; -EINVAL; other errno */
    uint32_t kek_created; /* 1: a new key-encryption key was made for this */
    uint32_t length;
    uint8_t octets[MSG_SECRET_MAX];
    char kek_id[MSG_KEY_ID_MAX];
};

struct msg_call_start {
    uint32_t call; /* control's number for the call on this line */
    uint8_t sender;
    uint8_t ecm; /* 1: offer and use error correction */
    uint16_t attempt;
    /* sender: 0: the document of fax_id; else the pages that it received in that attempt, which are
     * sent as they came, without a header line. */
    uint16_t source_attempt;
    uint32_t max_rate;  /* bit/s: 14400, 12000, 9600, 7200, 4800, 2400 */
    uint32_t max_pages; /* receiver: the call ends when more come */
    uint8_t fax_id[16];
    uint8_t data_key[MSG_KEY_OCTETS];
    char local_ident[MSG_IDENT_MAX]; /* T.30 TSI or CSI */
    char header_left[64];            /* sender: header line; empty: none */
    char header_to[32];
    int32_t utc_offset_minutes; /* for the time in the header line */
    uint32_t no_media_timeout_ms;
    /* sender: from 1, the first page to be sent; 0 means 1. Earlier ones were confirmed in earlier
     * attempts. Everywhere (header line, MSG_CALL_READY, PROGRESS, DONE) pages are counted as pages
     * of the whole document, not of the call. */
    uint32_t first_page;
    uint32_t wide; /* receiver, 1: offer pages wider and finer than A4 at 204 pels an inch */
    uint32_t t85;  /* 1: offer T.85, or send in it where the peer takes it and it is shorter */
    uint32_t phase_limit_ms[4];  /* before training, training, page, after a page; 0: none */
    uint32_t cpu_limit_us_per_s; /* of computing a second of the call; 0: none */
    uint64_t begun_ms;           /* of the steady clock: the times of its trace count from there */
};

struct msg_call_ready {
    uint32_t call;
    int32_t status; /* 0, or negative errno: why the pages cannot be prepared */
    uint32_t pages; /* sender: how many the document has, those before first_page included */
    char reason[MSG_REASON_MAX];
    uint8_t fingerprint[MSG_FINGERPRINT_OCTETS]; /* of this line's certificate, for DTLS */
};

/* How media travels. The protected ones are for calls whose signalling is TLS. */
enum media_path {
    MEDIA_TRANSPORT_UDPTL = 0,
    MEDIA_TRANSPORT_RTP = 1,
    MEDIA_TRANSPORT_UDPTL_DTLS = 2, /* RFC 7345 */
    MEDIA_TRANSPORT_SRTP = 3,       /* keys by SDES (RFC 4568) */
};

enum media_audio_flag {
    MEDIA_AUDIO_A_LAW = 1,     /* PCMA, else PCMU */
    MEDIA_AUDIO_HOLD_BACK = 2, /* sender: T.38 may still come: do not answer the peer's DIS */
    MEDIA_AUDIO_RTCP = 4,      /* on the same port (RFC 5761) */
};

struct msg_call_media {
    uint32_t call;
    struct sockaddr_storage peer;
    uint8_t t38_version;
    uint8_t redundancy;    /* UDPTL redundancy depth to send with */
    uint16_t max_datagram; /* what the peer takes (T38FaxMaxDatagram) */
    uint32_t max_rate;     /* negotiated T38MaxBitRate */
    uint8_t fec_packets;   /* that a parity field joins; 0: redundancy, not parity (T.38 §9.1) */
    uint8_t fec_fields;    /* parity fields of a datagram */
    uint8_t transport;     /* enum media_path */
    uint8_t dtls_active;   /* UDPTL_DTLS: 1: our side is the DTLS client (a=setup:active) */
    uint8_t srtp_suite;    /* SRTP: enum srtp_media_suite */
    uint8_t express;       /* 1: both gateways agreed to run ahead of the clock */
    uint8_t audio_payload; /* RTP, SRTP: payload type, both ways */
    uint8_t audio_flags;   /* enum media_audio_flag */
    uint8_t latch; /* 1: the port of peer is not known: who sends first from its host is it */
    uint8_t fingerprint[MSG_FINGERPRINT_OCTETS]; /* UDPTL_DTLS: what the peer's certificate has */
    uint8_t srtp_send_key[MSG_SRTP_KEY_MAX], srtp_receive_key[MSG_SRTP_KEY_MAX]; /* SRTP */
};

enum call_progress {
    PROGRESS_TRAINED = 1,    /* rate, modem */
    PROGRESS_PEER_IDENT,     /* ident */
    PROGRESS_PAGE_BEGIN,     /* page */
    PROGRESS_PAGE_PENDING,   /* sender: post-page command sent for page, not yet answered */
    PROGRESS_PAGE_CONFIRMED, /* sender: MCF came; receiver: MCF sent */
    PROGRESS_MEDIA_SEEN,     /* first valid packet of the peer */
    PROGRESS_FAX_TONES,      /* over audio: the peer is a fax machine */
    PROGRESS_FOREIGN, /* datagrams of another address were ignored: page says how many more */
};

struct msg_call_progress {
    uint32_t call;
    uint32_t kind; /* enum call_progress */
    uint32_t page; /* from 1 */
    uint32_t rate;
    char modem[16];
    char ident[MSG_IDENT_MAX];
};

struct msg_page_sealed {
    uint32_t call;
    uint32_t page; /* from 1 */
    int32_t
        status; /* 0: sealed and fsynced; else why not (the call will end without confirmation) */
    uint32_t width, rows;
    uint16_t x_dpi, y_dpi;
    uint32_t coding;    /* enum page_coding */
    uint64_t offset;    /* of the sealed frame in the vault file */
    uint32_t length;    /* of the sealed frame */
    uint32_t octets;    /* of the page as coded on the line */
    uint8_t digest[32]; /* of the pixels */
    char reason[MSG_REASON_MAX];
};

struct msg_page_journaled {
    uint32_t call;
    uint32_t page;
    int32_t status; /* 0: confirm; else never confirm and end the call */
};

struct msg_call_stop {
    uint32_t call;
    char reason[MSG_REASON_MAX];
};

struct msg_call_done {
    uint32_t call;
    int32_t result;        /* t38/t30_result.h: 0 is OK */
    uint32_t pages;        /* confirmed pages; sender: with those before first_page */
    uint32_t page_pending; /* sender: page whose post-page command has no answer, else 0 */
    uint32_t rate;
    uint32_t ecm;
    uint32_t ecm_retransmissions; /* frames sent again or asked for again */
    uint16_t x_dpi, y_dpi;
    uint32_t coding;
    uint32_t media_seen; /* packets of the peer that were valid, of the media in use at the end */
    uint32_t packets_lost, packets_recovered, packets_bad;
    uint32_t packets_foreign; /* of other addresses, ignored */
    uint32_t packets_rtp;     /* of the audio before T.38, ignored */
    uint32_t media_ms;        /* of the media in use at the end */
    uint32_t express;         /* 1: the call ran ahead of the clock to its end */
    char peer_ident[MSG_IDENT_MAX];
    char modem[16];
    char text[MSG_REASON_MAX];           /* the result in words */
    char protection[MSG_PROTECTION_MAX]; /* of media: version and cipher; "": none */
};

struct msg_call_trace {
    uint32_t call;
    struct call_trace trace;
};

enum { BRIDGE_LEGS = 2 }; /* of a bridged call: 0 is the one that called */

struct msg_bridge_start {
    uint32_t call;   /* control's number for the call on this line */
    uint8_t ecm;     /* 1: the machines may use error correction */
    uint8_t capture; /* 1: pages that pass are sealed; a vault file comes with the message */
    uint16_t reserved;
    uint32_t max_rate; /* bit/s, of conversion */
    uint32_t no_media_timeout_ms;
    uint32_t phase_limit_ms[4]; /* as in msg_call_start */
    uint32_t cpu_limit_us_per_s;
    uint32_t max_pages; /* that are captured */
    uint64_t begun_ms;  /* as in msg_call_start */
    uint8_t fax_id[16];
    uint8_t data_key[MSG_KEY_OCTETS];
};

struct msg_bridge_media {
    uint32_t call;
    uint32_t leg;
    struct msg_call_media media; /* its call is not looked at; no express, nothing held back */
};

enum bridge_progress {
    BRIDGE_MEDIA_SEEN = 1, /* first valid packet of the leg */
    BRIDGE_FAX_TONES,      /* the leg's audio is that of a machine that answers */
    BRIDGE_FOREIGN,        /* datagrams of another address were ignored: value says how many more */
    BRIDGE_TRAINED,        /* value: bit/s; from here on the media of no leg may change its kind */
    BRIDGE_PAGE,           /* value: so many pages were confirmed by the receiving machine */
};

struct msg_bridge_progress {
    uint32_t call;
    uint32_t kind; /* enum bridge_progress */
    uint32_t leg;
    uint32_t value;
};

struct msg_bridge_leg {
    uint32_t media_seen;   /* as in msg_call_done */
    uint32_t packets_sent; /* to it */
    uint32_t packets_lost, packets_recovered, packets_bad;
    uint32_t packets_foreign;            /* of other addresses, ignored */
    uint32_t frames;                     /* T.30 frames of the leg that passed */
    uint32_t refused;                    /* IFPs and frames that the guard stopped */
    char protection[MSG_PROTECTION_MAX]; /* of its media: version and cipher; "": none */
    char ident[MSG_IDENT_MAX];           /* T.30 TSI or CSI that was seen from it */
};

struct msg_bridge_done {
    uint32_t call;
    int32_t result;    /* t38/t30_result.h: 0: the machines said goodbye */
    uint32_t pages;    /* confirmed by the receiving machine, as it passed */
    uint32_t rejected; /* pages that it wanted again */
    uint32_t rate;     /* bit/s; 0 before training */
    uint32_t ecm;
    uint32_t retransmissions; /* frames sent again (ECM) */
    uint32_t media_ms;
    uint32_t observed;       /* 1: at least one leg was T.38; else nothing is known of pages */
    uint32_t captured;       /* pages sealed */
    uint32_t capture_missed; /* pages that passed and were not sealed */
    struct msg_bridge_leg legs[BRIDGE_LEGS];
    char text[MSG_REASON_MAX];         /* the result in words */
    char capture_text[MSG_REASON_MAX]; /* why a page was missed */
};

enum render_rotate { RENDER_ROTATE_AUTO = 0, RENDER_ROTATE_NONE = 1 };

struct msg_render_document {
    uint32_t max_pages;
    uint16_t x_dpi, y_dpi; /* 204 × 98, 196 or 391, or 408 × 391 */
    uint32_t width;        /* 1728, 2048 or 2432 at 204 dpi, twice that at 408 */
    uint32_t wall_limit_ms;
    uint64_t document_octets;
    uint32_t rotate;                         /* enum render_rotate */
    uint32_t height_mm;                      /* of the paper; 0: A4 */
    char pages[MSG_PAGES_MAX];               /* codecs/page_ranges.h; "": all */
    char content_type[MSG_CONTENT_TYPE_MAX]; /* of a submission of several files, as it came; "":
                                                one document, whose own octets say what it is */
};

struct msg_render_progress {
    uint32_t page;
    uint32_t pages; /* 0: not known */
};

struct msg_rendered {
    uint64_t octets;
    uint32_t pages;
    uint32_t reserved;
};

enum export_format { EXPORT_PDF = 1, EXPORT_TIFF = 2 };

struct msg_export {
    uint32_t format; /* enum export_format */
    uint32_t stream; /* vault stream */
    uint16_t attempt;
    uint16_t reserved;
    uint32_t pages; /* how many there must be */
    uint8_t fax_id[16];
    uint8_t data_key[MSG_KEY_OCTETS];
};

struct msg_render_failed {
    int32_t error;    /* enum fax_error, or negative errno */
    uint32_t page;    /* 0: the document */
    char reason[256]; /* one sentence for the user */
};

#endif
