/* call_trace.h: the flight recorder of one call: what was signalled and which T.30 steps were
 * taken, when, without page content. Pure: entries of numbers go in, sealed octets or entries come
 * out.
 *
 * A recorder has room for a fixed number of entries. When it is full, the first half stays, of the
 * rest the latest stay, and what lay between is counted. Nothing is allocated after the start.
 * Entries hold numbers only: codes of standards, ports, counts, page numbers. Telephone numbers
 * stand in the head alone, masked. */
#ifndef GATEWAY_TRACE_CALL_TRACE_H
#define GATEWAY_TRACE_CALL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers stand in sealed traces: never reuse one. */
enum trace_kind {
    TRACE_SIP_REQUEST = 1, /* code: enum trace_method, value: CSeq, detail: enum trace_sip_detail */
    TRACE_SIP_RESPONSE,    /* code: status, value: CSeq, detail likewise */
    TRACE_SIP_REASON,      /* Reason header: code: cause, value: 0 Q.850, 1 SIP (RFC 3326) */
    TRACE_SDP_AUDIO,       /* code: port, value: enum trace_audio_flag */
    TRACE_SDP_T38,   /* code: port, value: bit/s | version << 24, detail: flags | octets<<16 */
    TRACE_SDP_OTHER, /* code: port */
    TRACE_AGREED,    /* code: enum trace_media */
    TRACE_FALLBACK,  /* on to audio for good */
    TRACE_ENDED,     /* SIP session: code: status, value: enum trace_party */
    TRACE_LINE_LOST, /* the line's process died */

    TRACE_MEDIA_BEGIN = 32, /* code: enum trace_media, value: bit/s at most */
    TRACE_MEDIA_FIRST,      /* first packet that way */
    TRACE_TONES,            /* tones of a fax machine were heard */
    TRACE_T30,              /* code: FCF, value, detail: see TRACE_FRAME_… */
    TRACE_TRAINED,          /* code: enum fax_modem, value: bit/s */
    TRACE_PAGE_BEGIN,       /* value: page from 1, as in the following */
    TRACE_PAGE_PENDING,     /* its post-page command was sent */
    TRACE_PAGE_HELD,        /* received whole, its confirmation waits for disk and log */
    TRACE_PAGE_SAFE,        /* on disk and in the log; detail: ms that it waited */
    TRACE_PAGE_CONFIRMED,
    TRACE_PAGE_REJECTED,
    TRACE_LOSS,     /* packets of the peer: value: lost, detail: recovered */
    TRACE_BAD,      /* value: malformed packets, detail: of other addresses */
    TRACE_ECM,      /* value: requests to repeat frames (PPR) */
    TRACE_RESULT,   /* code: t38/t30_result.h */
    TRACE_REPEATED, /* bridged call: value: ECM frames that came again */
};

enum trace_direction {
    TRACE_HERE = 0, /* at the gateway */
    TRACE_SENT = 1,
    TRACE_RECEIVED = 2,
    TRACE_CALLER = 0x20, /* of a bridged call, with the others: the leg that called */
    TRACE_CALLED = 0x40, /* the leg to which the call is taken through */
    TRACE_TOLD = 0x80,   /* the line told control: left out when the line's own entries are there */
};

enum trace_method {
    TRACE_METHOD_OTHER,
    TRACE_INVITE,
    TRACE_ACK,
    TRACE_BYE,
    TRACE_CANCEL,
    TRACE_OPTIONS,
    TRACE_PRACK,
    TRACE_UPDATE,
    TRACE_INFO,
    TRACE_REGISTER,
    TRACE_REFER,
    TRACE_NOTIFY,
    TRACE_METHODS,
};

enum trace_media { TRACE_MEDIA_NONE, TRACE_MEDIA_T38, TRACE_MEDIA_AUDIO };

enum trace_party {
    TRACE_PARTY_PEER,
    TRACE_PARTY_LOCAL,
    TRACE_PARTY_TIMEOUT,
    TRACE_PARTY_NETWORK,
};

enum trace_audio_flag { TRACE_PCMU = 1, TRACE_PCMA = 2, TRACE_SRTP = 4, TRACE_INACTIVE = 8 };

enum trace_t38_flag {
    TRACE_T38_REDUNDANCY = 1,
    TRACE_T38_FEC = 2,
    TRACE_T38_LOCAL_TCF = 4,
    TRACE_T38_FILL_BIT_REMOVAL = 8,
    TRACE_T38_MMR = 16,
    TRACE_T38_JBIG = 32,
    TRACE_T38_DTLS = 64,
    TRACE_T38_EXPRESS = 128,
    TRACE_T38_INACTIVE = 256,
};

/* Facsimile control fields (T.30 §5.3.6.1) that are told apart; the bit sent first is the lowest.
 */
enum trace_fcf {
    TRACE_FCF_DIS = 0x80,
    TRACE_FCF_DCS = 0x82,
    TRACE_FCF_CFR = 0x84,
    TRACE_FCF_FTT = 0x44,
    TRACE_FCF_PPS = 0xBE,
    TRACE_FCF_PPR = 0xBC,
    TRACE_FCF_FCD = 0x06,
    TRACE_FCF_RCP = 0x86,
};

/* Of TRACE_T30. DIS, DTC, DCS: value: bit/s (at most), detail: these. PPS: value: the four octets
 * of its FIF. PPR: value: frames asked for. */
enum trace_frame {
    TRACE_FRAME_ECM = 1,
    TRACE_FRAME_T6 = 2,
    TRACE_FRAME_T85 = 4,
    TRACE_FRAME_MODEM_SHIFT = 8, /* DCS: enum fax_modem */
};

/* Fields of detail in SIP entries. */
enum trace_sip_detail {
    TRACE_SIP_PROTOCOL = 0x3, /* 0 UDP, 1 TCP, 2 TLS */
    TRACE_SIP_LEG_SHIFT = 2,  /* 0: first Call-ID of the attempt, 1: the second, and so on */
    TRACE_SIP_LEG = 0x1C,
    TRACE_SIP_METHOD_SHIFT = 8, /* of responses: what they answer */
    TRACE_SIP_METHOD = 0xFF00,
    TRACE_SIP_REPEATS_SHIFT = 16, /* how often the same message came again */
};

struct trace_entry {
    uint32_t at_ms; /* since the call began */
    uint8_t kind;   /* enum trace_kind */
    uint8_t direction;
    uint16_t code;
    uint32_t value, detail;
};

enum {
    TRACE_ENTRIES_MAX = 128, /* of one recorder */
    TRACE_ENTRY_OCTETS = 16, /* encoded */
    TRACE_HEAD_MAX = 640,    /* encoded, without entries */
    TRACE_OCTETS_MAX = TRACE_HEAD_MAX + 2 * TRACE_ENTRIES_MAX * TRACE_ENTRY_OCTETS,
    TRACE_VERSION = 1,
};

struct call_trace {
    uint32_t count;    /* entries held */
    uint32_t next;     /* of the later half: where the next one goes */
    uint32_t left_out; /* entries that were dropped from the middle */
    struct trace_entry entries[TRACE_ENTRIES_MAX];
};

/* Notes an entry; never fails. */
void call_trace_note(struct call_trace *trace, const struct trace_entry *entry);

/* The entry at position (0: the first noted), NULL behind the last. */
const struct trace_entry *call_trace_at(const struct call_trace *trace, uint32_t position);

/* Notes a SIP message, or counts it as a repetition of one noted before (same kind, direction,
 * code, CSeq, leg and method). Returns whether it is new. */
bool call_trace_note_sip(struct call_trace *trace, const struct trace_entry *entry);

/* Notes an HDLC control frame (address, control, FCF, FIF): of its content only the capabilities of
 * DIS, DTC and DCS, the counters of PPS, and how many frames a PPR asks for. Identities, passwords
 * and image data are not looked at; frames of an image (FCD, RCP) are not noted at all. */
void call_trace_note_frame(struct call_trace *trace, uint32_t at_ms, unsigned direction,
                           const uint8_t *octets, size_t length);

/* ---- trace_code.c: the sealed form ---- */

enum trace_retry { TRACE_RETRY_NO, TRACE_RETRY_NOW, TRACE_RETRY_LATER, TRACE_RETRY_DONE };

enum { TRACE_TEXT = 64, TRACE_SENTENCE = 256 };

/* What stands before the entries. Texts are printable, ended by NUL. */
struct trace_head {
    uint64_t begun_ms; /* wall clock, ms since 1970 */
    uint16_t attempt;
    bool outbound;
    uint8_t retry; /* enum trace_retry: whether trying again makes sense */
    uint8_t side;  /* enum verdict_side */
    uint32_t left_out;
    char from[TRACE_TEXT], to[TRACE_TEXT]; /* masked */
    char trunk[TRACE_TEXT], state[TRACE_TEXT];
    char verdict[TRACE_SENTENCE];
};

/* Encodes head and the entries of both traces (line may be NULL) in the order of their times; what
 * the line told is left out when its own trace has entries. left_out of the head is not read: it is
 * the sum of both. Returns the octets written; 0 when capacity is too small (TRACE_OCTETS_MAX
 * always suffices). */
size_t call_trace_encode(const struct trace_head *head, const struct call_trace *own,
                         const struct call_trace *line, uint8_t *out, size_t capacity)
    __attribute__((warn_unused_result));

/* Reads the head; *entries gets how many entries follow at octet *offset. Returns 0; -EBADMSG for
 * what is no trace; -ENOTSUP for another version. */
int call_trace_decode(const uint8_t *octets, size_t length, struct trace_head *head,
                      uint32_t *entries, size_t *offset) __attribute__((warn_unused_result));

/* Reads entry number `position` of a trace that was decoded. */
void call_trace_decode_entry(const uint8_t *octets, size_t offset, uint32_t position,
                             struct trace_entry *entry);

/* ---- trace_label.c: for people ---- */

enum { TRACE_LABEL = 160 };

/* Writes what an entry says: "INVITE (1)", "T.38 port 4000, 14400 bit/s, redundancy",
 * "DCS 14400 bit/s V.17 ECM". Unknown kinds and codes get their number. */
void call_trace_label(const struct trace_entry *entry, char label[TRACE_LABEL]);

/* "caller" or "called": the leg of a bridged call that the entry is about; "": none. Static. */
const char *call_trace_leg(const struct trace_entry *entry);

/* "sip", "sdp", "media", "t30", "page", "end"; static. */
const char *call_trace_group(const struct trace_entry *entry);

/* The method of a request line or CSeq, TRACE_METHOD_OTHER when it is none of them. */
enum trace_method call_trace_method(const char *text, size_t length);

/* Copies number with all but its last `digits` digits replaced by '*'. */
void call_trace_mask(const char *number, unsigned digits, char out[TRACE_TEXT]);

#endif
