#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http/http_connection.h"

static size_t segment_length(const char *at)
{
    return strcspn(at, "/");
}

static void forget_params(struct http_request *request)
{
    for (size_t i = 0; i < request->param_count; i++)
        free(request->params[i].value);
    request->param_count = 0;
}

/* Compares segment by segment; the values of parameters are copied as they stand in the path.
 * Returns 1, 0, or -ENOMEM, which says nothing about the path. */
static int matches(const char *pattern, struct http_request *request)
{
    const char *path = request->head.path;
    while (*pattern == '/' && *path == '/') {
        size_t want = segment_length(++pattern), have = segment_length(++path);
        if (*pattern == '{') {
            if (have == 0 || request->param_count == HTTP_PARAMS_MAX)
                return 0;
            char *value = strndup(path, have);
            if (!value)
                return -ENOMEM;
            request->params[request->param_count].name = pattern + 1;
            request->params[request->param_count].name_length = want - 2;
            request->params[request->param_count++].value = value;
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return 0;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

static int decode_params(struct http_request *request)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (http_uri_decode(request->params[i].value) < 0 || strchr(request->params[i].value, '/'))
            return 400;
    return 0;
}

int http_route_find(const struct http_route *routes, struct http_request *request, char *allow,
                    size_t allow_size)
{
    size_t used = 0;
    for (const struct http_route *route = routes; route->method; route++) {
        int match = matches(route->pattern, request);
        if (match < 0)
            return 503;
        if (match && strcmp(route->method, request->head.method) == 0) {
            request->route = route;
            return decode_params(request);
        }
        forget_params(request);
        if (match && used < allow_size) {
            int wrote =
                snprintf(allow + used, allow_size - used, "%s%s", used ? ", " : "", route->method);
            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
    return used ? 405 : 404;
}
