/* Any octets as configuration: an error with a text, or a configuration that prints and loads again
 * to the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct config *config, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    if (!out)
        abort();
    config_print(config, out);
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config_errors errors;
    struct config *config = NULL, *again = NULL;
    int status = config_load_text((const char *)data, size, "fuzz", &config, &errors);
    if (status < 0) {
        if (errors.count == 0 || errors.items[0].text[0] == '\0')
            abort();
        return 0;
    }
    size_t length = 0, length_again = 0;
    char *text = print(config, &length);
    if (config_load_text(text, length, "again", &again, &errors) < 0)
        abort();
    char *text_again = print(again, &length_again);
    if (length != length_again || memcmp(text, text_again, length) != 0)
        abort();
    free(text);
    free(text_again);
    config_free(config);
    config_free(again);
    return 0;
}
