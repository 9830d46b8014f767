/* submission_seal.h: seals a page set into a new vault file. Blocking, for the pool. */
#ifndef GATEWAY_CONTROL_SUBMISSION_SEAL_H
#define GATEWAY_CONTROL_SUBMISSION_SEAL_H

#include <stdint.h>

#include "gateway/fax_id.h"
#include "gateway/process/messages.h"
#include "policy/kek_id.h"

struct sealed_page {
    uint32_t width, rows;
    uint16_t x_dpi, y_dpi;
    uint32_t coding, octets;
    uint64_t offset;
    uint32_t length;
    uint8_t digest[32];
};

struct seal_request {
    const char *vault;
    struct fax_id fax;
    char class_name[KEK_CLASS_TEXT], kek_id[KEK_ID_TEXT];
    uint8_t data_key[MSG_KEY_OCTETS];
    int page_set; /* memfd */
    uint64_t octets;
    uint32_t max_pages;
};

/* Seals every page as VAULT_STREAM_RENDITION, attempt 0, into the fax's file in incoming/, fsynced.
 * On success *pages (free()) has *count entries. Errors: -EBADMSG: the page set is malformed; other
 * negative errno. After an error the file is gone. */
int submission_seal(const struct seal_request *request, struct sealed_page **pages, uint32_t *count)
    __attribute__((warn_unused_result));

/* SHA-256 of a memfd's octets as 64 hex digits. Blocking. */
int submission_digest(int document, uint64_t octets, char text[65])
    __attribute__((warn_unused_result));

#endif
