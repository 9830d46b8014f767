/* smtp_start.h: starts and stops the server for mail as it is configured, and says what it needs to
 * know of the rest of control. */
#ifndef GATEWAY_CONTROL_SMTP_START_H
#define GATEWAY_CONTROL_SMTP_START_H

struct control;

/* Opens control->smtp, when anything of mail.listen, mail.listen_tls and mail.lmtp_socket is
 * configured. Returns 0 or a negative errno, which has been logged. */
int smtp_start(struct control *control) __attribute__((warn_unused_result));

#endif
