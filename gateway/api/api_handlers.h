/* api_handlers.h: the handlers, one for each operation of openapi.json. For gateway/api alone. */
#ifndef GATEWAY_API_API_HANDLERS_H
#define GATEWAY_API_API_HANDLERS_H

#include "gateway/http/http_server.h"

/* api_status.c */
http_handler_cb api_get_status, api_get_health, api_get_ready, api_get_openapi;
/* api_submit.c */
http_handler_cb api_post_fax;
/* api_faxes.c */
http_handler_cb api_get_faxes, api_get_fax, api_watch_fax, api_cancel_fax;
/* api_document.c */
http_handler_cb api_get_document;
/* api_trace.c */
http_handler_cb api_get_trace;
/* api_principals.c */
http_handler_cb api_get_principals, api_post_principal, api_disable_principal, api_enable_principal;
/* api_roles.c */
http_handler_cb api_get_roles, api_post_role, api_delete_role;
/* api_grants.c */
http_handler_cb api_get_grants, api_post_grant, api_delete_grant;
/* api_mailboxes.c */
http_handler_cb api_get_mailboxes, api_post_mailbox, api_patch_mailbox;
/* api_mail_messages.c */
http_handler_cb api_get_mail_messages, api_get_mail_message;
/* api_mail_senders.c */
http_handler_cb api_get_mail_senders, api_put_mail_sender, api_delete_mail_sender;
/* api_mail_queue.c */
http_handler_cb api_get_mail_queue, api_get_queued_mail, api_retry_queued_mail,
    api_drop_queued_mail;
/* api_mail_certificates.c */
http_handler_cb api_get_mail_certificates, api_put_mail_certificate, api_delete_mail_certificate;
/* api_numbers.c */
http_handler_cb api_get_numbers, api_post_number, api_delete_number;
/* api_t38.c */
http_handler_cb api_delete_t38_refusals;
/* api_route.c */
http_handler_cb api_get_routes, api_post_route, api_delete_route, api_get_route_test;
/* api_trunks.c */
http_handler_cb api_get_trunks, api_post_trunk, api_patch_trunk, api_delete_trunk;
/* api_devices.c */
http_handler_cb api_get_devices, api_post_device, api_get_device, api_patch_device,
    api_delete_device, api_disable_device, api_enable_device, api_put_device_credential;
/* api_credentials.c */
http_handler_cb api_get_credentials, api_put_credential, api_delete_credential;
/* api_trunk_accounts.c */
http_handler_cb api_put_trunk_credential, api_delete_trunk_credential, api_put_trunk_registration,
    api_delete_trunk_registration;
/* api_audit.c */
http_handler_cb api_get_records, api_post_verify, api_get_checkpoint;
/* api_keys.c */
http_handler_cb api_get_keys;
/* api_dispose.c */
http_handler_cb api_post_dispose;

#endif
