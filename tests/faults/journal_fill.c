/* Fills an empty journal with the records of many faxes, as node "test":
 *   journal_fill DIRECTORY FAXES
 * for the figure of how long a gateway with a long past takes to start. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/doubles/audit_log.h"

enum { FLUSH_EVERY = 500 };

int main(int argc, char **argv)
{
    struct audit_log log;
    unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0 || count > 10000000) {
        fprintf(stderr, "use: journal_fill DIRECTORY FAXES\n");
        return 2;
    }
    int error = audit_log_open(&log, argv[1], NULL, 0);
    for (unsigned i = 0; i < count && !error; i++) {
        error = audit_log_fax(&log, i);
        if (i % FLUSH_EVERY == FLUSH_EVERY - 1 && !error)
            error = audit_log_flush(&log);
    }
    if (!error)
        error = audit_log_flush(&log);
    if (log.audit)
        audit_log_close(&log);
    if (error)
        fprintf(stderr, "journal_fill: %s\n", strerror(-error));
    return error ? 1 : 0;
}
