#include "gateway/cli/cli_documents.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/cli/cli_output.h"

enum { DIGEST_HEX = 32, NAME_MAX_OCTETS = 200, PIECE_OCTETS = 65536 };

static const off_t octets_max = (off_t)1 << 30;
static const char boundary_prefix[] = "sealfax-";

/* The body grows behind `length`; the boundaries are filled in when the digest is known. */
struct joined {
    int fd;
    off_t length;
    EVP_MD_CTX *digest;
    off_t *boundaries; /* where the hexadecimal part of each one stands */
    size_t count;
};

static int complain(const char *file, const char *what)
{
    fputs("sealfax: ", stderr);
    cli_print_escaped(stderr, file);
    fprintf(stderr, ": %s\n", what);
    return -1;
}

int cli_documents_open(const char *file)
{
    struct stat info;
    if (strcmp(file, "-") == 0)
        return STDIN_FILENO;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 || fstat(fd, &info) < 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (error == 0)
        return fd;
    complain(file, strerror(error));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int append(struct joined *joined, const void *octets, size_t length)
{
    const char *at = octets;
    while (length > 0) {
        ssize_t n = pwrite(joined->fd, at, length, joined->length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        length -= (size_t)n;
        joined->length += n;
    }
    return 0;
}

static int append_text(struct joined *joined, const char *text)
{
    return append(joined, text, strlen(text));
}

static int append_boundary(struct joined *joined, const char *after)
{
    static const char unknown[DIGEST_HEX + 1] = "                                ";
    int rc = append_text(joined, "--");
    if (rc == 0)
        rc = append_text(joined, boundary_prefix);
    joined->boundaries[joined->count++] = joined->length;
    if (rc == 0)
        rc = append_text(joined, unknown);
    return rc == 0 ? append_text(joined, after) : rc;
}

/* The name without its folders, and without what cannot stand in a quoted string. */
static void name_part(const char *file, char *name)
{
    const char *slash = strrchr(file, '/');
    snprintf(name, NAME_MAX_OCTETS, "%s",
             strcmp(file, "-") == 0 ? "standard input"
             : slash                ? slash + 1
                                    : file);
    for (char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127 || *c == '"' || *c == '\\')
            *c = '_';
}

static int append_head(struct joined *joined, const char *file)
{
    char name[NAME_MAX_OCTETS], head[NAME_MAX_OCTETS + 128];
    name_part(file, name);
    snprintf(head, sizeof head,
             "Content-Type: application/octet-stream\r\n"
             "Content-Disposition: attachment; filename=\"%s\"\r\n\r\n",
             name);
    if (EVP_DigestUpdate(joined->digest, name, strlen(name) + 1) != 1)
        return -ENOMEM;
    return append_text(joined, head);
}

static int append_file(struct joined *joined, int fd)
{
    char piece[PIECE_OCTETS];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if (EVP_DigestUpdate(joined->digest, piece, (size_t)n) != 1)
            return -ENOMEM;
        int rc = joined->length + n > octets_max ? -EFBIG : append(joined, piece, (size_t)n);
        if (rc < 0)
            return rc;
    }
}

static int add_part(struct joined *joined, const char *file)
{
    int fd = cli_documents_open(file);
    if (fd < 0)
        return -1;
    int rc = append_boundary(joined, "\r\n");
    if (rc == 0)
        rc = append_head(joined, file);
    if (rc == 0)
        rc = append_file(joined, fd);
    if (rc == 0)
        rc = append_text(joined, "\r\n");
    if (fd != STDIN_FILENO)
        close(fd);
    return rc < 0 ? complain(file, strerror(-rc)) : 0;
}

static int fill_boundaries(struct joined *joined, char type[CLI_DOCUMENTS_TYPE_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[DIGEST_HEX + 1];
    if (EVP_DigestFinal_ex(joined->digest, digest, NULL) != 1)
        return -ENOMEM;
    for (size_t i = 0; i < DIGEST_HEX / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    for (size_t i = 0; i < joined->count; i++)
        if (pwrite(joined->fd, hex, DIGEST_HEX, joined->boundaries[i]) != DIGEST_HEX)
            return -EIO;
    snprintf(type, CLI_DOCUMENTS_TYPE_TEXT, "multipart/mixed; boundary=\"%s%s\"", boundary_prefix,
             hex);
    return 0;
}

static int join(struct joined *joined, const char *const *files, size_t count,
                char type[CLI_DOCUMENTS_TYPE_TEXT])
{
    joined->digest = EVP_MD_CTX_new();
    joined->boundaries = calloc(count + 1, sizeof *joined->boundaries);
    joined->fd = memfd_create("sealfax-documents", MFD_CLOEXEC);
    if (!joined->digest || !joined->boundaries || joined->fd < 0 ||
        EVP_DigestInit_ex(joined->digest, EVP_sha256(), NULL) != 1)
        return complain(files[0], "no memory");
    for (size_t i = 0; i < count; i++)
        if (add_part(joined, files[i]) < 0)
            return -1;
    int rc = append_boundary(joined, "--\r\n");
    if (rc == 0)
        rc = fill_boundaries(joined, type);
    return rc < 0 ? complain(files[0], strerror(-rc)) : 0;
}

int cli_documents_join(const char *const *files, size_t count, char type[CLI_DOCUMENTS_TYPE_TEXT])
{
    struct joined joined = {.fd = -1};
    int rc = join(&joined, files, count, type);
    EVP_MD_CTX_free(joined.digest);
    free(joined.boundaries);
    if (rc == 0)
        return joined.fd;
    if (joined.fd >= 0)
        close(joined.fd);
    return -1;
}
