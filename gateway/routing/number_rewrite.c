#include "gateway/routing/number_rewrite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char characters[] = "+0123456789*#";

bool number_rewrite_valid(const char *rules)
{
    if (strlen(rules) >= NUMBER_REWRITE_RULES)
        return false;
    for (const char *at = rules; *at;) {
        size_t left = strspn(at, ".+0123456789*#");
        if (at[left] != '>' || left >= NUMBER_REWRITE_TEXT)
            return false;
        at += left + 1;
        size_t right = strspn(at, characters);
        if (right >= NUMBER_REWRITE_TEXT || (left == 0 && right == 0))
            return false;
        at += right;
        if (*at == ',')
            at++;
        else if (*at)
            return false;
    }
    return true;
}

static bool fits(const char *beginning, size_t length, const char *number)
{
    for (size_t i = 0; i < length; i++)
        if (!number[i] || (beginning[i] != '.' && beginning[i] != number[i]))
            return false;
    return true;
}

int number_rewrite(const char *rules, const char *number, char out[NUMBER_REWRITE_TEXT])
{
    for (const char *at = rules; *at;) {
        size_t left = strcspn(at, ">");
        const char *other = at + left + (at[left] == '>');
        size_t right = strcspn(other, ",");
        if (fits(at, left, number)) {
            int n = snprintf(out, NUMBER_REWRITE_TEXT, "%.*s%s", (int)right, other, number + left);
            if (n > 0 && n < NUMBER_REWRITE_TEXT)
                return 0;
            snprintf(out, NUMBER_REWRITE_TEXT, "%s", number);
            return -ERANGE;
        }
        at = other + right + (other[right] == ',');
    }
    int n = snprintf(out, NUMBER_REWRITE_TEXT, "%s", number);
    return n > 0 && n < NUMBER_REWRITE_TEXT ? 0 : -ERANGE;
}
