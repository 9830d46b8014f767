/* trunk_sources.h: which trunk a message comes from: the addresses of all peers of all trunks,
 * those of names kept up to date by DNS; and OPTIONS to those whose trunk asks for it. */
#ifndef GATEWAY_CONTROL_TRUNK_SOURCES_H
#define GATEWAY_CONTROL_TRUNK_SOURCES_H

#include "gateway/control/policy_cache.h"

struct control;
struct trunk_sources;

/* Addresses known at most, and how long one that a name no longer has is still taken for a peer's:
 * calls that it began may outlive the record. */
enum { TRUNK_SOURCES_MAX = 1024, TRUNK_SOURCE_KEEP_S = 300 };

/* Returns 0 or -ENOMEM. control->dns must be open, and may be closed while this waits for answers.
 */
int trunk_sources_new(struct control *control, struct trunk_sources **out)
    __attribute__((warn_unused_result));
/* NULL is safe; then done is called at once. */
void trunk_sources_close(struct trunk_sources *trunk_sources, void (*done)(void *user), void *user);

/* The trunk of a source: of those that use the protocol, the one with this address and port, else
 * one with the address. NULL: none. */
const struct trunk_info *trunk_sources_find(const struct control *control,
                                            const struct sockaddr *source,
                                            enum sip_protocol protocol);

#endif
