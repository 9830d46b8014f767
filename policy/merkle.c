#include "policy/merkle.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "policy/aead.h"
#include "policy/policy_error.h"
#include "policy/wire.h"

enum { LEAF_PREFIX = 0, NODE_PREFIX = 1, STATE_VERSION = 1 };

int merkle_leaf_hash(const void *bytes, size_t length, struct merkle_hash *hash)
{
    static const uint8_t prefix = LEAF_PREFIX;
    int rc = FAX_EP_CRYPTO;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return rc;
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
        EVP_DigestUpdate(context, &prefix, 1) == 1 &&
        (length == 0 || EVP_DigestUpdate(context, bytes, length) == 1) &&
        EVP_DigestFinal_ex(context, hash->octets, NULL) == 1)
        rc = 0;
    EVP_MD_CTX_free(context);
    return rc;
}

int merkle_node_hash(const struct merkle_hash *left, const struct merkle_hash *right,
                     struct merkle_hash *hash)
{
    uint8_t input[1 + 2 * MERKLE_HASH_OCTETS] = {NODE_PREFIX};
    memcpy(input + 1, left->octets, MERKLE_HASH_OCTETS);
    memcpy(input + 1 + MERKLE_HASH_OCTETS, right->octets, MERKLE_HASH_OCTETS);
    return aead_sha256(input, sizeof input, hash->octets);
}

void merkle_tree_init(struct merkle_tree *tree)
{
    memset(tree, 0, sizeof *tree);
}

int merkle_tree_append(struct merkle_tree *tree, const struct merkle_hash *leaf)
{
    struct merkle_hash hash = *leaf;
    unsigned i = 0;
    if (tree->size >> (MERKLE_LEVELS_MAX - 1))
        return FAX_EP_LIMIT;
    for (; tree->size >> i & 1; i++) {
        int rc = merkle_node_hash(&tree->level[i], &hash, &hash);
        if (rc)
            return rc;
    }
    tree->level[i] = hash;
    tree->size++;
    return 0;
}

int merkle_tree_root(const struct merkle_tree *tree, struct merkle_hash *root)
{
    bool started = false;
    if (tree->size == 0)
        return aead_sha256("", 0, root->octets);
    for (unsigned i = 0; i < MERKLE_LEVELS_MAX; i++) {
        if (!(tree->size >> i & 1))
            continue;
        int rc = started ? merkle_node_hash(&tree->level[i], root, root) : 0;
        if (rc)
            return rc;
        if (!started)
            *root = tree->level[i];
        started = true;
    }
    return 0;
}

int merkle_tree_encode(const struct merkle_tree *tree, uint8_t *out, size_t capacity,
                       size_t *length)
{
    struct wire_writer writer;
    wire_writer_init(&writer, out, capacity);
    wire_put_u8(&writer, STATE_VERSION);
    wire_put_u64(&writer, tree->size);
    for (unsigned i = MERKLE_LEVELS_MAX; i-- > 0;)
        if (tree->size >> i & 1)
            wire_put_octets(&writer, tree->level[i].octets, MERKLE_HASH_OCTETS);
    *length = writer.length;
    return writer.error;
}

int merkle_tree_decode(const uint8_t *bytes, size_t length, struct merkle_tree *tree)
{
    struct wire_reader reader;
    merkle_tree_init(tree);
    wire_reader_init(&reader, bytes, length);
    uint8_t version = wire_get_u8(&reader);
    if (!reader.error && version != STATE_VERSION)
        return FAX_EP_VERSION;
    uint64_t size = wire_get_u64(&reader);
    if (size >> MERKLE_LEVELS_MAX)
        return FAX_EP_FORMAT;
    for (unsigned i = MERKLE_LEVELS_MAX; i-- > 0;)
        if (size >> i & 1)
            wire_get_octets(&reader, tree->level[i].octets, MERKLE_HASH_OCTETS);
    if (reader.error)
        return reader.error;
    tree->size = size;
    return reader.offset == length ? 0 : FAX_EP_FORMAT;
}
