#include "gateway/db/migrations.h"

/* The assembler reads the file, so that the text in the program is exactly the text in the
 * repository. MIGRATIONS_DIR comes from the build, which also rebuilds this when a file changes. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a name to declare cannot stand in parentheses */
#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"" MIGRATIONS_DIR "/" file "\"\n"        \
            ".byte 0\n.popsection\n");                                                             \
    extern const char symbol[] __attribute__((visibility("hidden")))
/* NOLINTEND(bugprone-macro-parentheses) */

EMBED(migration_0001, "0001_registers.sql");
EMBED(migration_0002, "0002_faxes.sql");
EMBED(migration_0003, "0003_audit.sql");
EMBED(migration_0004, "0004_initial_admin.sql");
EMBED(migration_0005, "0005_retries.sql");
EMBED(migration_0006, "0006_audio.sql");
EMBED(migration_0007, "0007_long_past.sql");
EMBED(migration_0008, "0008_protection.sql");
EMBED(migration_0009, "0009_express.sql");
EMBED(migration_0010, "0010_trunk_accounts.sql");
EMBED(migration_0011, "0011_routing.sql");
EMBED(migration_0012, "0012_bridges.sql");
EMBED(migration_0013, "0013_devices.sql");
EMBED(migration_0014, "0014_real_time.sql");
EMBED(migration_0015, "0015_nat.sql");
EMBED(migration_0016, "0016_mail.sql");
EMBED(migration_0017, "0017_mail_out.sql");
EMBED(migration_0018, "0018_credentials.sql");
EMBED(migration_0019, "0019_bridged.sql");
EMBED(migration_0020, "0020_audio_only.sql");
EMBED(migration_0021, "0021_mail_storms.sql");

const struct migration *migration_at(size_t position)
{
    static const struct migration all[] = {
        {.version = 1, .name = "0001_registers.sql", .text = migration_0001},
        {.version = 2, .name = "0002_faxes.sql", .text = migration_0002},
        {.version = 3, .name = "0003_audit.sql", .text = migration_0003},
        {.version = 4, .name = "0004_initial_admin.sql", .text = migration_0004},
        {.version = 5, .name = "0005_retries.sql", .text = migration_0005},
        {.version = 6, .name = "0006_audio.sql", .text = migration_0006},
        {.version = 7, .name = "0007_long_past.sql", .text = migration_0007},
        {.version = 8, .name = "0008_protection.sql", .text = migration_0008},
        {.version = 9, .name = "0009_express.sql", .text = migration_0009},
        {.version = 10, .name = "0010_trunk_accounts.sql", .text = migration_0010},
        {.version = 11, .name = "0011_routing.sql", .text = migration_0011},
        {.version = 12, .name = "0012_bridges.sql", .text = migration_0012},
        {.version = 13, .name = "0013_devices.sql", .text = migration_0013},
        {.version = 14, .name = "0014_real_time.sql", .text = migration_0014},
        {.version = 15, .name = "0015_nat.sql", .text = migration_0015},
        {.version = 16, .name = "0016_mail.sql", .text = migration_0016},
        {.version = 17, .name = "0017_mail_out.sql", .text = migration_0017},
        {.version = 18, .name = "0018_credentials.sql", .text = migration_0018},
        {.version = 19, .name = "0019_bridged.sql", .text = migration_0019},
        {.version = 20, .name = "0020_audio_only.sql", .text = migration_0020},
        {.version = 21, .name = "0021_mail_storms.sql", .text = migration_0021},
    };
    return position < sizeof(all) / sizeof(*all) ? &all[position] : NULL;
}
