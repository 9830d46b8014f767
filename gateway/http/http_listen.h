/* http_listen.h: binding the Unix socket. */
#ifndef GATEWAY_HTTP_HTTP_LISTEN_H
#define GATEWAY_HTTP_HTTP_LISTEN_H

#include <sys/types.h>

struct http_listen_place {
    char path[108];
    dev_t device; /* of the socket file made, so that only that one is removed */
    ino_t inode;
};

/* Makes a listening, non-blocking, close-on-exec socket at path with mode. See http_server_open()
 * for what is replaced. Returns the descriptor, which the caller owns, or a negative errno. */
int http_listen_unix(const char *path, mode_t mode, struct http_listen_place *place)
    __attribute__((warn_unused_result));

/* Removes the socket file if it is still the one that was made. */
void http_listen_remove(const struct http_listen_place *place);

#endif
