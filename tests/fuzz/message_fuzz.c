/* Messages as the render process reads them: head, parts, text. The first octet says which
 * character of a request applies; the rest is the message. GMime itself is not instrumented. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/render/cover_page.h"
#include "gateway/render/html_text.h"
#include "gateway/render/message_head.h"
#include "gateway/render/message_parts.h"
#include "gateway/render/message_results.h"
#include "policy/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What reaches control has an end and is text. */
static void require_text(const char *text, size_t capacity)
{
    if (memchr(text, '\0', capacity) == NULL || !utf8_valid(text, strlen(text)))
        abort();
}

static void read_message(const uint8_t *data, size_t size, uint8_t choice)
{
    static struct message_facts facts;
    static char numbers[MESSAGE_ADDRESSED_MAX][NUMBER_TEXT];
    const struct msg_inspect inspect = {.trusted_host = "mx.example", .domains = "fax.example"};
    const struct msg_render_message request = {
        .text = choice % 3, .parts_max = 50, .depth_max = 8, .refused = ".exe,application/zip"};
    struct message_tree tree;
    struct message_pieces pieces;
    char reason[MESSAGE_REASON_MAX];
    int fd = memfd_create("message", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (message_tree_open(&tree, fd, reason) == 0) {
        if (message_head_read(&tree, &inspect, &facts, numbers) == 0) {
            require_text(facts.from, sizeof facts.from);
            require_text(facts.subject, sizeof facts.subject);
            require_text(facts.message_id, sizeof facts.message_id);
            require_text(facts.problem, sizeof facts.problem);
        }
        if (message_pieces_collect(&pieces, &tree, &request) == 0)
            for (uint32_t i = 0; i < pieces.count; i++)
                if (pieces.pieces[i].text != NULL &&
                    !utf8_valid(pieces.pieces[i].text, pieces.pieces[i].length))
                    abort();
        message_pieces_free(&pieces);
    }
    message_tree_close(&tree);
    close(fd);
}

static void read_parts(const uint8_t *data, size_t size)
{
    static const struct msg_render_message request = {.subject = "<&>"};
    char reason[COVER_REASON_MAX], *text, *copy;
    size_t length;

    if (html_text_make((const char *)data, size, 4 * size + 64, &text, &length) == 0)
        free(text);
    if (cover_page_fill(&request, (const char *)data, size, &text, &length, reason) == 0)
        free(text);
    copy = malloc(size + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    copy[size] = '\0';
    (void)message_results_pass(copy, "mx.example", "example.com");
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 65536)
        return 0;
    read_message(data + 1, size - 1, data[0]);
    read_parts(data + 1, size - 1);
    return 0;
}
