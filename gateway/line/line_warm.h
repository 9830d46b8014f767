/* line_warm.h: does once what the sandbox forbids later, then enters the sandbox. */
#ifndef GATEWAY_LINE_LINE_WARM_H
#define GATEWAY_LINE_LINE_WARM_H

#include <uv.h>

#include "gateway/process/roles.h"
#include "t38/dtls_media.h"
#include "t38/srtp_media.h"

/* Makes the process's certificate and checks the T.30 library, loads OpenSSL's algorithms and the
 * time zone, confines the process to no path at all, starts libuv's pool, and puts the system call
 * filter on all threads. On return the loop is empty again, and *identity and *srtp (which keeps
 * libsrtp2's parts loaded) the caller's. Returns 0 or a negative errno (logged); then the process
 * must end. */
int line_warm(uv_loop_t *loop, const struct role_context *context, struct dtls_identity **identity,
              struct srtp_media **srtp) __attribute__((warn_unused_result));

#endif
