/* smtp_machine_private.h: the state of one session, for the files smtp_machine.c, smtp_command.c,
 * smtp_auth.c and smtp_content.c alone.
 *
 * GREETING -> COMMANDS <-> SIGN_IN_RESPONSE, TEXT (DATA), CHUNK (BDAT); WAITING for an answer of
 * the owner; CLOSED. */
#ifndef GATEWAY_SMTP_SMTP_MACHINE_PRIVATE_H
#define GATEWAY_SMTP_SMTP_MACHINE_PRIVATE_H

#include "gateway/smtp/smtp_machine.h"

enum smtp_phase {
    SMTP_GREETING,
    SMTP_COMMANDS,
    SMTP_SIGN_IN_RESPONSE,
    SMTP_TEXT,
    SMTP_CHUNK,
    SMTP_WAITING,
    SMTP_CLOSED
};

enum smtp_awaited { SMTP_AWAITS_NOTHING, SMTP_AWAITS_SIGN_IN, SMTP_AWAITS_TLS, SMTP_AWAITS_ANSWER };

/* Where in a line the content stands. */
enum smtp_line_state {
    SMTP_LINE_START,
    SMTP_LINE_TEXT,
    SMTP_LINE_CR,
    SMTP_LINE_DOT,
    SMTP_LINE_DOT_CR
};

/* Why content will be refused, the worst first. */
enum smtp_trouble {
    SMTP_NO_TROUBLE,
    SMTP_BARE_LINE_END,
    SMTP_LONG_LINE,
    SMTP_TOO_LARGE,
    SMTP_NO_ROOM,
    SMTP_NOT_KEPT
};

struct smtp_machine {
    const struct smtp_terms *terms;
    const struct smtp_handlers *handlers;
    enum smtp_phase phase;
    enum smtp_awaited awaits;
    bool extended;  /* EHLO or LHLO, not HELO */
    bool greeted;   /* one of them was given */
    bool certified; /* host and principal are those of a certificate */
    uint32_t errors, sign_ins_wrong;
    uint32_t idle_commands; /* since the last message: such as move nothing on */

    char line[SMTP_COMMAND_MAX + 1];
    size_t line_length;
    bool line_cr, line_too_long;
    size_t line_dropped;

    /* The transaction. */
    bool has_sender, utf8, chunking;
    struct mail_envelope envelope;
    uint32_t recipient_room;

    enum smtp_line_state line_state;
    enum smtp_trouble trouble;
    uint64_t octets;       /* handed to content() */
    uint64_t octets_seen;  /* as the client sent them */
    uint32_t content_line; /* octets of the current line */
    uint64_t chunk_left;
    bool chunk_last, chunk_unwanted;

    /* AUTH that waits for a response. */
    bool login;
    char name[SMTP_PASSWORD_MAX + 1];
};

/* smtp_machine.c */

/* "CODE ENHANCED text CRLF"; enhanced "": none. */
void smtp_say(struct smtp_machine *m, int code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void smtp_say_verdict(struct smtp_machine *m, const struct mail_verdict *verdict);

/* The same for what the client did wrong; it is counted, and too many end the session. */
void smtp_complain(struct smtp_machine *m, int code, const char *enhanced, const char *text);

/* Says that and closes; reason: which rule was broken. */
void smtp_cut(struct smtp_machine *m, int code, const char *enhanced, const char *text,
              const char *reason);
void smtp_wait(struct smtp_machine *m, enum smtp_awaited what);

/* Forgets the transaction, and its content. */
void smtp_reset(struct smtp_machine *m);

/* smtp_command.c: takes a line without its end. more: the client has sent further octets. */
void smtp_take_command(struct smtp_machine *m, char *line, bool more);

/* smtp_auth.c */
void smtp_auth_begin(struct smtp_machine *m, const char *arguments);
void smtp_auth_response(struct smtp_machine *m, const char *line);

/* smtp_content.c */
void smtp_data_begin(struct smtp_machine *m);
void smtp_bdat_begin(struct smtp_machine *m, const char *arguments);
size_t smtp_take_text(struct smtp_machine *m, const char *octets, size_t length);
size_t smtp_take_chunk(struct smtp_machine *m, const char *octets, size_t length);

/* Refuses content; to a client of LMTP once for each recipient (RFC 2033 §4.2). */
void smtp_say_of_message(struct smtp_machine *m, const struct mail_verdict *verdict);

#endif
