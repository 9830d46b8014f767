/* smtp_machine.h: the server's side of SMTP (RFC 5321) and LMTP (RFC 2033) without sockets: octets
 * in, replies and actions out. With SIZE (1870), PIPELINING (2920), 8BITMIME (6152), SMTPUTF8
 * (6531), CHUNKING (3030), ENHANCEDSTATUSCODES (2034), DSN (3461), STARTTLS (3207), AUTH (4954).
 *
 * Strict where laxness has been an attack: lines end in CRLF and in nothing else, in commands and
 * in content; nothing may follow STARTTLS or DATA before its reply; nobody speaks before the
 * greeting. */
#ifndef GATEWAY_SMTP_SMTP_MACHINE_H
#define GATEWAY_SMTP_SMTP_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/mail/mail_envelope.h"
#include "gateway/mail/mail_intake.h"

enum {
    SMTP_COMMAND_MAX = 2048, /* octets with CRLF (RFC 5321 §4.5.3.1.4: at least 512, and what
                                the extensions add) */
    SMTP_SIGN_INS_MAX = 3,   /* wrong ones of a session */
    SMTP_PASSWORD_MAX = 255,
    SMTP_REPLY_MAX = 1024 /* octets of one call of reply() */
};

/* Constant while the machine lives; texts are borrowed. */
struct smtp_terms {
    const char *host;    /* what we call ourselves */
    const char *domains; /* of recipients, separated by commas */
    bool lmtp;
    bool local;          /* a Unix socket: as good as TLS */
    bool offers_tls;     /* STARTTLS */
    bool offers_auth;    /* once secured */
    bool must_sign_in;   /* no relay of ours: MAIL needs a principal */
    uint64_t max_octets; /* of a message */
    uint32_t max_line;   /* octets of a line of content with CRLF */
    uint32_t max_recipients;
    uint32_t max_errors; /* wrong commands and refused recipients of a session */
};

/* What the machine asks of its owner. None of these may call the machine, but to note that it is to
 * be closed. */
struct smtp_handlers {
    /* Sends to the client; at most SMTP_REPLY_MAX octets. */
    void (*reply)(void *user, const char *octets, size_t length);
    /* Whether a message may begin, and whether this recipient is taken: verdict->code 250 or the
     * refusal. */
    void (*judge_sender)(void *user, const struct mail_envelope *envelope,
                         struct mail_verdict *verdict);
    void (*judge_recipient)(void *user, const struct mail_envelope *envelope,
                            const struct mail_recipient *recipient, struct mail_verdict *verdict);
    /* Whether an address is the reverse path of a mail of ours (mail_out_owns()); its recipient has
     * no number then. May be NULL. */
    bool (*is_return)(void *user, const char *address);
    /* Verify; answered by smtp_machine_signed_in(). The texts are wiped when it returns. */
    void (*sign_in)(void *user, const char *name, const char *password);
    /* Begin TLS behind the reply that was given; answered by smtp_machine_secured(). */
    void (*start_tls)(void *user);
    /* More of the message. Returns 0 or a negative errno: it will be refused with 452 (-ENOSPC) or
     * 451, and its rest does not come. */
    int (*content)(void *user, const char *octets, size_t length);
    /* The message is whole; answered by smtp_machine_answered(). The envelope is borrowed. */
    void (*message)(void *user, const struct mail_envelope *envelope, uint64_t octets);
    /* What content() brought is of no use any more. */
    void (*discard)(void *user);
    /* Nothing follows: close when the replies are sent. reason: why, when the client broke a rule;
     * NULL: in order. */
    void (*close)(void *user, const char *reason);
    void *user;
};

enum smtp_sign_in_result { SMTP_SIGNED_IN, SMTP_SIGN_IN_WRONG, SMTP_SIGN_IN_LATER };

struct smtp_machine;

/* peer: of the envelope. Returns 0 or -ENOMEM. */
int smtp_machine_new(const struct smtp_terms *terms, const struct smtp_handlers *handlers,
                     const char *peer, bool trusted_relay, struct smtp_machine **out)
    __attribute__((warn_unused_result));
void smtp_machine_free(struct smtp_machine *machine);

/* Says 220. Octets that are fed before break the rules. */
void smtp_machine_greet(struct smtp_machine *machine);

/* Takes octets of the client. Returns how many it took: fewer when it waits for an answer of its
 * owner (the rest is to be fed again after that) or when it is closed. */
size_t smtp_machine_feed(struct smtp_machine *machine, const char *octets, size_t length);

/* Whether it waits for one of the three answers below. */
bool smtp_machine_waits(const struct smtp_machine *machine);

/* principal: who signed in, with SMTP_SIGNED_IN. */
void smtp_machine_signed_in(struct smtp_machine *machine, enum smtp_sign_in_result result,
                            const char *principal);

/* TLS stands, by STARTTLS or from the start. What the client said before is forgotten (RFC 3207
 * §4.2). principal and host: by its certificate, "" when it showed none that says it. */
void smtp_machine_secured(struct smtp_machine *machine, const char *principal, const char *host);

/* What became of the message. */
void smtp_machine_answered(struct smtp_machine *machine, const struct mail_verdict *verdict);

/* Says that and closes; 421 when the gateway stops or has waited too long. */
void smtp_machine_end(struct smtp_machine *machine, int code, const char *enhanced,
                      const char *text);

/* Whether content is coming in, and whether anything of a message has been said. */
bool smtp_machine_in_content(const struct smtp_machine *machine);
bool smtp_machine_in_message(const struct smtp_machine *machine);

#endif
