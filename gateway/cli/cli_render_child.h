/* cli_render_child.h: a document rendered without a gateway, in a sandboxed process of its own as a
 * gateway starts it (gateway/render). */
#ifndef GATEWAY_CLI_CLI_RENDER_CHILD_H
#define GATEWAY_CLI_CLI_RENDER_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/process/messages.h"

struct cli_rendered {
    const uint8_t *pages; /* a page set (codecs/page_set.h), mapped; nobody checked it yet */
    size_t octets;
    char reason[256]; /* one sentence when there is none */
};

/* Renders what stands in `document`, a memfd, and waits for it. As root the process runs as nobody.
 * Returns 0 (cli_rendered_free), or -1 with a reason. */
int cli_render_child_run(const struct msg_render_document *request, int document,
                         struct cli_rendered *out) __attribute__((warn_unused_result));

/* Safe on an all-zero struct. */
void cli_rendered_free(struct cli_rendered *rendered);

#endif
