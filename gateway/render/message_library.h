/* message_library.h: GMime, loaded when a message comes, as text_library.h does it. So it is in no
 * process but one that reads a message. */
#ifndef GATEWAY_RENDER_MESSAGE_LIBRARY_H
#define GATEWAY_RENDER_MESSAGE_LIBRARY_H

#include <gmime/gmime.h>

#define MESSAGE_LIBRARY_FUNCTIONS(F)                                                               \
    F(g_free)                                                                                      \
    F(g_mime_content_type_get_media_subtype)                                                       \
    F(g_mime_content_type_get_media_type)                                                          \
    F(g_mime_data_wrapper_write_to_stream)                                                         \
    F(g_mime_header_get_name)                                                                      \
    F(g_mime_header_get_value)                                                                     \
    F(g_mime_header_list_get_count)                                                                \
    F(g_mime_header_list_get_header_at)                                                            \
    F(g_mime_init)                                                                                 \
    F(g_mime_message_get_addresses)                                                                \
    F(g_mime_message_get_from)                                                                     \
    F(g_mime_message_get_mime_part)                                                                \
    F(g_mime_message_get_subject)                                                                  \
    F(g_mime_message_part_get_message)                                                             \
    F(g_mime_message_part_get_type)                                                                \
    F(g_mime_multipart_get_count)                                                                  \
    F(g_mime_multipart_get_part)                                                                   \
    F(g_mime_multipart_get_type)                                                                   \
    F(g_mime_object_get_content_id)                                                                \
    F(g_mime_object_get_content_type)                                                              \
    F(g_mime_object_get_content_type_parameter)                                                    \
    F(g_mime_object_get_disposition)                                                               \
    F(g_mime_object_get_header_list)                                                               \
    F(g_mime_parser_construct_message)                                                             \
    F(g_mime_parser_new_with_stream)                                                               \
    F(g_mime_part_get_content)                                                                     \
    F(g_mime_part_get_filename)                                                                    \
    F(g_mime_part_get_type)                                                                        \
    F(g_mime_stream_mem_get_byte_array)                                                            \
    F(g_mime_stream_mem_new)                                                                       \
    F(g_mime_stream_mmap_new_with_bounds)                                                          \
    F(g_object_unref)                                                                              \
    F(g_type_check_instance_is_a)                                                                  \
    F(internet_address_get_name)                                                                   \
    F(internet_address_list_get_address)                                                           \
    F(internet_address_list_length)                                                                \
    F(internet_address_mailbox_get_addr)                                                           \
    F(internet_address_mailbox_get_type)

struct message_library {
#define MESSAGE_LIBRARY_MEMBER(name)                                                               \
    __typeof__(name) *name; /* NOLINT(bugprone-macro-parentheses)                                  \
                             */
    MESSAGE_LIBRARY_FUNCTIONS(MESSAGE_LIBRARY_MEMBER)
#undef MESSAGE_LIBRARY_MEMBER
};

/* Loads and starts the library for the rest of the process's life. Returns 0, or -ENOSYS when it is
 * not installed or too old. */
int message_library_load(struct message_library *library) __attribute__((warn_unused_result));

#endif
