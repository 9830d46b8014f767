/* table.h: a hash table of text keys with a secret seed (SipHash-2-4), nodes inside their owners.
 */
#ifndef GATEWAY_SIP_TABLE_H
#define GATEWAY_SIP_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct sip_node {
    struct sip_node *next;
    uint64_t hash;
    const char *key; /* the owner's; unchanged while in a table */
    void *owner;
};

struct sip_table {
    struct sip_node **buckets;
    size_t mask, count;
    uint8_t seed[16];
};

/* Makes buckets for about capacity entries (more may be added). Errors: -ENOMEM, -EIO (random). */
int sip_table_open(struct sip_table *table, size_t capacity) __attribute__((warn_unused_result));

/* Frees the buckets; the nodes are the owners'. */
void sip_table_close(struct sip_table *table);

/* Returns the owner of the entry with that key, or NULL. */
void *sip_table_find(const struct sip_table *table, const char *key);

/* Adds node, whose key and owner are set and whose key is not in the table yet. */
void sip_table_add(struct sip_table *table, struct sip_node *node);

/* Takes node out; safe when it is not in the table. */
void sip_table_remove(struct sip_table *table, struct sip_node *node);

/* The keyed hash of length octets (SipHash-2-4, 64 bits). */
uint64_t sip_table_hash(const uint8_t seed[16], const void *octets, size_t length);

#endif
