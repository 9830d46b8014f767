#include "gateway/control/trace_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/control/fax_store.h"
#include "gateway/file_octets.h"
#include "gateway/trace/call_trace.h"
#include "policy/policy_error.h"

enum { FRAME_MAX = TRACE_OCTETS_MAX + VAULT_FRAME_OVERHEAD };

/* Goes along the frames of a vault file. */
struct walk {
    int fd;
    uint64_t offset, size;
};

static int walk_begin(struct walk *w, int fd, const struct fax_id *fax)
{
    uint8_t octets[VAULT_HEADER_MAX];
    struct vault_header header;
    struct stat status;
    size_t length;
    memset(w, 0, sizeof *w);
    if (fstat(fd, &status) < 0)
        return -errno;
    w->fd = fd;
    w->size = (uint64_t)status.st_size;
    size_t available = w->size < sizeof octets ? (size_t)w->size : sizeof octets;
    int rc = file_read_all_at(fd, octets, available, 0);
    if (rc < 0)
        return rc;
    if (vault_header_decode(octets, available, fax->octets, &header, &length) < 0)
        return -EBADMSG;
    w->offset = length;
    return 0;
}

/* Reads what the next frame is, without going past it. Returns 1; 0 at the end; -ENODATA when what
 * follows was not written to its end; another negative errno. */
static int walk_look(const struct walk *w, struct vault_frame_info *info)
{
    uint8_t octets[VAULT_FRAME_HEADER_OCTETS];
    if (w->offset >= w->size)
        return 0;
    if (w->size - w->offset < sizeof octets)
        return -ENODATA;
    int rc = file_read_all_at(w->fd, octets, sizeof octets, w->offset);
    if (rc < 0)
        return rc;
    rc = vault_frame_header_decode(octets, sizeof octets, info);
    if (rc == FAX_EP_TRUNCATED || (rc == 0 && info->frame_length > w->size - w->offset))
        return -ENODATA;
    return rc < 0 ? -EBADMSG : 1;
}

static int find_end(struct walk *w, bool may_cut)
{
    struct vault_frame_info info;
    int found;
    while ((found = walk_look(w, &info)) == 1)
        w->offset += info.frame_length;
    if (found != -ENODATA)
        return found;
    if (!may_cut)
        return -EBADMSG;
    return ftruncate(w->fd, (off_t)w->offset) < 0 ? -errno : 0;
}

static int write_frame(const struct walk *w, struct vault_sealer *sealer, const uint8_t *octets,
                       size_t length, uint32_t *frame_length)
{
    const struct vault_piece piece = {octets, length};
    size_t frame_octets = 0;
    uint8_t *frame = malloc(FRAME_MAX);
    if (!frame)
        return -ENOMEM;
    int rc = -EIO;
    if (vault_seal_frame(sealer, 1, &piece, 1, frame, FRAME_MAX, &frame_octets) == 0)
        rc = file_write_all_at(w->fd, frame, frame_octets, w->offset);
    free(frame);
    *frame_length = (uint32_t)frame_octets;
    if (rc < 0)
        return rc;
    return fdatasync(w->fd) < 0 ? -errno : 0;
}

int trace_store_append(const char *vault, const struct fax_id *fax, struct vault_sealer *sealer,
                       const uint8_t *octets, size_t length, bool may_cut,
                       struct trace_place *place)
{
    struct walk w;
    int fd;
    int rc = fax_store_open(vault, fax, true, &fd);
    if (rc < 0)
        return rc;
    rc = walk_begin(&w, fd, fax);
    if (rc == 0)
        rc = find_end(&w, may_cut);
    if (rc == 0)
        rc = write_frame(&w, sealer, octets, length, &place->length);
    place->offset = w.offset;
    close(fd);
    return rc;
}

/* The place of the trace wanted, or of the last one. */
static int find_trace(struct walk *w, uint16_t attempt, struct vault_frame_info *found,
                      uint64_t *at)
{
    struct vault_frame_info info;
    bool any = false;
    int rc;
    while ((rc = walk_look(w, &info)) == 1) {
        if (info.stream == VAULT_STREAM_TRACE && (attempt == 0 || info.attempt == attempt)) {
            *found = info;
            *at = w->offset;
            any = true;
        }
        w->offset += info.frame_length;
    }
    if (rc < 0 && rc != -ENODATA)
        return rc;
    return any ? 0 : -ENODATA;
}

static int read_frame(int fd, const struct vault_frame_info *info, uint64_t at,
                      struct vault_opener *opener, uint8_t *out, size_t capacity, size_t *length)
{
    if (info->frame_length > FRAME_MAX)
        return -EBADMSG;
    uint8_t *frame = malloc(info->frame_length);
    if (!frame)
        return -ENOMEM;
    int rc = file_read_all_at(fd, frame, info->frame_length, at);
    if (rc == 0) {
        rc = vault_open_frame(opener, frame, info->frame_length, out, capacity, length);
        rc = rc == 0 ? 0 : rc == FAX_EP_CRYPTO ? -ENOMEM : -EBADMSG;
    }
    free(frame);
    return rc;
}

int trace_store_read(const char *vault, const struct fax_id *fax,
                     const uint8_t data_key[VAULT_KEY_OCTETS], uint16_t *attempt, uint8_t *out,
                     size_t capacity, size_t *length)
{
    struct vault_opener *opener = NULL;
    struct vault_frame_info info = {0};
    struct walk w;
    uint64_t at = 0;
    int fd;
    int rc = fax_store_open(vault, fax, false, &fd);
    if (rc < 0)
        return rc;
    rc = walk_begin(&w, fd, fax);
    if (rc == 0)
        rc = find_trace(&w, *attempt, &info, &at);
    if (rc == 0 && vault_opener_new(data_key, fax->octets, &opener) < 0)
        rc = -ENOMEM;
    if (rc == 0)
        rc = read_frame(fd, &info, at, opener, out, capacity, length);
    if (rc == 0)
        *attempt = info.attempt;
    vault_opener_free(opener);
    close(fd);
    return rc;
}
