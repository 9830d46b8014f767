/* log.h: the diagnostic log of every process: one line to standard error for each entry.
 *
 * For operators, not for auditors: what must be provable goes to the audit log. Never give it
 * secrets, page content or whole phone numbers. Any thread may write; a line is one write(2). */
#ifndef GATEWAY_PROCESS_LOG_H
#define GATEWAY_PROCESS_LOG_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_DEBUG };

enum { LOG_NUMBER_MAX = 48, LOG_LINE_MAX = 1024 };

/* Sets the role that stands in each line (kept as a pointer: a literal) and the most talkative
 * level written. Called once at the start of a process, before it has threads; without it the role
 * is "sealfax" and the level LOG_LEVEL_NOTICE. */
void log_start(const char *role, enum log_level level);

/* Writes "2026-11-21T21:33:16.123Z sealfax[pid] role level: text". Control characters in the text
 * become '?', a line over LOG_LINE_MAX octets is cut. errno is kept. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Masks a phone number or address for the log: all but the last three characters (two when it is
 * shorter than eight, none when shorter than four) become '*'. Returns buffer. */
const char *log_number(char buffer[LOG_NUMBER_MAX], const char *number);

/* Reads "error", "warning", "notice" or "debug". Returns the level, or -1. */
int log_level_parse(const char *text);

#endif
