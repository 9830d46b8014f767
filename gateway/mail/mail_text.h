/* mail_text.h: the text of a mail while it is put together: header fields that no value can break
 * out of, and encoded bodies. Every value may come from outside: control characters become spaces,
 * what is no UTF-8 becomes '?'. Pure. */
#ifndef GATEWAY_MAIL_MAIL_TEXT_H
#define GATEWAY_MAIL_MAIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed to begin with. After a failed allocation nothing more is added. */
struct mail_text {
    char *octets; /* with a NUL behind them */
    size_t length, capacity;
    int error; /* 0 or -ENOMEM */
};

/* Wipes and frees what it holds. */
void mail_text_clear(struct mail_text *text);

/* Adds octets as they are; lines of ours end with CRLF. */
void mail_text_add(struct mail_text *text, const char *octets);
void mail_text_add_octets(struct mail_text *text, const void *octets, size_t length);
void mail_text_print(struct mail_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "Name: value" as unstructured text (RFC 5322 §3.6.5), in encoded words where it must be (RFC 2047
 * §2), folded at 76 characters. */
void mail_text_field(struct mail_text *text, const char *name, const char *value);

/* "Name: display <address>" (RFC 5322 §3.4); display "": the address alone. An address that
 * mail_text_is_address() refuses is replaced by an empty group. */
void mail_text_address_field(struct mail_text *text, const char *name, const char *display,
                             const char *address);

/* "Name: type; value" of message/delivery-status (RFC 3464 §2.1.2), in ASCII: other characters as
 * \x{HEX} (RFC 6533 §3). type NULL: "Name: value". */
void mail_text_status_field(struct mail_text *text, const char *name, const char *type,
                            const char *value);

/* "; name=value" of a field (RFC 2045 §5.1; RFC 2231 §4 for what is not ASCII), on a line of its
 * own; the field's line end is not added. */
void mail_text_parameter(struct mail_text *text, const char *name, const char *value);

/* A body in quoted-printable (RFC 2045 §6.7). Lines of the value end with LF. */
void mail_text_quoted(struct mail_text *text, const char *body, size_t length);

/* A body in base64, lines of 76 (RFC 2045 §6.8). */
void mail_text_base64(struct mail_text *text, const uint8_t *octets, size_t length);

/* local@domain without quotes, comments and control characters, UTF-8, 3 to 320 octets. */
bool mail_text_is_address(const char *address);

enum { MAIL_DATE_TEXT = 40 };

/* "Sun, 22 Nov 2026 07:04:19 +0000" (RFC 5322 §3.3). */
void mail_text_date(int64_t time_ms, char out[MAIL_DATE_TEXT]);

#endif
