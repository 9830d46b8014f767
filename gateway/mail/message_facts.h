/* message_facts.h: what the render child read in the head of a message. Fixed size: the body of
 * MSG_INSPECTED. Every text is UTF-8 without control characters; control judges it anew. */
#ifndef GATEWAY_MAIL_MESSAGE_FACTS_H
#define GATEWAY_MAIL_MESSAGE_FACTS_H

#include <stdint.h>

#include "gateway/mail/mail_envelope.h"

enum {
    MESSAGE_SIGNATURES_MAX = 4,
    MESSAGE_DOMAIN_TEXT = 256,
    MESSAGE_SELECTOR_TEXT = 64,
    MESSAGE_ADDRESSED_MAX = 1000
};

/* A DKIM-Signature (RFC 6376 §3.5) that is worth a look: its domain is aligned with the From
 * address (equal, or an organisational parent of it by strict suffix). */
struct message_signature {
    char domain[MESSAGE_DOMAIN_TEXT], selector[MESSAGE_SELECTOR_TEXT];
    uint8_t digest[32]; /* SHA-256 of its b= value: the same message again has the same */
    uint8_t signs_to;   /* the To field (and Cc, where there is one) is signed */
    uint8_t reserved[7];
    int64_t expires; /* x=, 0: never */
};

struct message_facts {
    char from[MAIL_ADDRESS_TEXT]; /* the one address of From; "": none, or several */
    char from_name[128];
    char subject[200];
    char message_id[250];
    char date[64];
    struct mail_fax_options options; /* of the X-Fax-… fields and the subject */
    char problem[200];               /* "": none; else the sentence that refuses the message */
    uint32_t received;               /* Received fields: hops */
    uint8_t automatic;     /* Auto-Submitted other than no, or Precedence bulk/junk/list */
    uint8_t authenticated; /* the topmost Authentication-Results is of the trusted host
                              and says dkim=pass aligned with From */
    uint8_t reserved[2];
    uint32_t signature_count;
    struct message_signature signatures[MESSAGE_SIGNATURES_MAX];
    /* Numbers in To and Cc that have the form of a recipient address of ours; for signatures. Up to
     * MESSAGE_ADDRESSED_MAX of them come with the facts, as a sealed memfd of that many texts of
     * NUMBER_TEXT octets; of more none, and none proves anything. */
    uint32_t addressed_count;
};

#endif
