#include "gateway/cli/cli_commands.h"
#include "gateway/cli/cli_mail_message.h"
#include "gateway/cli/cli_mail_queue.h"

const struct cli_command cli_mail_commands[] = {
    CLI_MAIL_MESSAGE_COMMANDS,
    CLI_MAIL_QUEUE_COMMANDS,
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL},
};
