/* postgres.h: a real private PostgreSQL for tests: a cluster of its own in a new directory, on a
 * Unix socket only, with the roles sealfax_owner, sealfax_app and sealfax_reader and a database
 * "sealfax". Runs as the account "nobody" when the test is root. Blocking. */
#ifndef TESTS_DOUBLES_POSTGRES_H
#define TESTS_DOUBLES_POSTGRES_H

#include <stddef.h>
#include <sys/types.h>

struct postgres {
    char directory[64];
    pid_t pid;
    char owner[192], app[192], reader[192], superuser[192]; /* connection strings */
};

/* Makes and starts a cluster. Returns 0, or a negative errno with the reason on stderr. */
int postgres_start(struct postgres *server) __attribute__((warn_unused_result));

/* SIGKILL to the postmaster and all its children; the data stay. */
void postgres_kill(struct postgres *server);

/* Starts a stopped or killed cluster again. */
int postgres_restart(struct postgres *server) __attribute__((warn_unused_result));

/* Stops the server and removes its directory. */
void postgres_stop(struct postgres *server);

/* Runs SQL as superuser; returns the first column of the first row in buffer ("" for none).
 * Returns 0, or -EIO with the message in buffer. */
int postgres_sql(const struct postgres *server, const char *sql, char *buffer, size_t size);

#endif
