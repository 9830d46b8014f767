/* dns_message.h: what we need of a DNS response (RFC 1035 §4): addresses (A, RFC 3596), servers
 * (SRV, RFC 2782), services (NAPTR, RFC 3403) and texts (TXT), and how long they hold. Pure. */
#ifndef GATEWAY_DNS_DNS_MESSAGE_H
#define GATEWAY_DNS_DNS_MESSAGE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_NAME_TEXT = 256, DNS_RECORDS_MAX = 16, DNS_TXT_TEXT = 1025 };

enum dns_type { DNS_A = 1, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

struct dns_record {
    union {
        struct in_addr a;
        struct in6_addr aaaa;
        struct {
            uint16_t priority, weight, port;
            char target[DNS_NAME_TEXT]; /* "": there is no such service */
        } srv;
        struct {
            uint16_t order, preference;
            char flags[4], service[32];
            char replacement[DNS_NAME_TEXT];
        } naptr;
        char txt[DNS_TXT_TEXT]; /* its strings joined; printable ASCII */
    } u;
};

struct dns_answer {
    /* 0; -ENOENT: no such name or no such record; -ETIMEDOUT: nobody answered; -EIO: the server
     * could not tell; -EBADMSG; -ENOMEM; -ECANCELED */
    int status;
    uint32_t ttl_s; /* how long it holds: the least of its records, of -ENOENT by RFC 2308 */
    size_t count;
    struct dns_record records[DNS_RECORDS_MAX];
};

/* Reads a response to a question for that type. Records of that type in the answer section count
 * whatever their owner (they follow an alias). Those that have odd names, and more than
 * DNS_RECORDS_MAX, are left out; NAPTR records with a regular expression, and texts that are longer
 * or not printable, too. Always fills in all of *answer. */
void dns_message_read(const uint8_t *bytes, size_t length, enum dns_type type,
                      struct dns_answer *answer);

#endif
