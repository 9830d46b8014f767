#include "gateway/render/message_pages.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "codecs/fax_error.h"
#include "gateway/process/sandbox.h"
#include "gateway/render/cover_page.h"
#include "gateway/render/message_parts.h"

struct message_rendering {
    struct render_job *job;
    const struct msg_render_message *request;
    struct message_tree tree;
    struct message_pieces pieces;
    uint32_t next; /* piece */
    char *body;    /* the texts that stand together */
    size_t body_length;
    struct cover_page cover;
};

/* Texts that follow each other are one document. */
static int gather_body(struct message_rendering *r)
{
    const struct message_piece *pieces = r->pieces.pieces;
    uint32_t end = r->next;
    size_t length = 0;

    OPENSSL_clear_free(r->body, r->body_length);
    r->body = NULL;
    r->body_length = 0;
    while (end < r->pieces.count && pieces[end].is_body)
        length += pieces[end++].length + 2;
    r->body = malloc(length + 1);
    if (r->body == NULL)
        return render_fail(r->job, FAX_ENOMEM, 0, "no memory for the text");
    for (; r->next < end; r->next++) {
        const struct message_piece *piece = &pieces[r->next];
        memcpy(r->body + r->body_length, piece->octets, piece->length);
        r->body_length += piece->length;
        memcpy(r->body + r->body_length, "\n\n", 2);
        r->body_length += 2;
    }
    while (r->body_length > 0 && strchr(" \n\t", r->body[r->body_length - 1]) != NULL)
        r->body_length--;
    return 0;
}

/* file 0: the text of the message. */
static int render_piece(struct message_rendering *r, const uint8_t *octets, size_t length,
                        uint32_t file, const char *name)
{
    struct render_document *document = &r->job->document;
    uint32_t before = document->pages_before + document->pages;

    *document = (struct render_document){
        .data = octets, .octets = length, .file = file, .pages_before = before};
    memcpy(document->name, name, strlen(name) + 1);
    if (!render_wants_more(r->job, 0))
        return 0;
    r->job->spell_unknown = file == 0;
    if (file == 0)
        return render_text(r->job);
    return render_document_at_hand(r->job);
}

static int read_template(struct message_rendering *r, int descriptor, char **text, size_t *length)
{
    struct stat status;

    *text = NULL;
    *length = 0;
    if (descriptor < 0)
        return 0;
    if (fstat(descriptor, &status) < 0 || status.st_size <= 0 ||
        status.st_size > COVER_TEMPLATE_MAX)
        return render_fail(r->job, FAX_ELIMIT, 0, "the cover template is empty or too long");
    void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED)
        return render_fail(r->job, -errno, 0, "the cover template cannot be mapped");
    *text = map;
    *length = (size_t)status.st_size;
    return 0;
}

/* The text stands on the cover page when it was to; else the page is the template alone. */
static int render_cover(struct message_rendering *r, int descriptor)
{
    char reason[COVER_REASON_MAX], *text;
    size_t length;
    int error = read_template(r, descriptor, &text, &length);

    if (error != 0)
        return error;
    error = cover_page_draw(r->request, text, length, &r->cover, reason);
    if (error != 0)
        error = render_fail(r->job, error, 0, "%s", reason);
    if (error == 0 && r->request->text == MESSAGE_TEXT_COVER && r->pieces.count > 0 &&
        r->pieces.pieces[0].is_body)
        error = gather_body(r);
    r->job->cover = &r->cover;
    if (error == 0)
        error = render_piece(r, (const uint8_t *)r->body, r->body_length, 0, "");
    r->job->cover = NULL;
    if (text != NULL)
        munmap(text, length);
    return error;
}

static int render_pieces(struct message_rendering *r)
{
    uint32_t files = 0;
    int error = 0;

    while (error == 0 && r->next < r->pieces.count) {
        const struct message_piece *piece = &r->pieces.pieces[r->next];

        if (piece->is_body) {
            error = gather_body(r);
            if (error == 0)
                error = render_piece(r, (const uint8_t *)r->body, r->body_length, 0, "");
            continue;
        }
        error = render_piece(r, piece->octets, piece->length, ++files, piece->name);
        r->next++;
    }
    if (error == 0)
        r->job->document.file = 0;
    return error;
}

/* Only what runs further programs may. */
static bool needs_programs(const struct message_rendering *r)
{
    for (uint32_t i = 0; i < r->pieces.count; i++)
        if (!r->pieces.pieces[i].is_body &&
            render_needs_programs(r->pieces.pieces[i].octets, r->pieces.pieces[i].length))
            return true;
    return false;
}

static int render(struct message_rendering *r, int message, int cover_template)
{
    char reason[MESSAGE_REASON_MAX];
    int error = message_tree_open(&r->tree, message, reason);

    if (error != 0)
        return render_fail(r->job, error, 0, "%s", reason);
    error = message_pieces_collect(&r->pieces, &r->tree, r->request);
    if (error != 0)
        return render_fail(r->job, error, 0, "%s", r->pieces.reason);
    if (r->pieces.count == 0 && !r->request->cover)
        return render_fail(r->job, FAX_EEMPTY, 0, "the message has nothing that can be faxed");
    if (!needs_programs(r) && sandbox_alone() != 0)
        return render_fail(r->job, FAX_ESTATE, 0, "the sandbox cannot be made narrower");
    if (r->request->cover)
        error = render_cover(r, cover_template);
    if (error == 0)
        error = render_pieces(r);
    return error == 0 ? render_check_wanted(r->job) : error;
}

int message_pages_render(struct render_job *job, int message, int cover_template,
                         const struct msg_render_message *request)
{
    struct message_rendering r = {.job = job, .request = request};
    int error = render(&r, message, cover_template);

    OPENSSL_clear_free(r.body, r.body_length);
    message_pieces_free(&r.pieces);
    message_tree_close(&r.tree);
    cover_page_free(&r.cover);
    return error;
}
