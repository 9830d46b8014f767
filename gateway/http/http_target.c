#include <stdio.h>
#include <string.h>

#include "gateway/http/http_client.h"

static void add_plain(struct http_target *target, const char *text)
{
    size_t length = strlen(text);
    if (target->failed || target->length_bytes + length >= sizeof target->text) {
        target->failed = 1;
        return;
    }
    memcpy(target->text + target->length_bytes, text, length + 1);
    target->length_bytes += length;
}

static void add_encoded(struct http_target *target, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    char piece[4];
    for (; *text; text++) {
        if (strchr(plain, *text))
            snprintf(piece, sizeof piece, "%c", *text);
        else
            snprintf(piece, sizeof piece, "%%%02X", (unsigned)(unsigned char)*text);
        add_plain(target, piece);
    }
}

void http_target_begin(struct http_target *target, const char *path)
{
    memset(target, 0, sizeof *target);
    add_plain(target, path);
}

void http_target_segment(struct http_target *target, const char *segment)
{
    /* An empty segment, "." and ".." would name another resource. */
    if (!*segment || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
        target->failed = 1;
    add_plain(target, "/");
    add_encoded(target, segment);
}

void http_target_plain(struct http_target *target, const char *path)
{
    add_plain(target, path);
}

void http_target_query(struct http_target *target, const char *name, const char *value)
{
    if (!value)
        return;
    add_plain(target, target->has_query ? "&" : "?");
    target->has_query = 1;
    add_encoded(target, name);
    add_plain(target, "=");
    add_encoded(target, value);
}
