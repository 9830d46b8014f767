#include "gateway/control/fax_watchers.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/wall_clock.h"

enum { WATCHERS_MAX = 1000 };

struct watcher {
    struct watcher *next;
    struct fax_watchers *owner;
    struct fax_id fax;
    struct http_request *stream;
};

struct fax_watchers {
    struct watcher *first;
    size_t count;
};

int fax_watchers_new(struct fax_watchers **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -ENOMEM;
}

static struct http_request *unlink_watcher(struct fax_watchers *w, struct watcher **at)
{
    struct watcher *gone = *at;
    struct http_request *stream = gone->stream;
    *at = gone->next;
    w->count--;
    free(gone);
    return stream;
}

void fax_watchers_free(struct fax_watchers *w)
{
    if (!w)
        return;
    while (w->first) {
        struct http_request *stream = unlink_watcher(w, &w->first);
        http_request_on_gone(stream, NULL, NULL);
        http_stream_end(stream);
    }
    free(w);
}

static void on_gone(struct http_request *stream, void *user)
{
    struct fax_watchers *w = user;
    for (struct watcher **at = &w->first; *at; at = &(*at)->next) {
        if ((*at)->stream != stream)
            continue;
        unlink_watcher(w, at);
        http_stream_abort(stream);
        return;
    }
}

int fax_watchers_add(struct fax_watchers *w, const struct fax_id *fax, struct http_request *stream)
{
    if (w->count >= WATCHERS_MAX)
        return -EUSERS;
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (!watcher)
        return -ENOMEM;
    watcher->owner = w;
    watcher->fax = *fax;
    watcher->stream = stream;
    watcher->next = w->first;
    w->first = watcher;
    w->count++;
    if (http_request_on_gone(stream, on_gone, w) < 0)
        on_gone(stream, w);
    return 0;
}

static json_t *now_text(void)
{
    char text[WALL_CLOCK_TEXT];
    wall_clock_text(wall_clock_ms(), text);
    return json_string(text);
}

void fax_watchers_tell(struct fax_watchers *w, const struct fax_id *fax, const char *kind,
                       const char *state, json_t *line, bool last)
{
    if (!line)
        line = json_object(); /* whoever waits for the end is told of it in any case */
    json_object_set_new(line, "time", now_text());
    json_object_set_new(line, "kind", json_string(kind));
    json_object_set_new(line, "state", json_string(state));
    for (struct watcher **at = &w->first; *at;) {
        if (!fax_id_equal(&(*at)->fax, fax)) {
            at = &(*at)->next;
            continue;
        }
        /* A client too slow to take the lines loses some, never the last one's end. */
        http_stream_json_line((*at)->stream, json_incref(line));
        if (!last) {
            at = &(*at)->next;
            continue;
        }
        struct http_request *stream = unlink_watcher(w, at);
        http_request_on_gone(stream, NULL, NULL);
        http_stream_end(stream);
    }
    json_decref(line);
}

void fax_watchers_say(struct fax_watchers *w, const struct fax_id *fax, const char *kind,
                      const char *state, const char *text)
{
    fax_watchers_tell(w, fax, kind, state,
                      text[0] ? json_pack("{s:s}", "text", text) : json_object(), false);
}
