#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "gateway/process/program_beside.h"
#include "gateway/process/sandbox.h"

static const uint64_t mebibyte = 1 << 20;

static void add(struct sandbox_spec *spec, const char *path, unsigned rights, bool optional)
{
    assert(spec->path_count < SANDBOX_PATHS_MAX);
    struct sandbox_path *entry = &spec->paths[spec->path_count];
    if (snprintf(entry->path, sizeof entry->path, "%s", path) >= (int)sizeof entry->path)
        return; /* less is allowed than was asked for */
    entry->rights = rights;
    entry->optional = optional;
    spec->path_count++;
}

static void add_all(struct sandbox_spec *spec, const char *const *paths, unsigned rights)
{
    for (; *paths; paths++)
        add(spec, *paths, rights, true);
}

static void add_directory_of(struct sandbox_spec *spec, const char *file, unsigned rights)
{
    char directory[STATE_PATH_MAX];
    snprintf(directory, sizeof directory, "%s", file);
    char *slash = strrchr(directory, '/');
    if (!slash || slash == directory)
        return; /* never the whole file system */
    *slash = '\0';
    add(spec, directory, rights, true);
}

/* Certificates that a connection string names; libpq reads them at each connection. */
static void add_certificates(struct sandbox_spec *spec, const char *dsn)
{
    static const char *const keywords[] = {"sslrootcert", "sslcert", "sslkey", "sslcrl"};
    PQconninfoOption *options = PQconninfoParse(dsn, NULL);
    for (PQconninfoOption *option = options; option && option->keyword; option++)
        for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
            if (strcmp(option->keyword, keywords[i]) == 0 && option->val && option->val[0] == '/')
                add(spec, option->val, SANDBOX_READ, true);
    PQconninfoFree(options);
}

static void fill_control(struct sandbox_spec *spec, const struct config *config,
                         const struct state_paths *paths)
{
    static const char *const read[] = {"/etc/ssl",
                                       "/etc/resolv.conf",
                                       "/etc/hosts",
                                       "/etc/nsswitch.conf",
                                       "/etc/host.conf",
                                       "/etc/gai.conf",
                                       "/etc/passwd",
                                       "/etc/group",
                                       "/etc/services",
                                       "/usr/share/zoneinfo",
                                       "/etc/localtime",
                                       "/usr/lib",
                                       NULL};
    const unsigned own = SANDBOX_READ | SANDBOX_WRITE;
    spec->filter = SANDBOX_FILTER_CONTROL;
    add(spec, paths->vault, own, false);
    add(spec, paths->journal, own, false);
    add(spec, paths->run, own, false);
    add(spec, paths->database_socket, SANDBOX_READ, true);
    add(spec, "/dev/null", own, true);
    add(spec, "/dev/urandom", SANDBOX_READ, true);
    add_all(spec, read, SANDBOX_READ);
    /* Directories, because a file that is replaced is another one. */
    add_directory_of(spec, config->sip.tls_certificate, SANDBOX_READ);
    add_directory_of(spec, config->sip.tls_key_file, SANDBOX_READ);
    add_directory_of(spec, config->sip.tls_ca, SANDBOX_READ);
    add_directory_of(spec, config->sip.tls_device_ca, SANDBOX_READ);
    add_directory_of(spec, config->mail.out_tls_ca, SANDBOX_READ);
    add_directory_of(spec, config->mail.out_password_file, SANDBOX_READ);
    add_directory_of(spec, config->mail.sign_certificate, SANDBOX_READ);
    add_directory_of(spec, config->mail.sign_key_file, SANDBOX_READ);
    if (config->sip.tls_directory[0])
        add(spec, config->sip.tls_directory, SANDBOX_READ, true);
    add_directory_of(spec, config->mail.tls_certificate, SANDBOX_READ);
    add_directory_of(spec, config->mail.tls_key_file, SANDBOX_READ);
    add_directory_of(spec, config->mail.tls_ca, SANDBOX_READ);
    add_directory_of(spec, config->mail.lmtp_socket, own);
    if (config->api.socket[0])
        add_directory_of(spec, config->api.socket, own);
    add_certificates(spec, config->database.dsn);
}

static void fill_render(struct sandbox_spec *spec, const struct config *config)
{
    static const char *const programs[] = {"/usr", "/lib", "/lib64", NULL};
    static const char *const read[] = {"/etc/fonts", "/etc/ld.so.cache", "/var/cache/fontconfig",
                                       "/dev/urandom", NULL};
    char draw_pdf[STATE_PATH_MAX];

    spec->filter = SANDBOX_FILTER_RENDER;
    spec->limits.memory_bytes = (uint64_t)config->render.memory_mib * mebibyte;
    spec->limits.cpu_seconds = (uint64_t)config->render.cpu_limit_s;
    spec->limits.file_bytes = 1024 * mebibyte; /* page sets in memory */
    spec->limits.descriptors = 64;
    add_all(spec, programs, SANDBOX_READ | SANDBOX_EXECUTE);
    add_all(spec, read, SANDBOX_READ);
    if (program_beside(PROGRAM_DRAW_PDF, draw_pdf, sizeof draw_pdf) == 0)
        add(spec, draw_pdf, SANDBOX_READ | SANDBOX_EXECUTE, true);
    add(spec, "/dev/null", SANDBOX_READ | SANDBOX_WRITE, true);
}

void sandbox_spec_add_office(struct sandbox_spec *spec, const char *directory)
{
    spec->filter = SANDBOX_FILTER_RENDER_OFFICE;
    add(spec, directory, SANDBOX_READ | SANDBOX_WRITE, false);
    add(spec, "/etc/libreoffice", SANDBOX_READ, true);
    add(spec, "/var/spool/libreoffice", SANDBOX_READ, true);
    add(spec, "/var/lib/libreoffice", SANDBOX_READ, true);
}

void sandbox_spec_fill(struct sandbox_spec *spec, enum sandbox_role role,
                       const struct config *config, const struct state_paths *paths)
{
    memset(spec, 0, sizeof *spec);
    spec->landlock_optional = strcmp(config->sandbox.landlock, "optional") == 0;
    switch (role) {
    case SANDBOX_KEEPER:
        spec->filter = SANDBOX_FILTER_KEEPER;
        spec->limits.descriptors = 64;
        add(spec, paths->keeper, SANDBOX_READ | SANDBOX_WRITE, false);
        break;
    case SANDBOX_CONTROL:
        fill_control(spec, config, paths);
        break;
    case SANDBOX_LINE:
        spec->filter = SANDBOX_FILTER_LINE;
        break;
    case SANDBOX_RENDER:
        fill_render(spec, config);
        break;
    }
}
