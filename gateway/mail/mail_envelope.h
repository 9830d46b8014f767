/* mail_envelope.h: what SMTP or LMTP says of a message before its content: who brings it, from whom
 * it is, and to which numbers it goes. Plain data, filled in by gateway/smtp. */
#ifndef GATEWAY_MAIL_MAIL_ENVELOPE_H
#define GATEWAY_MAIL_MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/decision.h"
#include "policy/number.h"

enum {
    MAIL_ADDRESS_TEXT = 321, /* local part 64, @, domain 255 (RFC 5321 §4.5.3.1), and the zero */
    MAIL_ORCPT_TEXT = 501,   /* RFC 3461 §4.2 */
    MAIL_ENVID_TEXT = 101,   /* RFC 3461 §4.4 */
    MAIL_PEER_TEXT = 64,     /* address of the client, without its port */
    MAIL_HOST_TEXT = 256,    /* what it called itself; from the certificate when it showed one */
    MAIL_CLASS_TEXT = 33,    /* as KEK_CLASS_TEXT */
    MAIL_NAME_TEXT = 65,
    MAIL_RECIPIENTS_MAX = 1000
};

/* RFC 3461 §4.1; MAIL_NOTIFY_USUAL: the client said nothing, as if FAILURE. */
enum mail_notify {
    MAIL_NOTIFY_USUAL = 0,
    MAIL_NOTIFY_NEVER = 1,
    MAIL_NOTIFY_SUCCESS = 2,
    MAIL_NOTIFY_FAILURE = 4,
    MAIL_NOTIFY_DELAY = 8
};

enum mail_cover { MAIL_COVER_USUAL = 0, MAIL_COVER_YES, MAIL_COVER_NO };
enum mail_priority { MAIL_PRIORITY_USUAL = 0, MAIL_PRIORITY_LOW, MAIL_PRIORITY_HIGH };

/* What a sender wants of a fax. Said in the address of a recipient, in X-Fax-… fields or in the
 * subject; the address is stronger than the fields and these than the subject. */
struct mail_fax_options {
    char class_name[MAIL_CLASS_TEXT]; /* "": that of the mailbox */
    char from[NUMBER_TEXT];           /* "": the number of the sender's entry */
    uint16_t y_dpi;                   /* 98, 196 or 391; 0: the usual */
    uint8_t cover;                    /* enum mail_cover */
    uint8_t priority;                 /* enum mail_priority */
    int64_t not_before;               /* s since 1970; 0: at once */
};

struct mail_recipient {
    char address[MAIL_ADDRESS_TEXT]; /* as the client gave it, without <> */
    char orcpt[MAIL_ORCPT_TEXT];     /* "": not said */
    char number[NUMBER_TEXT];        /* normalised */
    char name[MAIL_NAME_TEXT];       /* said in the address, for the cover page; "": not */
    struct mail_fax_options options; /* said in the address */
    uint8_t notify;                  /* enum mail_notify, or'ed */
};

struct mail_envelope {
    char from[MAIL_ADDRESS_TEXT]; /* reverse path without <>; "": the null one */
    char envid[MAIL_ENVID_TEXT];
    bool return_full;                 /* RET=FULL */
    char principal[POLICY_NAME_TEXT]; /* who signed in by AUTH or certificate; "": nobody */
    bool trusted_relay;               /* the client is one of mail.relays */
    bool secured;                     /* TLS */
    bool lmtp;
    char peer[MAIL_PEER_TEXT];
    char host[MAIL_HOST_TEXT];
    uint32_t recipient_count;
    struct mail_recipient *recipients; /* the owner of the envelope's */
};

#endif
