/* migrations.h: the texts of migrations/NNNN_*.sql, built into the program. */
#ifndef GATEWAY_DB_MIGRATIONS_H
#define GATEWAY_DB_MIGRATIONS_H

#include <stddef.h>

struct migration {
    unsigned version; /* 1, 2, 3 … without gaps */
    const char *name; /* of the file */
    const char *text; /* NUL-terminated */
};

/* The migration at a position from 0; NULL past the last one. */
const struct migration *migration_at(size_t position);

#endif
