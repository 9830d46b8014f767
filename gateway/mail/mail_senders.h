/* mail_senders.h: the register of senders: whose mails go out in whose name and with which number.
 * A part of the policy snapshot. */
#ifndef GATEWAY_MAIL_MAIL_SENDERS_H
#define GATEWAY_MAIL_MAIL_SENDERS_H

#include <stddef.h>

#include "gateway/db/db.h"
#include "gateway/mail/mail_envelope.h"

struct mail_sender {
    char address[MAIL_ADDRESS_TEXT]; /* lower case */
    char principal[POLICY_NAME_TEXT];
    char number[NUMBER_TEXT];
};

/* All zero is an empty table. */
struct mail_senders {
    struct mail_sender *all; /* by address */
    size_t count;
};

/* Reads the rows of mail_query_senders() into an empty table. Returns 0 or -ENOMEM; in both cases
 * it is to be freed. */
int mail_senders_read(struct mail_senders *senders, const struct db_result *result, int rows)
    __attribute__((warn_unused_result));
void mail_senders_free(struct mail_senders *senders);

/* The entry of an address, whatever its case; NULL when there is none. */
const struct mail_sender *mail_senders_find(const struct mail_senders *senders,
                                            const char *address);

/* An address as it stands in the register: in lower case (ASCII). Returns 0, or -EINVAL for what is
 * no address LOCAL@DOMAIN of printable characters. */
int mail_sender_address(const char *text, char address[MAIL_ADDRESS_TEXT])
    __attribute__((warn_unused_result));

#endif
