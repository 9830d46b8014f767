#include <stdio.h>
#include <string.h>

#include "gateway/trace/call_trace.h"
#include "t38/fax_engine.h"
#include "t38/t30_result.h"

static const char *const methods[TRACE_METHODS] = {"request", "INVITE",   "ACK",   "BYE",
                                                   "CANCEL",  "OPTIONS",  "PRACK", "UPDATE",
                                                   "INFO",    "REGISTER", "REFER", "NOTIFY"};

/* FCF with the X bit (who began the call) cleared; those without one are odd (T.30 §5.3.6.1). */
static const struct {
    uint8_t code;
    char name[8];
} frames[] = {
    {0x80, "DIS"},     {0x81, "DTC"},     {0x40, "CSI"},     {0x41, "CIG"}, {0x20, "NSF"},
    {0x21, "NSC"},     {0xC1, "PWD"},     {0xA1, "SEP"},     {0x61, "PSA"}, {0xE1, "CIA"},
    {0x82, "DCS"},     {0x42, "TSI"},     {0x22, "NSS"},     {0xC2, "SUB"}, {0xA2, "SID"},
    {0x12, "CTC"},     {0x62, "TSA"},     {0xE2, "IRA"},     {0x84, "CFR"}, {0x44, "FTT"},
    {0xC4, "CTR"},     {0x24, "CSA"},     {0x8E, "EOM"},     {0x4E, "MPS"}, {0x2E, "EOP"},
    {0x9E, "PRI-EOM"}, {0x5E, "PRI-MPS"}, {0x3E, "PRI-EOP"}, {0x1E, "EOS"}, {0xBE, "PPS"},
    {0xCE, "EOR"},     {0x6E, "RR"},      {0x8C, "MCF"},     {0xCC, "RTP"}, {0x4C, "RTN"},
    {0xAC, "PIP"},     {0x2C, "PIN"},     {0xBC, "PPR"},     {0xEC, "RNR"}, {0x1C, "ERR"},
    {0xFC, "FDM"},     {0xFA, "DCN"},     {0x1A, "CRP"},     {0xCA, "FNV"}, {0xEA, "TNR"},
    {0x6A, "TR"},      {0x00, "NULL"},
};

static const char *frame_name(uint16_t code, char number[8])
{
    for (unsigned pass = 0; pass < 2; pass++) {
        uint16_t wanted = pass == 0 ? code : (uint16_t)(code & 0xFE);
        for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
            if (frames[i].code == wanted)
                return frames[i].name;
    }
    snprintf(number, 8, "FCF %02X", (unsigned)(code & 0xFF));
    return number;
}

static const char *modem_name(uint32_t modem)
{
    return modem == FAX_MODEM_UNTRAINED || modem > FAX_MODEM_V17
               ? ""
               : fax_modem_name((enum fax_modem)modem);
}

static const char *media_name(uint16_t media)
{
    static const char *const names[] = {"no media", "T.38", "audio"};
    return media <= TRACE_MEDIA_AUDIO ? names[media] : "media";
}

static const char *method_name(uint32_t method)
{
    return method < TRACE_METHODS ? methods[method] : methods[TRACE_METHOD_OTHER];
}

static void label_sip(const struct trace_entry *e, char *label)
{
    static const char *const protocols[] = {"", " TCP", " TLS", ""};
    char again[40] = "";
    uint32_t repeats = e->detail >> TRACE_SIP_REPEATS_SHIFT;
    uint32_t method = (e->detail & TRACE_SIP_METHOD) >> TRACE_SIP_METHOD_SHIFT;
    if (repeats > 0)
        snprintf(again, sizeof again, ", %u more time%s", repeats, repeats > 1 ? "s" : "");
    if (e->kind == TRACE_SIP_REQUEST)
        snprintf(label, TRACE_LABEL, "%s (%u)%s%s", method_name(e->code), e->value,
                 protocols[e->detail & TRACE_SIP_PROTOCOL], again);
    else
        snprintf(label, TRACE_LABEL, "%u to %s (%u)%s", e->code, method_name(method), e->value,
                 again);
}

static void label_t38_line(const struct trace_entry *e, char *label)
{
    const char *recovery = e->detail & TRACE_T38_FEC          ? ", parity"
                           : e->detail & TRACE_T38_REDUNDANCY ? ", redundancy"
                                                              : "";
    if (e->code == 0)
        snprintf(label, TRACE_LABEL, "SDP: T.38 refused");
    else
        snprintf(
            label, TRACE_LABEL, "SDP: T.38 v%u port %u, %u bit/s, datagrams of %u%s%s%s%s%s%s%s",
            e->value >> 24, e->code, e->value & 0xFFFFFF, e->detail >> 16, recovery,
            e->detail & TRACE_T38_LOCAL_TCF ? ", local TCF" : "",
            e->detail & TRACE_T38_FILL_BIT_REMOVAL ? ", fill bits removed" : "",
            e->detail & TRACE_T38_MMR ? ", MMR" : "", e->detail & TRACE_T38_JBIG ? ", JBIG" : "",
            e->detail & TRACE_T38_DTLS ? ", DTLS" : "",
            e->detail & TRACE_T38_EXPRESS ? ", express" : "");
}

static void label_audio_line(const struct trace_entry *e, char *label)
{
    if (e->code == 0)
        snprintf(label, TRACE_LABEL, "SDP: audio refused");
    else
        snprintf(label, TRACE_LABEL, "SDP: audio port %u%s%s%s%s", e->code,
                 e->value & TRACE_PCMA ? " PCMA" : "", e->value & TRACE_PCMU ? " PCMU" : "",
                 e->value & TRACE_SRTP ? ", SRTP" : "",
                 e->value & TRACE_INACTIVE ? ", on hold" : "");
}

static void label_frame(const struct trace_entry *e, char *label)
{
    char number[8];
    const char *name = frame_name(e->code, number);
    switch (e->code & 0xFE) {
    case TRACE_FCF_DIS:
    case TRACE_FCF_DCS:
        snprintf(label, TRACE_LABEL, "%s %u bit/s%s%s%s%s%s", name, e->value,
                 modem_name(e->detail >> TRACE_FRAME_MODEM_SHIFT)[0] ? " " : "",
                 modem_name(e->detail >> TRACE_FRAME_MODEM_SHIFT),
                 e->detail & TRACE_FRAME_ECM ? " ECM" : "",
                 e->detail & TRACE_FRAME_T6 ? " T.6" : "",
                 e->detail & TRACE_FRAME_T85 ? " T.85" : "");
        break;
    case TRACE_FCF_PPS:
        snprintf(label, TRACE_LABEL, "PPS-%s page %u block %u, %u frames",
                 frame_name((uint16_t)(e->value >> 24 & 0xFE), number), (e->value >> 16 & 0xFF) + 1,
                 (e->value >> 8 & 0xFF) + 1, (e->value & 0xFF) + 1);
        break;
    case TRACE_FCF_PPR:
        snprintf(label, TRACE_LABEL, "PPR: %u frames again", e->value);
        break;
    default:
        snprintf(label, TRACE_LABEL, "%s", name);
    }
}

static const char *party_name(uint32_t party)
{
    static const char *const names[] = {"by the peer", "by this side", "time ran out",
                                        "by the network"};
    return party <= TRACE_PARTY_NETWORK ? names[party] : "";
}

static void label_signalling(const struct trace_entry *e, char *label)
{
    switch (e->kind) {
    case TRACE_SIP_REQUEST:
    case TRACE_SIP_RESPONSE:
        label_sip(e, label);
        break;
    case TRACE_SIP_REASON:
        snprintf(label, TRACE_LABEL, "Reason: %s cause %u", e->value == 0 ? "Q.850" : "SIP",
                 e->code);
        break;
    case TRACE_SDP_AUDIO:
        label_audio_line(e, label);
        break;
    case TRACE_SDP_T38:
        label_t38_line(e, label);
        break;
    case TRACE_SDP_OTHER:
        snprintf(label, TRACE_LABEL, "SDP: other media%s", e->code == 0 ? " refused" : "");
        break;
    case TRACE_AGREED:
        snprintf(label, TRACE_LABEL, "%s agreed", media_name(e->code));
        break;
    case TRACE_FALLBACK:
        snprintf(label, TRACE_LABEL, "no T.38: goes on over audio");
        break;
    case TRACE_ENDED:
        snprintf(label, TRACE_LABEL, "call ended %s (%u)", party_name(e->value), e->code);
        break;
    case TRACE_LINE_LOST:
        snprintf(label, TRACE_LABEL, "the line process died");
        break;
    default:
        snprintf(label, TRACE_LABEL, "entry %u: %u %u %u", e->kind, e->code, e->value, e->detail);
    }
}

static void label_page(const struct trace_entry *e, char *label)
{
    static const char *const said[] = {"begins",
                                       "sent, no answer yet",
                                       "whole: confirmation held",
                                       "sealed and in the log",
                                       "confirmed",
                                       "rejected"};
    unsigned which = (unsigned)e->kind - TRACE_PAGE_BEGIN;
    if (e->kind == TRACE_PAGE_SAFE)
        snprintf(label, TRACE_LABEL, "page %u %s after %u ms", e->value, said[which], e->detail);
    else
        snprintf(label, TRACE_LABEL, "page %u %s", e->value, said[which]);
}

static void label_media(const struct trace_entry *e, char *label)
{
    switch (e->kind) {
    case TRACE_MEDIA_BEGIN:
        snprintf(label, TRACE_LABEL, "%s begins, at most %u bit/s", media_name(e->code), e->value);
        break;
    case TRACE_MEDIA_FIRST:
        snprintf(label, TRACE_LABEL, "first packet");
        break;
    case TRACE_TONES:
        snprintf(label, TRACE_LABEL, "tones of a fax machine");
        break;
    case TRACE_T30:
        label_frame(e, label);
        break;
    case TRACE_TRAINED:
        snprintf(label, TRACE_LABEL, "trained: %s%s%u bit/s", modem_name(e->code),
                 modem_name(e->code)[0] ? " " : "", e->value);
        break;
    case TRACE_LOSS:
        snprintf(label, TRACE_LABEL, "packets lost %u, recovered %u", e->value, e->detail);
        break;
    case TRACE_BAD:
        snprintf(label, TRACE_LABEL, "packets malformed %u, of strangers %u", e->value, e->detail);
        break;
    case TRACE_ECM:
        snprintf(label, TRACE_LABEL, "requests to repeat frames: %u", e->value);
        break;
    case TRACE_REPEATED:
        snprintf(label, TRACE_LABEL, "frames that came again: %u", e->value);
        break;
    case TRACE_RESULT:
        snprintf(label, TRACE_LABEL, "T.30 ended: %s", t30_result_text(e->code));
        break;
    default:
        label_signalling(e, label);
    }
}

void call_trace_label(const struct trace_entry *entry, char label[TRACE_LABEL])
{
    if (entry->kind >= TRACE_PAGE_BEGIN && entry->kind <= TRACE_PAGE_REJECTED)
        label_page(entry, label);
    else
        label_media(entry, label);
}

const char *call_trace_leg(const struct trace_entry *entry)
{
    if (entry->direction & TRACE_CALLER)
        return "caller";
    return entry->direction & TRACE_CALLED ? "called" : "";
}

const char *call_trace_group(const struct trace_entry *entry)
{
    switch ((enum trace_kind)entry->kind) {
    case TRACE_SIP_REQUEST:
    case TRACE_SIP_RESPONSE:
    case TRACE_SIP_REASON:
        return "sip";
    case TRACE_SDP_AUDIO:
    case TRACE_SDP_T38:
    case TRACE_SDP_OTHER:
        return "sdp";
    case TRACE_AGREED:
    case TRACE_FALLBACK:
    case TRACE_MEDIA_BEGIN:
    case TRACE_MEDIA_FIRST:
    case TRACE_TONES:
    case TRACE_LOSS:
    case TRACE_BAD:
        return "media";
    case TRACE_T30:
    case TRACE_TRAINED:
    case TRACE_ECM:
    case TRACE_REPEATED:
        return "t30";
    case TRACE_PAGE_BEGIN:
    case TRACE_PAGE_PENDING:
    case TRACE_PAGE_HELD:
    case TRACE_PAGE_SAFE:
    case TRACE_PAGE_CONFIRMED:
    case TRACE_PAGE_REJECTED:
        return "page";
    case TRACE_ENDED:
    case TRACE_LINE_LOST:
    case TRACE_RESULT:
        return "end";
    }
    return "other";
}

enum trace_method call_trace_method(const char *text, size_t length)
{
    for (unsigned i = TRACE_INVITE; i < TRACE_METHODS; i++)
        if (strlen(methods[i]) == length && memcmp(methods[i], text, length) == 0)
            return (enum trace_method)i;
    return TRACE_METHOD_OTHER;
}

void call_trace_mask(const char *number, unsigned digits, char out[TRACE_TEXT])
{
    size_t length = strnlen(number, TRACE_TEXT - 1);
    for (size_t i = length; i-- > 0;) {
        bool digit = number[i] >= '0' && number[i] <= '9';
        bool shown = !digit || digits > 0;
        if (digit && digits > 0)
            digits--;
        out[i] = '*';
        if (shown)
            out[i] = number[i];
    }
    out[length] = '\0';
}
