#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/config/environment.h"
#include "gateway/config/schema.h"
#include "policy/secret.h"

#define DEFAULT_FILE "/etc/sealfax/sealfax.yaml"

static void print_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* Writes "section:" when path begins a new one. Returns the key's own name. */
static const char *print_section(FILE *out, size_t index)
{
    const char *path = config_keys[index].path;
    const char *dot = strchr(path, '.');
    if (!dot)
        return path;
    size_t length = (size_t)(dot - path) + 1;
    if (index == 0 || strncmp(config_keys[index - 1].path, path, length) != 0)
        fprintf(out, "%.*s:\n", (int)length - 1, path);
    return dot + 1;
}

void config_print(const struct config *config, FILE *out)
{
    struct config *source = (struct config *)(uintptr_t)config;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        const char *name = print_section(out, i);
        fprintf(out, "%s%s: ", name == key->path ? "" : "  ", name);
        if (config_type_is_text(key->type))
            print_text(out, *config_value_text(source, key));
        else if (key->type == CONFIG_BOOLEAN)
            fputs(*config_value_boolean(source, key) ? "true" : "false", out);
        else
            fprintf(out, "%lld", (long long)*config_value_integer(source, key));
        fputc('\n', out);
    }
}

void config_help(FILE *out)
{
    char expected[CONFIG_EXPECTED_MAX];
    fputs("# Every key with its default. Leave out what you do not change. The environment goes "
          "over\n"
          "# the file: SEALFAX_SIP_LISTEN is sip.listen, SEALFAX_DATABASE_PASSWORD_FILE is\n"
          "# database.password_file.\n",
          out);
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (strchr(key->path, '.') && i > 0)
            fputs("\n", out);
        const char *name = print_section(out, i);
        const char *indent = name == key->path ? "" : "  ";
        config_value_expected(key, expected, sizeof expected);
        fprintf(out, "%s# %s\n%s# (%s)\n%s%s: ", indent, key->help, indent, expected, indent, name);
        if (config_type_is_text(key->type))
            print_text(out, key->value);
        else
            fputs(key->value, out);
        fputc('\n', out);
    }
}

int config_read_descriptor(int fd, char **text, size_t *length)
{
    struct stat about;
    size_t used = 0;
    int status = -EFBIG;
    if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode))
        return -EISDIR;
    char *buffer = malloc(CONFIG_TEXT_MAX + 1);
    if (!buffer)
        return -ENOMEM;
    while (used <= CONFIG_TEXT_MAX) {
        ssize_t got = read(fd, buffer + used, CONFIG_TEXT_MAX + 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            status = -errno;
            break;
        }
        used += (size_t)got;
        if (got == 0) {
            buffer[used] = '\0';
            *text = buffer;
            *length = used;
            return 0;
        }
    }
    secret_wipe(buffer, used);
    free(buffer);
    return status;
}

int config_read_file(const char *path, char **text, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int status = config_read_descriptor(fd, text, length);
    close(fd);
    return status;
}

int config_load_path(const char *path, struct config **out, char **text, size_t *length)
{
    static const char none[] = "";
    char *read_text = NULL;
    size_t read_length = 0, taken = 0;
    int status = 0;
    if (!path && access(DEFAULT_FILE, F_OK) == 0)
        path = DEFAULT_FILE;
    if (path)
        status = config_read_file(path, &read_text, &read_length);
    else if (!(read_text = strdup(none)))
        status = -ENOMEM;
    struct config_errors *errors = calloc(1, sizeof *errors);
    if (status == 0 && !errors)
        status = -ENOMEM;
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", path ? path : "configuration", strerror(-status));
    } else {
        status = config_load_text_with(read_text, read_length, path ? path : "(defaults)", environ,
                                       out, &taken, errors);
        for (size_t i = 0; status < 0 && i < errors->count; i++)
            fprintf(stderr, "%s\n", errors->items[i].text);
    }
    free(errors);
    /* The children of the gateway get the text: it has to say what holds. */
    if (status == 0 && taken > 0 && text) {
        free(read_text);
        read_text = config_to_text(*out, &read_length);
        if (!read_text) {
            config_free(*out);
            return -ENOMEM;
        }
    }
    if (status == 0 && text) {
        *text = read_text;
        *length = read_length;
    } else {
        free(read_text);
    }
    return status;
}

static int usage(bool asked)
{
    fputs("usage: sealfax config check FILE\n"
          "       sealfax config show [FILE]\n"
          "       sealfax config help\n"
          "Say what is wrong in a configuration, print all of it, or explain every setting.\n",
          asked ? stdout : stderr);
    return asked ? 0 : 2;
}

int config_main(int argc, char **argv)
{
    struct config *config = NULL;
    const char *verb = argc > 1 ? argv[1] : "";
    bool check = strcmp(verb, "check") == 0 && argc == 3;
    bool show = strcmp(verb, "show") == 0 && (argc == 2 || argc == 3);
    if (strcmp(verb, "help") == 0 && argc == 2) {
        config_help(stdout);
        return 0;
    }
    if (!check && !show)
        return usage(strcmp(verb, "--help") == 0);
    if (config_load_path(argc == 3 ? argv[2] : NULL, &config, NULL, NULL) < 0)
        return 1;
    if (check)
        printf("%s: good\n", argv[2]);
    else
        config_print(config, stdout);
    config_free(config);
    return 0;
}
