/* socket_address.h: IPv4 and IPv6 addresses with ports: from text, as text, compared. */
#ifndef GATEWAY_SOCKET_ADDRESS_H
#define GATEWAY_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Octets of an address as text with its NUL. */
enum { SOCKET_ADDRESS_HOST = INET6_ADDRSTRLEN };

/* Reads a literal address (no names, no brackets) and sets the port, which is in host order. The
 * rest of *out is zero. Errors: -EINVAL. */
int socket_address_parse(const char *host, uint16_t port, struct sockaddr_storage *out)
    __attribute__((warn_unused_result));

/* The host of an address with another port, in host order; the rest of *out is zero. Of another
 * family than IPv4 and IPv6 nothing is left: AF_UNSPEC. */
void socket_address_with_port(const struct sockaddr *address, uint16_t port,
                              struct sockaddr_storage *out);

/* The length that bind(), connect() and sendto() want; 0 for another family. */
socklen_t socket_address_length(const struct sockaddr *address);

/* In host order; 0 for another family. */
uint16_t socket_address_port(const struct sockaddr *address);

/* The address without its port; "" for another family. */
void socket_address_host(const struct sockaddr *address, char text[SOCKET_ADDRESS_HOST]);

/* Whether both are of the same family, IPv4 or IPv6, and equal but for the port. */
bool socket_address_same_host(const struct sockaddr *a, const struct sockaddr *b);

#endif
