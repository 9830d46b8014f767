/* cli_mail_message.h: `mail list`, `mail show` and `mail sender`, parts of the table of `mail`. */
#ifndef GATEWAY_CLI_CLI_MAIL_MESSAGE_H
#define GATEWAY_CLI_CLI_MAIL_MESSAGE_H

#include "gateway/cli/cli_options.h"

extern const struct cli_option cli_mail_sender_options[];
extern const struct cli_option cli_mail_list_options[];

int cli_mail_list(struct cli *cli);
int cli_mail_show(struct cli *cli);
int cli_mail_sender_list(struct cli *cli);
int cli_mail_sender_add(struct cli *cli);
int cli_mail_sender_remove(struct cli *cli);

/* The lines of the table. */
#define CLI_MAIL_MESSAGE_COMMANDS                                                                  \
    {"mail",                                                                                       \
     "list",                                                                                       \
     NULL,                                                                                         \
     "List messages that came by mail, newest first",                                              \
     "sealfax mail list",                                                                          \
     cli_mail_list_options,                                                                        \
     0,                                                                                            \
     cli_mail_list},                                                                               \
        {"mail",                                                                                   \
         "show",                                                                                   \
         "ID",                                                                                     \
         "Show what became of one, for each recipient",                                            \
         "sealfax mail show 0199...",                                                              \
         NULL,                                                                                     \
         1,                                                                                        \
         cli_mail_show},                                                                           \
        {"mail",                                                                                   \
         "sender list",                                                                            \
         NULL,                                                                                     \
         "List whose mails become faxes, and in whose name",                                       \
         "sealfax mail sender list",                                                               \
         NULL,                                                                                     \
         0,                                                                                        \
         cli_mail_sender_list},                                                                    \
        {"mail",                                                                                   \
         "sender add",                                                                             \
         "ADDRESS",                                                                                \
         "Send the mails of an address in a user's name",                                          \
         "sealfax mail sender add anna@example.com --principal anna --from +4930551234",           \
         cli_mail_sender_options,                                                                  \
         1,                                                                                        \
         cli_mail_sender_add},                                                                     \
    {                                                                                              \
        "mail", "sender remove", "ADDRESS", "Send nothing of an address any more",                 \
            "sealfax mail sender remove anna@example.com", NULL, 1, cli_mail_sender_remove         \
    }

#endif
