/* audit_recover.h: opens the journal of a log and compares it with its checkpoints. */
#ifndef GATEWAY_AUDIT_AUDIT_RECOVER_H
#define GATEWAY_AUDIT_AUDIT_RECOVER_H

#include "gateway/audit/audit.h"

/* Fills audit->journal and what is known of checkpoints. Errors as audit_open. */
int audit_recover(struct audit *audit, const struct audit_config *config,
                  struct audit_recovery *recovery) __attribute__((warn_unused_result));

#endif
