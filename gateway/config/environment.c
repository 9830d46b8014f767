#include "gateway/config/environment.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/config/schema.h"

static const char first_part[] = "SEALFAX_";

enum { FIRST_PART = sizeof first_part - 1, SHOWN_MAX = 60 };

static char upper(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c;
}

void config_variable_name(const char *key, char out[CONFIG_VARIABLE_MAX])
{
    size_t used = (size_t)snprintf(out, CONFIG_VARIABLE_MAX, "%s", first_part);
    for (; *key && used + 1 < CONFIG_VARIABLE_MAX; key++)
        out[used++] = *key == '.' ? '_' : upper(*key);
    out[used] = '\0';
}

__attribute__((format(printf, 2, 3))) static void add_error(struct config_errors *errors,
                                                            const char *format, ...)
{
    if (errors->count >= CONFIG_ERRORS_MAX)
        return;
    struct config_error *error = &errors->items[errors->count++];
    error->line = error->column = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

/* Without what would spoil a terminal. */
static void show(const char *value, char out[SHOWN_MAX])
{
    size_t used = 0;
    for (; *value && used + 4 < SHOWN_MAX; value++)
        out[used++] = (char)((unsigned char)*value < 0x20 || *value == 0x7F ? '?' : *value);
    snprintf(out + used, SHOWN_MAX - used, "%s", *value ? "..." : "");
}

/* The key with that variable; NULL and *section when only the name of a section is right. */
static const struct config_key *find_key(const char *name, size_t length, bool *section)
{
    char variable[CONFIG_VARIABLE_MAX];
    *section = false;
    for (size_t i = 0; i < config_key_count; i++) {
        const char *path = config_keys[i].path;
        const char *dot = strchr(path, '.');
        size_t part = dot ? FIRST_PART + (size_t)(dot - path) + 1 : 0;
        config_variable_name(path, variable);
        if (strlen(variable) == length && strncmp(variable, name, length) == 0)
            return &config_keys[i];
        if (part > 0 && length > part && strncmp(variable, name, part) == 0)
            *section = true;
    }
    return NULL;
}

static int apply_one(struct config *config, const char *name, size_t length, const char *value,
                     size_t *count, struct config_errors *errors)
{
    char expected[CONFIG_EXPECTED_MAX], shown[SHOWN_MAX];
    bool section;
    const struct config_key *key = find_key(name, length, &section);
    if (!key) {
        if (section)
            add_error(errors, "environment: %.*s: no such setting (sealfax config help)",
                      (int)(length < CONFIG_VARIABLE_MAX ? length : CONFIG_VARIABLE_MAX), name);
        return 0;
    }
    int status = config_value_store(config, key, value);
    if (status == -EINVAL) {
        config_value_expected(key, expected, sizeof expected);
        show(value, shown);
        add_error(errors, "environment: %.*s: expected %s, found %s%s%s", (int)length, name,
                  expected, key->type == CONFIG_DSN ? "another text" : "'",
                  key->type == CONFIG_DSN ? "" : shown, key->type == CONFIG_DSN ? "" : "'");
        return 0;
    }
    *count += status == 0;
    return status;
}

int config_apply_environment(struct config *config, char *const environment[], size_t *count,
                             struct config_errors *errors)
{
    size_t before = errors->count;
    *count = 0;
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals || strncmp(*environment, first_part, FIRST_PART) != 0)
            continue;
        int status = apply_one(config, *environment, (size_t)(equals - *environment), equals + 1,
                               count, errors);
        if (status < 0)
            return status;
    }
    return errors->count > before ? -EINVAL : 0;
}

char *config_to_text(const struct config *config, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    if (!out)
        return NULL;
    config_print(config, out);
    bool good = !ferror(out);
    if (fclose(out) != 0 || !good) {
        free(text);
        return NULL;
    }
    return text;
}
