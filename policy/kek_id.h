/* kek_id.h: names of key-encryption keys: "class/2027-03/1" (disposal month) or "class/undated/1",
 * the last part being the version from 1. */
#ifndef POLICY_KEK_ID_H
#define POLICY_KEK_ID_H

#include <stdbool.h>
#include <stdint.h>

enum {
    KEK_CLASS_TEXT = 33, /* capacity of a class name with its NUL: [a-z][a-z0-9-]{0,31} */
    KEK_MONTH_TEXT = 8,  /* "2027-03" or "undated" with its NUL */
    KEK_ID_TEXT = 64     /* capacity of an id with its NUL */
};

struct kek_id {
    char class_name[KEK_CLASS_TEXT];
    char month[KEK_MONTH_TEXT];
    uint32_t version;
};

/* Says whether text is a class name: [a-z][a-z0-9-]{0,31}. NULL is not one. */
bool kek_class_valid(const char *text);

/* Writes the id. Errors: FAX_EP_INVAL (bad class or month, version 0). */
int kek_id_make(const struct kek_id *id, char text[KEK_ID_TEXT])
    __attribute__((warn_unused_result));

/* Reads an id; only the form that kek_id_make writes. Errors: FAX_EP_FORMAT. */
int kek_id_parse(const char *text, struct kek_id *id) __attribute__((warn_unused_result));

/* The month (UTC) in which a fax with this disposal time is due, or "undated" for
 * RETENTION_NEVER. Errors: FAX_EP_INVAL (before 1970 or after 9999). */
int kek_month_for(int64_t disposal_time_us, char month[KEK_MONTH_TEXT])
    __attribute__((warn_unused_result));

#endif
