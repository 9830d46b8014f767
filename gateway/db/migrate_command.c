#include "gateway/db/migrate_command.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cluster/cluster.h"
#include "gateway/config/config.h"
#include "gateway/db/migrate.h"
#include "gateway/process/roles.h"
#include "gateway/process/state_paths.h"

static const char usage[] =
    "usage: sealfax migrate [--config FILE] [--state DIR] [--check]\n"
    "Bring the schema of the configured database (database.owner_dsn) up to date.\n"
    "--check changes nothing and exits 1 when migrations are missing.\n";

static int run(const char *conninfo, bool check)
{
    struct migrate_report report;
    memset(&report, 0, sizeof report);
    int rc = check ? migrate_check(conninfo, &report) : migrate_run(conninfo, &report);
    if (rc < 0) {
        fprintf(stderr, "sealfax migrate: %s\n",
                rc == -EAGAIN ? "migrations are missing" : report.message);
        return 1;
    }
    printf("the schema has version %u, %u migrations applied now\n",
           check ? migrate_version() : report.version, report.applied);
    return 0;
}

static int migrate_configured(const struct config *config, const char *state_dir, bool check)
{
    struct state_paths paths;
    char conninfo[ROLE_CONNINFO_MAX], reason[256] = "";
    int status = 1;
    if (!config->database.dsn[0]) {
        puts("the private cluster is brought up to date by 'sealfax serve' and 'sealfax init'");
        return 0;
    }
    if (!config->database.owner_dsn[0]) {
        fputs("sealfax migrate: database.owner_dsn is not set\n", stderr);
        return 1;
    }
    if (state_paths_fill(&paths, config, state_dir) < 0)
        fputs("sealfax migrate: no state directory can be found\n", stderr);
    else if (cluster_conninfo(config, &paths, CLUSTER_OWNER, conninfo, sizeof conninfo, reason,
                              sizeof reason) < 0)
        fprintf(stderr, "sealfax migrate: %s\n", reason);
    else
        status = run(conninfo, check);
    OPENSSL_cleanse(conninfo, sizeof conninfo);
    return status;
}

int migrate_command_main(int argc, char **argv)
{
    const char *file = NULL, *state_dir = NULL;
    bool check = false;
    struct config *config;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--check") == 0) {
            check = true;
        } else if (strcmp(argv[i], "--config") == 0 && has_value) {
            file = argv[++i];
        } else if (strcmp(argv[i], "--state") == 0 && has_value) {
            state_dir = argv[++i];
        } else {
            fputs(usage, stderr);
            return 2;
        }
    }
    if (config_load_path(file, &config, NULL, NULL) < 0)
        return 1;
    int status = migrate_configured(config, state_dir, check);
    config_free(config);
    return status;
}
