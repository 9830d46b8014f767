/* relay_list.h: addresses of mail servers that may bring messages without signing in, and whom
 * certificates of clients stand for. Pure. */
#ifndef GATEWAY_SMTP_RELAY_LIST_H
#define GATEWAY_SMTP_RELAY_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Whether each of the list (ADDRESS or ADDRESS/PREFIX, separated by commas) can be read. */
bool relay_list_valid(const char *list);

/* Whether the list has the address; what cannot be read has none. */
bool relay_list_has(const char *list, const struct sockaddr *address);

/* Whom a list of NAME=PRINCIPAL has for the name (case does not matter). Returns 0 or -ENOENT;
 * -EINVAL when the list cannot be read up to there. */
int client_list_find(const char *list, const char *name, char *principal, size_t size)
    __attribute__((warn_unused_result));

#endif
