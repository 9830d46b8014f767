/* number_rewrite.h: numbers as a trunk wants them, and as we have them (E.164). Pure.
 *
 * Rules are "BEGINNING>OTHER", separated by commas; the first whose beginning fits is applied, a
 * number that none fits stays. '.' stands for any one character. "..>" strips two, ">00" adds. */
#ifndef GATEWAY_ROUTING_NUMBER_REWRITE_H
#define GATEWAY_ROUTING_NUMBER_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

enum { NUMBER_REWRITE_TEXT = 64, NUMBER_REWRITE_RULES = 400 };

/* Whether the rules can be read: '+', digits, '*', '#' on both sides, '.' on the left. */
bool number_rewrite_valid(const char *rules);

/* Writes the number after the rules, which are valid. Returns 0 or -ERANGE when nothing would be
 * left, or more than fits: then out is the number as it was, cut. */
int number_rewrite(const char *rules, const char *number, char out[NUMBER_REWRITE_TEXT]);

#endif
