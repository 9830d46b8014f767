/* number.h: telephone numbers as the policy sees them: "+" and 2–20 digits (like E.164), or 2–20
 * digits without "+" for internal numbers; and patterns over them. */
#ifndef POLICY_NUMBER_H
#define POLICY_NUMBER_H

#include <stdbool.h>

enum { NUMBER_TEXT = 24 }; /* capacity of a number or a pattern with its NUL */

/* Writes the plain form: visual separators (space - . / ( )) are dropped, RFC 3966 §5.1.1.
 * Errors: FAX_EP_FORMAT (NULL, other characters, too few or too many digits). */
int number_normalise(const char *text, char number[NUMBER_TEXT])
    __attribute__((warn_unused_result));

/* A pattern is a plain number, the beginning of one and "*" ("+4930*"), or "*" alone. */
bool number_pattern_valid(const char *pattern);

/* Says whether a plain number fits a valid pattern. */
bool number_matches(const char *pattern, const char *number);

#endif
