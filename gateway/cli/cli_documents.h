/* cli_documents.h: several files as one submission, multipart/mixed (RFC 2046 §5.1). */
#ifndef GATEWAY_CLI_CLI_DOCUMENTS_H
#define GATEWAY_CLI_CLI_DOCUMENTS_H

#include <stddef.h>

enum { CLI_DOCUMENTS_TYPE_TEXT = 128 };

/* Opens a file to be sent; "-" is standard input. Returns a descriptor, or -1 after having
 * complained. */
int cli_documents_open(const char *file);

/* Puts the files into a memfd, in order, each as a part with its name. The boundary comes from a
 * digest of the contents: it cannot stand in them, and the same files give the same octets.
 * *type receives the Content-Type. Returns the descriptor, positioned at its start, or -1 after
 * having complained. */
int cli_documents_join(const char *const *files, size_t count, char type[CLI_DOCUMENTS_TYPE_TEXT]);

#endif
