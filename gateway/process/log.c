#include "gateway/process/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/wall_clock.h"

/* Set once by log_start() before there are threads, constant afterwards: passing a log object to
 * every function of every process would hide the code behind it. */
static const char *log_role = "sealfax";
static enum log_level log_limit = LOG_LEVEL_NOTICE;

static const char *const level_names[] = {"error", "warning", "notice", "debug"};

void log_start(const char *role, enum log_level level)
{
    log_role = role;
    log_limit = level;
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
    char time[WALL_CLOCK_TEXT];
    wall_clock_text(wall_clock_ms(), time);
    int used = snprintf(line, size, "%s sealfax[%ld] %s %s: ", time, (long)getpid(), log_role,
                        level_names[level]);
    return used < 0 ? 0 : (size_t)used;
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX + 1];
    int saved = errno;
    if (level > log_limit)
        return;
    size_t used = write_prefix(line, sizeof line, level);
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + used, sizeof line - used, format, arguments);
    va_end(arguments);
    size_t length = more < 0 ? used : used + (size_t)more;
    if (length > sizeof line - 2)
        length = sizeof line - 2;
    for (size_t i = used; i < length; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = '?';
    line[length++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line, length);
    (void)ignored;
    errno = saved;
}

const char *log_number(char buffer[LOG_NUMBER_MAX], const char *number)
{
    size_t length = number ? strnlen(number, LOG_NUMBER_MAX - 1) : 0;
    size_t shown = length < 4 ? 0 : length < 8 ? 2 : 3;
    for (size_t i = 0; i < length; i++)
        buffer[i] = i + shown < length ? '*' : number[i];
    buffer[length] = '\0';
    return buffer;
}

int log_level_parse(const char *text)
{
    for (int i = 0; i < (int)(sizeof level_names / sizeof level_names[0]); i++)
        if (strcmp(text, level_names[i]) == 0)
            return i;
    return -1;
}
