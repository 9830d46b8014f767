#include "gateway/config/schema.h"

#define AT(member) offsetof(struct config, member)

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

const struct config_key config_keys[] = {
    {"node", CONFIG_NAME, AT(node), "sealfax", 1, 60, NULL,
     "name of this gateway in the audit log; must differ between gateways that share a database "
     "and "
     "never change"},
    {"state_dir", CONFIG_PATH, AT(state_dir), "", 0, 200, NULL,
     "where everything is kept; \"\": /var/lib/sealfax for root, else ~/.local/state/sealfax"},

    {"database.dsn", CONFIG_DSN, AT(database.dsn), "", 0, 1000, NULL,
     "PostgreSQL of the gateway as the application role, without password; \"\": a private cluster "
     "in "
     "the state directory"},
    {"database.password_file", CONFIG_PATH, AT(database.password_file), "", 0, 1000, NULL,
     "file with the password for dsn"},
    {"database.owner_dsn", CONFIG_DSN, AT(database.owner_dsn), "", 0, 1000, NULL,
     "the same database as the owner of the schema, for init and migrations"},
    {"database.owner_password_file", CONFIG_PATH, AT(database.owner_password_file), "", 0, 1000,
     NULL, "file with the password for owner_dsn"},
    {"database.reader_dsn", CONFIG_DSN, AT(database.reader_dsn), "", 0, 1000, NULL,
     "the same database as the role that may only read the log"},
    {"database.reader_password_file", CONFIG_PATH, AT(database.reader_password_file), "", 0, 1000,
     NULL, "file with the password for reader_dsn"},
    {"database.programs_dir", CONFIG_PATH, AT(database.programs_dir), "/usr/lib/postgresql/15/bin",
     1, 1000, NULL, "where initdb and postgres lie, for the private cluster"},

    {"sip.listen", CONFIG_ENDPOINT, AT(sip.listen), "127.0.0.1:5060", 1, 64, NULL,
     "address and port for SIP over UDP"},
    {"sip.listen_tcp", CONFIG_ENDPOINT, AT(sip.listen_tcp), "", 0, 64, NULL,
     "address and port for SIP over TCP; \"\": none"},
    {"sip.listen_tls", CONFIG_ENDPOINT, AT(sip.listen_tls), "", 0, 64, NULL,
     "address and port for SIP over TLS; \"\": none"},
    {"sip.public_address", CONFIG_ADDRESS, AT(sip.public_address), "", 0, 46, NULL,
     "address that peers see in Via and Contact; \"\": that of listen"},
    {"sip.user_agent", CONFIG_TEXT, AT(sip.user_agent), "sealfax", 0, 80, NULL,
     "User-Agent and Server header; \"\": none"},
    {"sip.t1_ms", CONFIG_INTEGER, AT(sip.t1_ms), "500", 10, 4000, NULL,
     "estimate of the round trip, first retransmission (RFC 3261 T1)"},
    {"sip.tls_certificate", CONFIG_PATH, AT(sip.tls_certificate), "", 0, 1000, NULL,
     "PEM file with the gateway's certificate and its issuers, read again when it changes"},
    {"sip.tls_key_file", CONFIG_PATH, AT(sip.tls_key_file), "", 0, 1000, NULL,
     "PEM file with its key, readable by the account of control and by no others"},
    {"sip.tls_ca", CONFIG_PATH, AT(sip.tls_ca), "", 0, 1000, NULL,
     "PEM file with those who may sign certificates of peers; \"\": the system's"},
    {"sip.tls_directory", CONFIG_PATH, AT(sip.tls_directory), "", 0, 1000, NULL,
     "directory of the files that trunks name (sealfax trunk add --tls-ca)"},
    {"sip.max_connections", CONFIG_INTEGER, AT(sip.max_connections), "1024", 1, 50000, NULL,
     "connections of peers over TCP and TLS"},
    {"sip.max_connections_of_peer", CONFIG_INTEGER, AT(sip.max_connections_of_peer), "32", 1, 50000,
     NULL, "the same of one address"},
    {"sip.message_timeout_ms", CONFIG_INTEGER, AT(sip.message_timeout_ms), "8000", 100, 600000,
     NULL, "a connection on which one message takes longer is closed"},
    {"sip.idle_timeout_ms", CONFIG_INTEGER, AT(sip.idle_timeout_ms), "300000", 1000, DAY_MS, NULL,
     "a connection without messages and calls is closed"},

    {"media.address", CONFIG_ADDRESS, AT(media.address), "127.0.0.1", 1, 46, NULL,
     "address on which media sockets are bound"},
    {"media.public_address", CONFIG_ADDRESS, AT(media.public_address), "", 0, 46, NULL,
     "address that stands in SDP; \"\": that of media.address"},
    {"media.port_first", CONFIG_INTEGER, AT(media.port_first), "20000", 1024, 65535, NULL,
     "first UDP port for media"},
    {"media.port_last", CONFIG_INTEGER, AT(media.port_last), "29999", 1024, 65535, NULL,
     "last UDP port for media"},
    {"media.error_correction", CONFIG_CHOICE, AT(media.error_correction), "redundancy", 0, 0,
     "redundancy|fec|none",
     "how UDPTL makes up for loss where the peer can do it too (T38FaxUdpEC)"},
    {"media.redundancy", CONFIG_INTEGER, AT(media.redundancy), "3", 0, 7, NULL,
     "with redundancy: earlier packets repeated in each UDPTL packet (T.38 §9.1)"},
    {"media.fec_packets", CONFIG_INTEGER, AT(media.fec_packets), "3", 1, 8, NULL,
     "with fec: packets that a parity field joins (T.38 §9.1, fec-npackets)"},
    {"media.fec_fields", CONFIG_INTEGER, AT(media.fec_fields), "3", 1, 8, NULL,
     "with fec: parity fields of a UDPTL packet; bursts as long are recovered"},
    {"media.max_datagram", CONFIG_INTEGER, AT(media.max_datagram), "400", 72, 1400, NULL,
     "largest UDPTL packet that peers may send (T38FaxMaxDatagram)"},
    {"media.t38_version", CONFIG_INTEGER, AT(media.t38_version), "0", 0, 3, NULL,
     "version of T.38 that is offered; an offer is answered with its own, up to 3"},
    {"media.secured_classes", CONFIG_TEXT, AT(media.secured_classes), "", 0, 1000, NULL,
     "classes of faxes, separated by commas, that go over TLS signalling and protected media or "
     "not "
     "at all"},

    {"lines.count", CONFIG_INTEGER, AT(lines.count), "0", 0, 256, NULL,
     "media processes; 0: one for each processor"},
    {"lines.max_calls", CONFIG_INTEGER, AT(lines.max_calls), "500", 1, 10000, NULL,
     "simultaneous calls of one media process"},

    {"fax.ident", CONFIG_IDENT, AT(fax.ident), "", 0, 20, NULL,
     "own station identification, shown to peers (T.30 TSI, CSI)"},
    {"fax.header", CONFIG_TEXT, AT(fax.header), "", 0, 50, NULL,
     "text at the left of the header line of sent pages; \"\": no header line"},
    {"fax.time_zone", CONFIG_TIME_ZONE, AT(fax.time_zone), "UTC", 1, 64, NULL,
     "time zone of the header line, such as Europe/Zurich"},
    {"fax.max_pages", CONFIG_INTEGER, AT(fax.max_pages), "500", 1, 10000, NULL,
     "a receiving call ends when more pages come"},
    {"fax.max_rate", CONFIG_RATE, AT(fax.max_rate), "14400", 0, 0,
     "2400|4800|7200|9600|12000|14400", "fastest modem rate, bit/s"},
    {"fax.ecm", CONFIG_BOOLEAN, AT(fax.ecm), "true", 0, 0, NULL,
     "offer and use error correction (T.30 Annex A)"},
    {"fax.t85", CONFIG_BOOLEAN, AT(fax.t85), "true", 0, 0, NULL,
     "offer and use T.85 (JBIG) with error correction: a third less time on the wire, more CPU"},
    {"fax.t38", CONFIG_BOOLEAN, AT(fax.t38), "true", 0, 0, NULL,
     "use T.38; else every fax goes over audio"},
    {"fax.audio_fallback", CONFIG_BOOLEAN, AT(fax.audio_fallback), "true", 0, 0, NULL,
     "send and receive over audio (G.711) when the peer refuses T.38 or does not agree in time; a "
     "trunk may forbid it"},
    {"fax.reinvite_after_ms", CONFIG_INTEGER, AT(fax.reinvite_after_ms), "500", 0, 60000, NULL,
     "as receiver ask for T.38 so long after the answer"},
    {"fax.reinvite_as_sender_after_ms", CONFIG_INTEGER, AT(fax.reinvite_as_sender_after_ms), "3000",
     0, 60000, NULL, "as sender ask for T.38 when the peer has not done so by then"},
    {"fax.max_call_ms", CONFIG_INTEGER, AT(fax.max_call_ms), "7200000", 60000, DAY_MS, NULL,
     "longest time from the start of T.38 to the end of a call; what goes on longer is ended"},
    {"fax.no_media_timeout_ms", CONFIG_INTEGER, AT(fax.no_media_timeout_ms), "30000", 1000, 300000,
     NULL, "a call ends when the peer has sent no packet for so long"},
    {"fax.page_hold_ms", CONFIG_INTEGER, AT(fax.page_hold_ms), "2000", 100, 2500, NULL,
     "with error correction: receiver-not-ready when storing a page takes longer"},
    {"fax.page_hold_without_ecm_ms", CONFIG_INTEGER, AT(fax.page_hold_without_ecm_ms), "2500", 100,
     2500, NULL, "without error correction: the call ends when storing a page takes longer"},

    {"retry.max_attempts", CONFIG_INTEGER, AT(retry.max_attempts), "3", 1, 20, NULL,
     "calls made for one fax, the first included; never again after an uncertain one"},
    {"retry.first_delay_ms", CONFIG_INTEGER, AT(retry.first_delay_ms), "60000", 100, DAY_MS, NULL,
     "wait before the second attempt, doubled before each further one"},
    {"retry.busy_delay_ms", CONFIG_INTEGER, AT(retry.busy_delay_ms), "120000", 100, DAY_MS, NULL,
     "wait when the called number was busy"},
    {"retry.max_delay_ms", CONFIG_INTEGER, AT(retry.max_delay_ms), "3600000", 100, DAY_MS, NULL,
     "longest wait between two attempts"},
    {"retry.resume", CONFIG_BOOLEAN, AT(retry.resume), "true", 0, 0, NULL,
     "a fax of which some pages were confirmed goes on at its next page"},

    {"render.max_pages", CONFIG_INTEGER, AT(render.max_pages), "200", 1, 10000, NULL,
     "documents with more pages are refused"},
    {"render.wall_limit_ms", CONFIG_INTEGER, AT(render.wall_limit_ms), "120000", 1000, HOUR_MS,
     NULL, "longest time to render a document"},
    {"render.cpu_limit_s", CONFIG_INTEGER, AT(render.cpu_limit_s), "60", 1, 3600, NULL,
     "longest processor time of each rendering process"},
    {"render.memory_mib", CONFIG_INTEGER, AT(render.memory_mib), "1024", 128, 65536, NULL,
     "largest address space of each rendering process"},
    {"render.max_document_mib", CONFIG_INTEGER, AT(render.max_document_mib), "64", 1, 1024, NULL,
     "larger documents are refused"},
    {"render.max_children", CONFIG_INTEGER, AT(render.max_children), "2", 1, 64, NULL,
     "documents rendered at the same time"},

    {"api.socket", CONFIG_PATH, AT(api.socket), "", 0, 100, NULL,
     "Unix socket of the API; \"\": run/api.sock in the state directory"},
    {"api.socket_group", CONFIG_NAME, AT(api.socket_group), "", 0, 60, NULL,
     "accounts of this group may connect to the socket; \"\": every local account (what each may "
     "do "
     "is decided by its grants)"},
    {"api.max_body_mib", CONFIG_INTEGER, AT(api.max_body_mib), "64", 1, 1024, NULL,
     "larger requests are refused"},

    {"retention.timer_ms", CONFIG_INTEGER, AT(retention.timer_ms), "3600000", 1000, DAY_MS, NULL,
     "how often faxes that are due are disposed of"},
    {"retention.default_days", CONFIG_INTEGER, AT(retention.default_days), "365", 1, 36500, NULL,
     "how long a fax is kept where its mailbox says nothing"},

    {"keys.master_key_file", CONFIG_PATH, AT(keys.master_key_file), "", 0, 1000, NULL,
     "file with the master key, readable by the keeper's account; \"\": keeper/master.key in the "
     "state directory"},

    {"accounts.control", CONFIG_NAME, AT(accounts.control), "sealfax", 1, 32, NULL,
     "account of the control process when started by root"},
    {"accounts.keeper", CONFIG_NAME, AT(accounts.keeper), "sealfax-keeper", 1, 32, NULL,
     "account of the keeper"},
    {"accounts.line", CONFIG_NAME, AT(accounts.line), "sealfax-line", 1, 32, NULL,
     "account of line and render processes"},
    {"accounts.database", CONFIG_NAME, AT(accounts.database), "sealfax-db", 1, 32, NULL,
     "account of the private PostgreSQL"},

    {"sandbox.landlock", CONFIG_CHOICE, AT(sandbox.landlock), "required", 0, 0, "required|optional",
     "whether to start on a kernel without Landlock"},

    {"log.level", CONFIG_CHOICE, AT(log.level), "notice", 0, 0, "error|warning|notice|debug",
     "what is written to standard error"},

    {"stop.drain_timeout_ms", CONFIG_INTEGER, AT(stop.drain_timeout_ms), "30000", 0, HOUR_MS, NULL,
     "how long calls may go on after SIGTERM"},

    {"journal.segment_bytes", CONFIG_INTEGER, AT(journal.segment_bytes), "16777216", 65536,
     1073741824, NULL, "size of a journal segment, allocated in advance"},

    {"audit.checkpoint_interval_ms", CONFIG_INTEGER, AT(audit.checkpoint_interval_ms), "60000",
     1000, DAY_MS, NULL, "how often the audit log is signed while it grows"},
};

const size_t config_key_count = sizeof config_keys / sizeof config_keys[0];

_Static_assert(sizeof config_keys / sizeof config_keys[0] <= CONFIG_KEYS_MAX, "raise the limit");
