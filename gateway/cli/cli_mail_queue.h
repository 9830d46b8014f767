/* cli_mail_queue.h: `mail queue` and `mail certificate`, parts of the table of `mail`. */
#ifndef GATEWAY_CLI_CLI_MAIL_QUEUE_H
#define GATEWAY_CLI_CLI_MAIL_QUEUE_H

#include "gateway/cli/cli_options.h"

extern const struct cli_option cli_mail_queue_options[];
extern const struct cli_option cli_mail_certificate_options[];

int cli_mail_queue_list(struct cli *cli);
int cli_mail_queue_show(struct cli *cli);
int cli_mail_queue_retry(struct cli *cli);
int cli_mail_queue_drop(struct cli *cli);
int cli_mail_certificate_list(struct cli *cli);
int cli_mail_certificate_set(struct cli *cli);
int cli_mail_certificate_remove(struct cli *cli);

/* The lines of the table. */
#define CLI_MAIL_QUEUE_COMMANDS                                                                    \
    {"mail",                                                                                       \
     "queue list",                                                                                 \
     NULL,                                                                                         \
     "List mails that the gateway sends",                                                          \
     "sealfax mail queue list",                                                                    \
     cli_mail_queue_options,                                                                       \
     0,                                                                                            \
     cli_mail_queue_list},                                                                         \
        {"mail",                                                                                   \
         "queue show",                                                                             \
         "ID",                                                                                     \
         "Show one of them",                                                                       \
         "sealfax mail queue show 0199...",                                                        \
         NULL,                                                                                     \
         1,                                                                                        \
         cli_mail_queue_show},                                                                     \
        {"mail",                                                                                   \
         "queue retry",                                                                            \
         "ID",                                                                                     \
         "Have it sent at once, also one that was given up",                                       \
         "sealfax mail queue retry 0199...",                                                       \
         NULL,                                                                                     \
         1,                                                                                        \
         cli_mail_queue_retry},                                                                    \
        {"mail",                                                                                   \
         "queue drop",                                                                             \
         "ID",                                                                                     \
         "Have it never sent",                                                                     \
         "sealfax mail queue drop 0199...",                                                        \
         NULL,                                                                                     \
         1,                                                                                        \
         cli_mail_queue_drop},                                                                     \
        {"mail",                                                                                   \
         "certificate list",                                                                       \
         NULL,                                                                                     \
         "List to whom faxes can be encrypted (S/MIME)",                                           \
         "sealfax mail certificate list",                                                          \
         NULL,                                                                                     \
         0,                                                                                        \
         cli_mail_certificate_list},                                                               \
        {"mail",                                                                                   \
         "certificate set",                                                                        \
         "ADDRESS",                                                                                \
         "Set the certificate of an address",                                                      \
         "sealfax mail certificate set anna@example.com --file anna.pem",                          \
         cli_mail_certificate_options,                                                             \
         1,                                                                                        \
         cli_mail_certificate_set},                                                                \
    {                                                                                              \
        "mail", "certificate remove", "ADDRESS", "Encrypt nothing to an address any more",         \
            "sealfax mail certificate remove anna@example.com", NULL, 1,                           \
            cli_mail_certificate_remove                                                            \
    }

#endif
