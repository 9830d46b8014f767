/* environment.h: settings from the environment, as containers give them (private to
 * gateway/config). */
#ifndef GATEWAY_CONFIG_ENVIRONMENT_H
#define GATEWAY_CONFIG_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/config/config.h"

enum { CONFIG_VARIABLE_MAX = 80 };

/* Writes the variable's name for a key: `database.password_file` is SEALFAX_DATABASE_PASSWORD_FILE.
 */
void config_variable_name(const char *key, char out[CONFIG_VARIABLE_MAX]);

/* Stores what the variables say in config, over what is there, one error for each that is not what
 * its key expects and for each that begins like a section of the configuration and names no key of
 * it. environment is a list of NAME=VALUE up to NULL. *count: variables that were taken. Returns
 * 0; -EINVAL with errors; -ENOMEM. */
int config_apply_environment(struct config *config, char *const environment[], size_t *count,
                             struct config_errors *errors) __attribute__((warn_unused_result));

/* The configuration as YAML, to be freed; NULL without memory. */
char *config_to_text(const struct config *config, size_t *length);

#endif
