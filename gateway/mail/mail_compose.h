/* mail_compose.h: the mails that the gateway writes: reports (RFC 3464), received faxes, notices.
 * Pure: facts in, text out. */
#ifndef GATEWAY_MAIL_MAIL_COMPOSE_H
#define GATEWAY_MAIL_MAIL_COMPOSE_H

#include <stdbool.h>

#include "gateway/mail/mail_out.h"
#include "gateway/mail/mail_text.h"

/* What stands in the head of every mail of ours. */
struct mail_origin {
    const char *host;  /* of Message-ID and Reporting-MTA */
    const char *from;  /* address of the From field */
    const char *to;    /* address of the recipient */
    struct fax_id out; /* names the mail: the same Message-ID each time it is sent */
    int64_t queued_ms; /* its date, likewise */
};

enum { MAIL_HEAD_MOST = 16 * 1024 };

struct mail_report_facts {
    struct mail_origin origin;
    const struct mail_report *report;
    const char *diagnostic_type; /* "X-T30" or "X-SIP"; NULL: none */
    char diagnostic[200];
    const char *head; /* of the message that is reported on, as it came; NULL: not returned */
    size_t head_length;
};

/* Writes the whole report to an empty text. Returns 0 or -ENOMEM. */
int mail_compose_report(const struct mail_report_facts *facts, struct mail_text *out)
    __attribute__((warn_unused_result));

enum mail_form { MAIL_FORM_NOTICE = 0, MAIL_FORM_SMIME, MAIL_FORM_PDF, MAIL_FORM_TIFF };

/* "pdf", "tiff", "smime", "notice". */
const char *mail_form_text(enum mail_form form);
/* Returns 0 or -EINVAL. */
int mail_form_parse(const char *text, enum mail_form *form) __attribute__((warn_unused_result));

/* The form in which pages of a class may go out: the wanted one, or one that shows less. A list of
 * names separated by commas: the classes that may go unencrypted. */
enum mail_form mail_form_allowed(enum mail_form wanted, const char *class_name,
                                 const char *attachment_classes);

/* What shows less of the fax. */
enum mail_form mail_form_lesser(enum mail_form a, enum mail_form b);

struct mail_fax_facts {
    struct mail_origin origin;
    struct fax_id fax;
    const char *mailbox;
    const char *from_number, *to_number; /* in full */
    const char *masked_from, *masked_to; /* as a notice shows them */
    int64_t received_ms;
    uint32_t pages;
    bool partial;
    const char *note; /* why it is only a notice; "": that was asked for */
};

/* The mail around a document: head before its base64, tail behind. */
struct mail_frame {
    struct mail_text head, tail;
};

/* A received fax as attachment: MAIL_FORM_PDF or MAIL_FORM_TIFF. Returns 0 or -ENOMEM. */
int mail_compose_attachment(const struct mail_fax_facts *facts, enum mail_form form,
                            struct mail_frame *out) __attribute__((warn_unused_result));

/* The entity that is encrypted: a text and the PDF, without any field that is not MIME's. */
int mail_compose_inner(const struct mail_fax_facts *facts, struct mail_frame *out)
    __attribute__((warn_unused_result));

/* The mail around the encrypted entity (RFC 8551 §3.3), which is said to be authenticated or not.
 * It shows what a notice does. */
int mail_compose_smime(const struct mail_fax_facts *facts, bool authenticated,
                       struct mail_frame *out) __attribute__((warn_unused_result));

/* A notice: the fax is named, its content is not. */
int mail_compose_notice(const struct mail_fax_facts *facts, struct mail_text *out)
    __attribute__((warn_unused_result));

void mail_frame_clear(struct mail_frame *frame);

#endif
