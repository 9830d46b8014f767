#include "policy/number.h"

#include <stddef.h>
#include <string.h>

#include "policy/policy_error.h"

enum { DIGITS_MIN = 2, DIGITS_MAX = 20, INPUT_MAX = 48 }; /* with visual separators */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')';
}

int number_normalise(const char *text, char number[NUMBER_TEXT])
{
    size_t at = 0, digits = 0;
    number[0] = '\0';
    if (!text || strnlen(text, INPUT_MAX) >= INPUT_MAX)
        return FAX_EP_FORMAT;
    char out[NUMBER_TEXT];
    if (*text == '+') {
        out[at++] = '+';
        text++;
    }
    for (; *text; text++) {
        if (is_separator(*text))
            continue;
        if (!is_digit(*text) || digits == DIGITS_MAX)
            return FAX_EP_FORMAT;
        out[at++] = *text;
        digits++;
    }
    if (digits < DIGITS_MIN)
        return FAX_EP_FORMAT;
    out[at] = '\0';
    memcpy(number, out, at + 1);
    return 0;
}

bool number_pattern_valid(const char *pattern)
{
    size_t length = pattern ? strnlen(pattern, NUMBER_TEXT) : 0;
    if (length == 0 || length >= NUMBER_TEXT)
        return false;
    bool open = pattern[length - 1] == '*';
    size_t fixed = open ? length - 1 : length, start = pattern[0] == '+' ? 1 : 0;
    for (size_t i = start; i < fixed; i++)
        if (!is_digit(pattern[i]))
            return false;
    size_t digits = fixed - (fixed < start ? fixed : start);
    return digits <= DIGITS_MAX && (open || digits >= DIGITS_MIN);
}

bool number_matches(const char *pattern, const char *number)
{
    const char *star = strchr(pattern, '*');
    if (!star)
        return strcmp(pattern, number) == 0;
    return strncmp(pattern, number, (size_t)(star - pattern)) == 0;
}
