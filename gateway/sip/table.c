#include "gateway/sip/table.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void mix(uint64_t v[4], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32) + v[3];
        v[2] += v[1];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static uint64_t load(const uint8_t *octets, size_t count)
{
    uint64_t x = 0;
    for (size_t i = 0; i < count; i++)
        x |= (uint64_t)octets[i] << (8 * i);
    return x;
}

uint64_t sip_table_hash(const uint8_t seed[16], const void *octets, size_t length)
{
    const uint8_t *at = octets;
    uint64_t k0 = load(seed, 8), k1 = load(seed + 8, 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                     k1 ^ 0x7465646279746573u};
    for (size_t left = length;; left -= 8, at += 8) {
        uint64_t word = left >= 8 ? load(at, 8) : load(at, left) | (uint64_t)length << 56;
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
        if (left < 8)
            break;
    }
    v[2] ^= 0xff;
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int sip_table_open(struct sip_table *table, size_t capacity)
{
    size_t size = 64;
    *table = (struct sip_table){.buckets = NULL};
    while (size < capacity && size < (size_t)1 << 20)
        size *= 2;
    if (RAND_bytes(table->seed, sizeof table->seed) != 1)
        return -EIO;
    table->buckets = calloc(size, sizeof(struct sip_node *));
    table->mask = size - 1;
    return table->buckets ? 0 : -ENOMEM;
}

void sip_table_close(struct sip_table *table)
{
    free(table->buckets);
    table->buckets = NULL;
}

void *sip_table_find(const struct sip_table *table, const char *key)
{
    uint64_t hash = sip_table_hash(table->seed, key, strlen(key));
    for (struct sip_node *n = table->buckets[hash & table->mask]; n; n = n->next) {
        if (n->hash == hash && !strcmp(n->key, key))
            return n->owner;
    }
    return NULL;
}

void sip_table_add(struct sip_table *table, struct sip_node *node)
{
    node->hash = sip_table_hash(table->seed, node->key, strlen(node->key));
    struct sip_node **bucket = &table->buckets[node->hash & table->mask];
    node->next = *bucket;
    *bucket = node;
    table->count++;
}

void sip_table_remove(struct sip_table *table, struct sip_node *node)
{
    struct sip_node **at = &table->buckets[node->hash & table->mask];
    while (*at && *at != node)
        at = &(*at)->next;
    if (*at) {
        *at = node->next;
        table->count--;
    }
}
