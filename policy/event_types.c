#include "policy/event_types.h"

#include <string.h>

/* Sorted by name. Personal keys: numbers and names of people and their stations, and addresses. */
static const struct event_type types[] = {
    {"access.denied", "control", EVENT_ACCESS, "An action was refused.", {"from", "to", "peer"}},
    {"admin.initialised", "control", EVENT_SYSTEM, "The state directory was made.", {NULL}},
    {"attempt.ended", "control", EVENT_TRANSMISSION, "An attempt to send ended.", {"peer_ident"}},
    {"attempt.rerouted",
     "control",
     EVENT_TRANSMISSION,
     "An attempt goes on to another peer or trunk, before any answer.",
     {"peer"}},
    {"attempt.started", "control", EVENT_TRANSMISSION, "An attempt to send began.", {"from", "to"}},
    {"audit.checkpoint", "control", EVENT_AUDIT, "A checkpoint of the log was signed.", {NULL}},
    {"audit.listed", "control", EVENT_AUDIT, "Records of the log were listed.", {NULL}},
    {"audit.verified", "control", EVENT_AUDIT, "The log was verified.", {NULL}},
    {"bridge.captured",
     "control",
     EVENT_TRANSMISSION,
     "What became of the copy of a bridged fax.",
     {NULL}},
    {"bridge.ended",
     "control",
     EVENT_TRANSMISSION,
     "A bridged call ended.",
     {"from", "to", "caller_ident", "called_ident"}},
    {"bridge.media", "control", EVENT_TRANSMISSION, "Media of a bridged call were agreed.", {NULL}},
    {"bridge.started",
     "control",
     EVENT_TRANSMISSION,
     "A call is about to be taken through in real time.",
     {"from", "to"}},
    {"call.connected", "control", EVENT_TRANSMISSION, "A call was answered.", {"peer"}},
    {"call.ended", "control", EVENT_TRANSMISSION, "A call ended.", {"peer", "peer_ident"}},
    {"call.offered", "control", EVENT_TRANSMISSION, "A call came in.", {"from", "to", "peer"}},
    {"call.refused", "control", EVENT_TRANSMISSION, "A call was refused.", {"from", "to", "peer"}},
    {"call.t38", "control", EVENT_TRANSMISSION, "A call changed to T.38.", {"peer"}},
    {"config.loaded", "control", EVENT_CONFIGURATION, "A configuration took effect.", {NULL}},
    {"connection.failed", "control", EVENT_TRANSMISSION, "A SIP connection failed.", {"peer"}},
    {"db.connected", "control", EVENT_SYSTEM, "The database was reached.", {NULL}},
    {"db.lost", "control", EVENT_SYSTEM, "The database was lost.", {NULL}},
    {"device.changed", "control", EVENT_CONFIGURATION, "A device got another credential.", {NULL}},
    {"device.created", "control", EVENT_CONFIGURATION, "A device was made.", {"extension"}},
    {"device.disabled", "control", EVENT_IDENTITY, "A device was disabled.", {NULL}},
    {"device.enabled", "control", EVENT_IDENTITY, "A device was enabled again.", {NULL}},
    {"device.expired",
     "control",
     EVENT_TRANSMISSION,
     "A device is no longer reached where it registered.",
     {"contact", "peer"}},
    {"device.refused",
     "control",
     EVENT_ACCESS,
     "Requests that could not be signed in as a device.",
     {"peer"}},
    {"device.registered",
     "control",
     EVENT_TRANSMISSION,
     "A device registered at an address.",
     {"contact", "peer"}},
    {"device.removed", "control", EVENT_CONFIGURATION, "A device was removed.", {NULL}},
    {"device.terms_set",
     "control",
     EVENT_CONFIGURATION,
     "It was set what becomes of the calls of a device, and for whom its certificate is.",
     {NULL}},
    {"disposal.failed", "control", EVENT_DISPOSAL, "A fax could not be disposed of.", {NULL}},
    {"fallback.forgotten",
     "control",
     EVENT_CONFIGURATION,
     "Which numbers of a trunk have refused T.38 was forgotten.",
     {"number"}},
    {"fallback.over",
     "control",
     EVENT_TRANSMISSION,
     "T.38 was agreed with a number that had refused it before.",
     {"to"}},
    {"fallback.remembered",
     "control",
     EVENT_TRANSMISSION,
     "A number does not take T.38: its next calls start over audio.",
     {"to"}},
    {"fax.cancelled", "control", EVENT_TRANSMISSION, "A submitted fax was cancelled.", {NULL}},
    {"fax.completed", "control", EVENT_TRANSMISSION, "A submitted fax reached its end.", {"to"}},
    {"fax.disposed", "control", EVENT_DISPOSAL, "A fax and its key were destroyed.", {NULL}},
    {"fax.exported", "control", EVENT_ACCESS, "Pages of a fax were taken out.", {NULL}},
    {"fax.forwarded",
     "control",
     EVENT_TRANSMISSION,
     "The pages of a received fax are to be sent on.",
     {"from", "to"}},
    {"fax.listed", "control", EVENT_ACCESS, "Faxes were listed.", {NULL}},
    {"fax.offered",
     "control",
     EVENT_TRANSMISSION,
     "A fax is about to be received.",
     {"from", "to", "diverted_from"}},
    {"fax.received",
     "control",
     EVENT_TRANSMISSION,
     "A fax was received completely or in part.",
     {"from", "to", "peer_ident"}},
    {"fax.refused", "control", EVENT_TRANSMISSION, "A submission was refused.", {"from", "to"}},
    {"fax.reported",
     "control",
     EVENT_TRANSMISSION,
     "A machine is told that its fax failed, or nothing more comes of a fax.",
     {NULL}},
    {"fax.requeued", "control", EVENT_TRANSMISSION, "A fax waits for a further attempt.", {NULL}},
    {"fax.submitted",
     "control",
     EVENT_TRANSMISSION,
     "A fax was accepted for sending.",
     {"from", "to"}},
    {"fax.viewed",
     "control",
     EVENT_ACCESS,
     "Pages of a fax, or the trace of a call, were shown.",
     {NULL}},
    {"gateway.started", "control", EVENT_SYSTEM, "The gateway started.", {NULL}},
    {"gateway.stopped", "control", EVENT_SYSTEM, "The gateway stopped.", {NULL}},
    {"grant.created",
     "control",
     EVENT_IDENTITY,
     "A role was granted.",
     {"from_numbers", "to_numbers"}},
    {"grant.revoked", "control", EVENT_IDENTITY, "A grant was revoked.", {NULL}},
    {"journal.damaged",
     "control",
     EVENT_SYSTEM,
     "An old part of the journal failed its check.",
     {NULL}},
    {"kek.created", "keeper", EVENT_KEY, "A key-encryption key was made.", {NULL}},
    {"key.created", "keeper", EVENT_KEY, "The data key of a fax was made and wrapped.", {NULL}},
    {"key.destroyed", "keeper", EVENT_KEY, "The data key of a fax was destroyed.", {NULL}},
    {"key.used", "keeper", EVENT_KEY, "The data key of a fax was unwrapped.", {NULL}},
    {"mailbox.changed", "control", EVENT_CONFIGURATION, "A mailbox was changed.", {NULL}},
    {"mailbox.created", "control", EVENT_CONFIGURATION, "A mailbox was made.", {NULL}},
    {"master.loaded", "keeper", EVENT_KEY, "The master key was read.", {NULL}},
    {"media.fallback",
     "control",
     EVENT_TRANSMISSION,
     "T.38 could not be had, the fax goes on over audio.",
     {NULL}},
    {"media.foreign",
     "line",
     EVENT_TRANSMISSION,
     "Datagrams of another address came to a call's media and were ignored.",
     {NULL}},
    {"media.started", "line", EVENT_TRANSMISSION, "Media of a call began.", {"peer"}},
    {"migration.applied", "control", EVENT_SYSTEM, "The database schema was changed.", {NULL}},
    {"number.assigned",
     "control",
     EVENT_CONFIGURATION,
     "A number was given to a mailbox.",
     {"number"}},
    {"number.removed", "control", EVENT_CONFIGURATION, "A number was taken away.", {"number"}},
    {"page.confirmed", "line", EVENT_TRANSMISSION, "A page was confirmed to its sender.", {NULL}},
    {"page.received", "line", EVENT_TRANSMISSION, "A page was sealed and is durable.", {NULL}},
    {"page.sent", "line", EVENT_TRANSMISSION, "A page was confirmed by its receiver.", {NULL}},
    {"page.submitted", "control", EVENT_TRANSMISSION, "A page to send was sealed.", {NULL}},
    {"principal.created", "control", EVENT_IDENTITY, "A principal was made.", {"full_name"}},
    {"principal.disabled", "control", EVENT_IDENTITY, "A principal was disabled.", {NULL}},
    {"principal.enabled", "control", EVENT_IDENTITY, "A principal was enabled again.", {NULL}},
    {"process.died", "control", EVENT_SYSTEM, "A child process ended unexpectedly.", {NULL}},
    {"process.restarted", "control", EVENT_SYSTEM, "A child process was started again.", {NULL}},
    {"role.changed", "control", EVENT_IDENTITY, "A role was changed.", {NULL}},
    {"role.created", "control", EVENT_IDENTITY, "A role was made.", {NULL}},
    {"role.removed", "control", EVENT_IDENTITY, "A role was removed.", {NULL}},
    {"route.created", "control", EVENT_CONFIGURATION, "A route was made.", {NULL}},
    {"route.removed", "control", EVENT_CONFIGURATION, "A route was removed.", {NULL}},
    {"source.limited",
     "control",
     EVENT_TRANSMISSION,
     "Requests of a source were above its rate.",
     {"peer"}},
    {"trace.sealed", "control", EVENT_TRANSMISSION, "The trace of an attempt was sealed.", {NULL}},
    {"trunk.changed", "control", EVENT_CONFIGURATION, "A trunk was changed.", {NULL}},
    {"trunk.created", "control", EVENT_CONFIGURATION, "A trunk was made.", {NULL}},
    {"trunk.credential_removed",
     "control",
     EVENT_CONFIGURATION,
     "A trunk's challenges are no more answered.",
     {NULL}},
    {"trunk.credential_set",
     "control",
     EVENT_CONFIGURATION,
     "A trunk's challenges are answered with a new secret.",
     {"user"}},
    {"trunk.identity_set",
     "control",
     EVENT_CONFIGURATION,
     "It was set whether a trunk is told, and believed, who calls.",
     {NULL}},
    {"trunk.peer_down",
     "control",
     EVENT_TRANSMISSION,
     "A peer of a trunk is held back, because it does not work.",
     {"peer"}},
    {"trunk.peer_up", "control", EVENT_TRANSMISSION, "A peer of a trunk works again.", {"peer"}},
    {"trunk.registered", "control", EVENT_TRANSMISSION, "We are registered with a trunk.", {NULL}},
    {"trunk.registration_failed",
     "control",
     EVENT_TRANSMISSION,
     "We could not register with a trunk.",
     {NULL}},
    {"trunk.registration_removed",
     "control",
     EVENT_CONFIGURATION,
     "A trunk is no more registered with.",
     {NULL}},
    {"trunk.registration_set",
     "control",
     EVENT_CONFIGURATION,
     "A trunk is to be registered with.",
     {"user"}},
    {"trunk.removed", "control", EVENT_CONFIGURATION, "A trunk was removed.", {NULL}},
    {"vault.damaged", "control", EVENT_SYSTEM, "A vault file failed its check.", {NULL}},
};

enum { TYPE_COUNT = sizeof types / sizeof *types };

const struct event_type *event_type_find(const char *name)
{
    size_t low = 0, high = TYPE_COUNT;
    while (name && low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, types[middle].name);
        if (order == 0)
            return &types[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct event_type *event_type_at(size_t position)
{
    return position < TYPE_COUNT ? &types[position] : NULL;
}

bool event_key_is_personal(const struct event_type *type, const char *key)
{
    for (size_t i = 0; i < EVENT_PERSONAL_KEYS_MAX && type->personal_keys[i]; i++)
        if (strcmp(type->personal_keys[i], key) == 0)
            return true;
    return false;
}

const char *event_category_text(enum event_category category)
{
    switch (category) {
    case EVENT_SYSTEM:
        return "system";
    case EVENT_IDENTITY:
        return "identity";
    case EVENT_CONFIGURATION:
        return "configuration";
    case EVENT_TRANSMISSION:
        return "transmission";
    case EVENT_ACCESS:
        return "access";
    case EVENT_KEY:
        return "key";
    case EVENT_DISPOSAL:
        return "disposal";
    case EVENT_AUDIT:
        return "audit";
    }
    return "unknown";
}
