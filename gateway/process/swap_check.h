/* swap_check.h: whether what lies in memory can come to lie on a disk in clear, by way of swap. */
#ifndef GATEWAY_PROCESS_SWAP_CHECK_H
#define GATEWAY_PROCESS_SWAP_CHECK_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SWAP_TEXT_MAX = 64 * 1024, /* octets of /proc/swaps; longer counts as not safe */
    SWAP_REASON_MAX = 160,
};

/* Judges the text of /proc/swaps, which need not end in NUL. Safe are: no swap; devices of dm-crypt
 * (/sys/class/block/NAME/dm/uuid begins with CRYPT-, but for integrity and verity), what stands on
 * nothing but such devices (LVM, by slaves/); zram without a device to write back to. Files, all
 * other devices and lines that cannot be read are not. sysfs is "/sys". Else returns false with the
 * swap's name and why in reason (SWAP_REASON_MAX). */
bool swap_text_is_safe(const char *text, size_t length, const char *sysfs, char *reason)
    __attribute__((warn_unused_result));

/* The same for this machine; not safe when /proc/swaps cannot be read, unless there is none: a
 * kernel without swap. */
bool swap_is_safe(char *reason) __attribute__((warn_unused_result));

#endif
