#include "gateway/http/http_uri.h"

#include <errno.h>
#include <string.h>

#include "gateway/http/http_utf8.h"
#include "policy/text_code.h"

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool http_uri_is_origin_form(const char *target, size_t length)
{
    bool in_query = false;
    if (length == 0 || target[0] != '/')
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = target[i];
        if (c == '?')
            in_query = true;
        else if (c == '\0' || (!is_letter_or_digit(c) && !strchr("-._~!$&'()*+,;=:@/%", c)))
            return false;
        if (c == '/' && i > 0 && target[i - 1] == '/' && !in_query)
            return false;
    }
    return true;
}

int http_uri_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = hex_digit_value(from[1]);
        int low = high < 0 ? -1 : hex_digit_value(from[2]);
        if (low < 0 || (high == 0 && low == 0))
            return -EBADMSG;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return http_utf8_is_clean(text, (size_t)(to - text)) ? 0 : -EBADMSG;
}

static int add_item(struct http_query *query, char *item)
{
    char *value = strchr(item, '=');
    if (value)
        *value++ = '\0';
    if (http_uri_decode(item) < 0 || (value && http_uri_decode(value) < 0))
        return -EBADMSG;
    if (!*item || query->count == HTTP_QUERY_MAX || http_uri_query_find(query, item))
        return -EBADMSG;
    query->items[query->count].name = item;
    query->items[query->count].value = value ? value : "";
    query->count++;
    return 0;
}

int http_uri_split_query(char *text, struct http_query *query)
{
    query->count = 0;
    if (!*text)
        return 0;
    for (char *item = text; item;) {
        char *next = strchr(item, '&');
        if (next)
            *next++ = '\0';
        if (add_item(query, item) < 0)
            return -EBADMSG;
        item = next;
    }
    return 0;
}

const char *http_uri_query_find(const struct http_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->items[i].name, name) == 0)
            return query->items[i].value;
    return NULL;
}
