/* vault.h: the vault file of one fax: a header, then sealed frames (AES-256-GCM). The bytes are
 * described in policy/README.md. Nothing here does input or output.
 *
 * The rule that keeps the cipher safe: one (data key, stream, attempt, number) seals one frame in
 * the life of a fax. Whatever is sealed again after a failure takes a new attempt number. */
#ifndef POLICY_VAULT_H
#define POLICY_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VAULT_VERSION = 1,
    VAULT_KEY_OCTETS = 32,
    VAULT_FAX_ID_OCTETS = 16,
    VAULT_CLASS_TEXT = 33,  /* capacity of a class name with its NUL */
    VAULT_KEY_ID_TEXT = 64, /* capacity of a key id with its NUL */
    VAULT_HEADER_MAX = 160, /* octets an encoded header takes at most */
    VAULT_FRAME_HEADER_OCTETS = 16,
    VAULT_TAG_OCTETS = 16,
    VAULT_FRAME_OVERHEAD = VAULT_FRAME_HEADER_OCTETS + VAULT_TAG_OCTETS,
    VAULT_PLAIN_MAX = 32 * 1024 * 1024 + 64, /* a page of 32 MiB and its metadata block */
    VAULT_PAGE_META_OCTETS = 52,
    VAULT_DIGEST_OCTETS = 32
};

/* What the frames of one subkey hold. The numbers stand in files: never reuse one. */
enum vault_stream {
    VAULT_STREAM_PAGES = 1,     /* pages received in an attempt (call); number = page from 1 */
    VAULT_STREAM_RENDITION = 2, /* pages rendered for sending; number = page from 1 */
    VAULT_STREAM_DOCUMENT = 3,  /* the submitted document in pieces; number from 1 */
    VAULT_STREAM_TRACE = 4,     /* protocol trace of an attempt in pieces; number from 1 */
    VAULT_STREAM_MESSAGE = 5    /* a message that came by mail, in pieces; number from 1 */
};

/* The clear header. Class and key id say which key the file was sealed under at first; the key
 * record of the key store decides (a re-wrap does not touch the vault). */
struct vault_header {
    uint8_t fax_id[VAULT_FAX_ID_OCTETS];
    char class_name[VAULT_CLASS_TEXT];
    char key_id[VAULT_KEY_ID_TEXT];
};

/* Encodes header to out. Returns 0 and the octets written in *length; FAX_EP_INVAL for texts that
 * are empty or hold octets outside printable ASCII, FAX_EP_LIMIT when capacity is too small
 * (VAULT_HEADER_MAX always suffices). */
int vault_header_encode(const struct vault_header *header, uint8_t *out, size_t capacity,
                        size_t *length) __attribute__((warn_unused_result));

/* Decodes the header at the start of a file image. expected_fax_id may be NULL. *length: where the
 * first frame begins. Errors: FAX_EP_TRUNCATED, FAX_EP_VERSION, FAX_EP_FORMAT (wrong magic, bad
 * check sum, bad text), FAX_EP_MISMATCH (the file of another fax). */
int vault_header_decode(const uint8_t *bytes, size_t available, const uint8_t *expected_fax_id,
                        struct vault_header *header, size_t *length)
    __attribute__((warn_unused_result));

/* What a frame says about itself in clear. It is authenticated only by vault_open_frame. */
struct vault_frame_info {
    enum vault_stream stream;
    uint16_t attempt;
    uint32_t number;
    uint32_t plain_length; /* octets */
    size_t frame_length;   /* octets with header and tag: the next frame begins after them */
};

/* Octets of the frame that plain_length octets become. */
size_t vault_frame_sealed_length(size_t plain_length);

/* Reads only the 16 octets of a frame header, for walking a file without loading it.
 * Errors: FAX_EP_TRUNCATED (fewer than 16 octets, or 16 zero octets: space that was never
 * written), FAX_EP_FORMAT (damaged header). */
int vault_frame_header_decode(const uint8_t *bytes, size_t available, struct vault_frame_info *info)
    __attribute__((warn_unused_result));

/* As vault_frame_header_decode, and the whole frame must be there, else FAX_EP_TRUNCATED: the last
 * frame of a file was torn by a crash. info is filled also then if the header could be read. */
int vault_frame_peek(const uint8_t *bytes, size_t available, struct vault_frame_info *info)
    __attribute__((warn_unused_result));

/* Seals the frames of one stream and attempt of one fax. */
struct vault_sealer;

/* Makes a sealer; the caller owns *sealer and its own copy of data_key (it may wipe that at once).
 * Errors: FAX_EP_INVAL (unknown stream), FAX_EP_NOMEM, FAX_EP_CRYPTO. */
int vault_sealer_new(const uint8_t data_key[VAULT_KEY_OCTETS],
                     const uint8_t fax_id[VAULT_FAX_ID_OCTETS], enum vault_stream stream,
                     uint16_t attempt, struct vault_sealer **sealer)
    __attribute__((warn_unused_result));

/* Wipes the subkey and frees. NULL is safe. */
void vault_sealer_free(struct vault_sealer *sealer);

/* A piece of plaintext; it stays the caller's. */
struct vault_piece {
    const void *bytes;
    size_t length;
};

/* Seals the concatenation of pieces as frame number into out and writes the octets used to
 * *length. Numbers must rise from call to call (FAX_EP_INVAL otherwise, also for 0): this is what
 * keeps a nonce from being used twice. A number is used up also by a call that fails in the
 * cipher. Errors: FAX_EP_LIMIT (out too small or plaintext over VAULT_PLAIN_MAX), FAX_EP_CRYPTO. */
int vault_seal_frame(struct vault_sealer *sealer, uint32_t number, const struct vault_piece *pieces,
                     size_t piece_count, uint8_t *out, size_t capacity, size_t *length)
    __attribute__((warn_unused_result));

/* Opens the frames of one fax, of any stream and attempt. */
struct vault_opener;

/* Makes an opener, which keeps a copy of data_key until it is freed.
 * Errors: FAX_EP_NOMEM, FAX_EP_CRYPTO. */
int vault_opener_new(const uint8_t data_key[VAULT_KEY_OCTETS],
                     const uint8_t fax_id[VAULT_FAX_ID_OCTETS], struct vault_opener **opener)
    __attribute__((warn_unused_result));

/* Wipes the keys and frees. NULL is safe. */
void vault_opener_free(struct vault_opener *opener);

/* Opens the frame at the start of frame (available octets, more may follow). On success plain holds
 * *plain_length octets. On any failure plain is wiped as far as it was written.
 * Errors: FAX_EP_AUTH (altered, or another key or fax), FAX_EP_FORMAT, FAX_EP_TRUNCATED,
 * FAX_EP_LIMIT (capacity too small), FAX_EP_CRYPTO. */
int vault_open_frame(struct vault_opener *opener, const uint8_t *frame, size_t available,
                     uint8_t *plain, size_t capacity, size_t *plain_length)
    __attribute__((warn_unused_result));

/* What stands before the image data in the plaintext of a page frame (PAGES and RENDITION). */
struct vault_page_meta {
    uint8_t coding; /* how the data is coded; the numbers of the caller's codings, 1–255 */
    bool lsb_first; /* the first pixel is in the lowest bit of an octet */
    uint32_t width; /* pixels */
    uint32_t rows;
    uint32_t x_dpi;
    uint32_t y_dpi;
    uint8_t digest[VAULT_DIGEST_OCTETS]; /* SHA-256 of the pixels, see the caller's raster */
};

/* Encodes meta to out. */
void vault_page_meta_encode(const struct vault_page_meta *meta,
                            uint8_t out[VAULT_PAGE_META_OCTETS]);

/* Decodes the block at the start of an opened page; the data follows at VAULT_PAGE_META_OCTETS.
 * Errors: FAX_EP_TRUNCATED, FAX_EP_FORMAT (coding 0, lsb_first not 0 or 1, reserved octets set,
 * zero width or rows). */
int vault_page_meta_decode(const uint8_t *plain, size_t length, struct vault_page_meta *meta)
    __attribute__((warn_unused_result));

#endif
