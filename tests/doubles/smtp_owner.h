/* smtp_owner.h: an owner of the machine of SMTP that answers at once and writes down all; and
 * dialogues with it, as data. For unit tests: what is not as it should be fails them. */
#ifndef TESTS_DOUBLES_SMTP_OWNER_H
#define TESTS_DOUBLES_SMTP_OWNER_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/smtp/smtp_machine.h"

enum { SMTP_OWNER_LOG = 16384 };

/* An owner that answers at once when asked to, and writes down all. */
struct smtp_owner {
    struct smtp_machine *machine;
    char said[SMTP_OWNER_LOG], content[SMTP_OWNER_LOG],
        done[SMTP_OWNER_LOG]; /* replies; messages; what was asked for */
    size_t content_length;
    bool closed, wants_sign_in, wants_tls, has_message;
    int content_error;
    char name[256], password[256];
};

/* What a client says ('|': only when all before has been answered), the codes that it hears, and
 * what becomes of it. */
struct smtp_dialogue {
    const char *text;
    const char *codes;
    const char *done; /* NULL: does not matter */
};

/* gw.example, for fax.example and other.example; 200 octets, 3 recipients, 3 mistakes. */
extern const struct smtp_terms smtp_owner_terms;

/* Makes the machine and greets. handlers must live as long. */
void smtp_owner_open(struct smtp_owner *owner, struct smtp_handlers *handlers,
                     const struct smtp_terms *terms);

/* Feeds the text in steps (0: at once) of the parts between '|', and answers what the machine waits
 * for: all is let through but the password "wrong". */
void smtp_owner_say(struct smtp_owner *owner, const char *text, size_t step);
void smtp_owner_say_octets(struct smtp_owner *owner, const char *octets, size_t length,
                           size_t step);

/* The codes of all replies but the greeting: "250 354 250". Of more lines the last. */
void smtp_owner_codes(const struct smtp_owner *owner, char out[SMTP_OWNER_LOG]);

/* Has a dialogue with a machine of its own, in steps; all of them at once, octet by octet and by
 * seven. */
void smtp_dialogue_check(const struct smtp_dialogue *dialogue, const struct smtp_terms *terms,
                         size_t step);
void smtp_dialogue_check_all(const struct smtp_dialogue *all, size_t count,
                             const struct smtp_terms *terms);

#define CHECK_ALL(all, terms) smtp_dialogue_check_all(all, sizeof(all) / sizeof((all)[0]), terms)
#define HI                    "EHLO me\r\n"
#define FROM                  "MAIL FROM:<a@b.example>\r\n"
#define TO                    "RCPT TO:<+491@fax.example>\r\n"
#define SENT                  "[a@b.example   me +491/0/: "
#define END                   "\r\n.\r\n"

#endif
