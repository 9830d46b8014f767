/* message_results.h: what a host that is trusted says of a message's author in an
 * Authentication-Results field (RFC 8601). Pure. */
#ifndef GATEWAY_RENDER_MESSAGE_RESULTS_H
#define GATEWAY_RENDER_MESSAGE_RESULTS_H

#include <stdbool.h>

/* Whether a signature's domain speaks for an author's: it is the same, or the author's lies below
 * it (relaxed alignment, RFC 7489 §3.1.1, without a list of public suffixes: who signs for a domain
 * may speak for what lies below it). A domain without a dot speaks for nobody but itself. */
bool message_domain_aligned(const char *signing, const char *author);

/* Whether the field was written by host and says dkim=pass for a domain aligned with author, or
 * dmarc=pass for author itself. What cannot be read says nothing. */
bool message_results_pass(const char *field, const char *host, const char *author);

#endif
