/* spandsp_check.c: is the library that was loaded the one whose private structures were compiled
 * in?
 *
 * libspandsp has no function that tells its version. So a terminal is made in memory of our own,
 * and what the library writes there is compared with what this version's headers say: a structure
 * of another shape shows.
 */
#include "t38/spandsp_session.h"

#include "codecs/fax_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANARY_OCTETS = 4096, CANARY = 0xA5, T0_SAMPLES = 60000 * 8 };

struct check {
    const char *what;
    bool holds;
};

static int no_packet(t38_core_state_t *core, void *user, const uint8_t *ifp, int length, int copies)
{
    (void)core;
    (void)user;
    (void)ifp;
    (void)length;
    (void)copies;
    return 0;
}

static int no_row(void *user, const uint8_t *row, size_t length)
{
    (void)user;
    (void)row;
    (void)length;
    return 0;
}

/* Returns what differs, or NULL. */
static const char *find_difference(t38_terminal_state_t *term, const uint8_t *canary)
{
    t30_state_t *t = &term->t30;
    const t38_core_state_t *core = &term->t38_fe.t38;
    t30_set_tx_ident(t, "0123456789");
    t30_set_ecm_capability(t, TRUE);
    t30_set_rx_file(t, "/nowhere", 7);
    t30_set_receiver_not_ready(t, 3);
    t4_rx_set_row_write_handler(&t->t4.rx, no_row, term);
    const struct check checks[] = {
        {"t30 state", t38_terminal_get_t30_state(term) == t},
        {"t38 core", t38_terminal_get_t38_core_state(term) == core},
        {"calling party", t->calling_party == FALSE && t->phase == 1 && t->state == 1},
        {"timer T0", t->timer_t0_t1 == T0_SAMPLES},
        {"ident", strcmp(t->tx_info.ident, "0123456789") == 0},
        {"ECM", t->ecm_allowed != 0},
        {"DIS", t->local_dis_dtc_frame[0] == 0xFF && t->local_dis_dtc_frame[2] == FCF_DIS},
        {"file", strcmp(t->rx_file, "/nowhere") == 0 && t->rx_stop_page == 7},
        {"receiver not ready", t->receiver_not_ready_count == 3},
        {"frame handler", t->send_hdlc_handler && t->send_hdlc_user_data == term},
        {"row handler", t->t4.rx.t4_t6_rx.row_write_handler == no_row},
        {"row handler's user", t->t4.rx.t4_t6_rx.row_write_user_data == term},
        {"packet handler", core->tx_packet_handler == no_packet && core->rx_user_data == term},
        {"receive handlers", core->rx_data_handler && core->rx_indicator_handler},
        {"sequence", core->rx_expected_seq_no == -1 && core->check_sequence_numbers},
        {"chunk", term->t38_fe.us_per_tx_chunk == 30000},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (!checks[i].holds)
            return checks[i].what;
    for (size_t i = 0; i < CANARY_OCTETS; i++)
        if (canary[i] != CANARY)
            return "size";
    return NULL;
}

int fax_engine_library_check(char *found, size_t capacity)
{
    uint8_t *memory = malloc(sizeof(t38_terminal_state_t) + CANARY_OCTETS);
    if (!memory)
        return FAX_ENOMEM;
    uint8_t *canary = memory + sizeof(t38_terminal_state_t);
    memset(canary, CANARY, CANARY_OCTETS);
    t38_terminal_state_t *term = (t38_terminal_state_t *)(void *)memory;
    const char *difference = "no terminal";
    if (t38_terminal_init(term, FALSE, no_packet, term)) {
        difference = find_difference(term, canary);
        t38_terminal_release(term);
    }
    free(memory);
    if (found && capacity)
        snprintf(found, capacity, difference ? "not spandsp 0.0.6: %s differs" : "spandsp 0.0.6%s",
                 difference ? difference : "");
    return difference ? FAX_EUNSUPPORTED : 0;
}
