/* trace_store.h: traces in the vault files of their faxes (policy/vault.h, stream 4, number 1).
 * Blocking, for the pool. */
#ifndef GATEWAY_CONTROL_TRACE_STORE_H
#define GATEWAY_CONTROL_TRACE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/fax_id.h"
#include "policy/vault.h"

/* A frame in a vault file, in octets. */
struct trace_place {
    uint64_t offset;
    uint32_t length;
};

/* Appends a sealed trace and fsyncs the file. *place tells where its frame is. may_cut:
 * a frame that is not whole at the end, left by a crash, is written over; else -EBADMSG then. The
 * caller sees to it that nobody else appends meanwhile. Returns 0 or a negative errno; -ENOENT when
 * the fax has been disposed of. */
int trace_store_append(const char *vault, const struct fax_id *fax, struct vault_sealer *sealer,
                       const uint8_t *octets, size_t length, bool may_cut,
                       struct trace_place *place) __attribute__((warn_unused_result));

/* Reads the trace of an attempt, or with attempt 0 the latest, into out; *attempt gets which.
 * Returns 0; -ENOENT no vault file; -ENODATA no such trace; -EBADMSG damaged; another errno. */
int trace_store_read(const char *vault, const struct fax_id *fax,
                     const uint8_t data_key[VAULT_KEY_OCTETS], uint16_t *attempt, uint8_t *out,
                     size_t capacity, size_t *length) __attribute__((warn_unused_result));

#endif
