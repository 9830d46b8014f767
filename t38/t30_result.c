#include "t38/t30_result.h"

#include <stddef.h>

/* Sorted by code. The texts of 0 to 60 say what spandsp's t30_completion_code_to_str() says. */
static const struct t30_result results[] = {
    {0, "ok", "OK"},
    {1, "ced_tone", "The CED tone exceeded 5 s"},
    {2, "t0_expired", "Timed out waiting for initial communication"},
    {3, "t1_expired", "Timed out waiting for the first message"},
    {4, "t3_expired", "Timed out waiting for procedural interrupt"},
    {5, "hdlc_carrier", "The HDLC carrier did not stop in a timely manner"},
    {6, "cannot_train", "Failed to train with any of the compatible modems"},
    {7, "operator_intervention_failed", "Operator intervention failed"},
    {8, "incompatible", "Far end is not compatible"},
    {9, "peer_cannot_receive", "Far end is not able to receive"},
    {10, "peer_cannot_transmit", "Far end is not able to transmit"},
    {11, "resolution_unsupported", "Far end cannot receive at the resolution of the image"},
    {12, "size_unsupported", "Far end cannot receive at the size of image"},
    {13, "unexpected_message", "Unexpected message received"},
    {14, "bad_response_to_training", "Received bad response to DCS or training"},
    {15, "disconnect_after_page", "Received a DCN from remote after sending a page"},
    {16, "invalid_ecm_response", "Invalid ECM response received from receiver"},
    {17, "disconnect_before_dis", "Received a DCN while waiting for a DIS"},
    {18, "invalid_response_after_page", "Invalid response after sending a page"},
    {19, "no_dis", "Received other than DIS while waiting for DIS"},
    {20, "no_response_to_training", "Received no response to DCS or TCF"},
    {21, "no_response_after_page", "No response after sending a page"},
    {22, "t5_expired", "Timed out waiting for receiver ready (ECM mode)"},
    {23, "invalid_ecm_command", "Invalid ECM response received from transmitter"},
    {24, "dcs_for_dtc", "DCS received while waiting for DTC"},
    {25, "unexpected_command_after_page", "Unexpected command after page received"},
    {26, "carrier_lost", "Carrier lost during fax receive"},
    {27, "no_end_of_line", "Timed out while waiting for EOL (end Of line)"},
    {28, "no_first_line", "Timed out while waiting for first line"},
    {29, "t2_waiting_for_dcn", "Timer T2 expired while waiting for DCN"},
    {30, "t2_waiting_for_phase_d", "Timer T2 expired while waiting for phase D"},
    {31, "t2_waiting_for_page", "Timer T2 expired while waiting for fax page"},
    {32, "t2_waiting_for_next_page", "Timer T2 expired while waiting for next fax page"},
    {33, "t2_waiting_for_rr", "Timer T2 expired while waiting for RR command"},
    {34, "t2_waiting_for_dcs", "Timer T2 expired while waiting for NSS, DCS or MCF"},
    {35, "disconnect_before_dcs", "Unexpected DCN while waiting for DCS or DIS"},
    {36, "disconnect_in_page", "Unexpected DCN while waiting for image data"},
    {37, "disconnect_before_post_page", "Unexpected DCN while waiting for EOM, EOP or MPS"},
    {38, "disconnect_after_mps", "Unexpected DCN after EOM or MPS sequence"},
    {39, "disconnect_after_rnr", "Unexpected DCN after RR/RNR sequence"},
    {40, "disconnect_after_retransmission_request",
     "Unexpected DCN after requested retransmission"},
    {41, "file_error", "TIFF/F file cannot be opened"},
    {42, "no_page", "TIFF/F page not found"},
    {43, "bad_tiff", "TIFF/F format is not compatible"},
    {44, "bad_page", "TIFF/F page number tag missing"},
    {45, "bad_tag", "Incorrect values for TIFF/F tags"},
    {46, "bad_tiff_header", "Bad TIFF/F header - incorrect values in fields"},
    {47, "no_memory", "Cannot allocate memory for more pages"},
    {48, "retries_exhausted", "Disconnected after permitted retries"},
    {49, "call_dropped", "The call dropped prematurely"},
    {50, "poll_refused", "Poll not accepted"},
    {51, "ident_refused", "Ident not accepted"},
    {52, "sub_address_refused", "Sub-address not accepted"},
    {53, "selective_polling_refused", "Selective polling address not accepted"},
    {54, "polled_sub_address_refused", "Polled sub-address not accepted"},
    {55, "sender_refused", "Sender identification not accepted"},
    {56, "password_refused", "Password not accepted"},
    {57, "tsa_refused", "Transmitting subscriber internet address not accepted"},
    {58, "ira_refused", "Internet routing address not accepted"},
    {59, "cia_refused", "Calling subscriber internet address not accepted"},
    {60, "isp_refused", "Internet selective polling address not accepted"},
    {61, "csa_refused", "Called subscriber internet address not accepted"},
    {T30_RESULT_NO_ECM, "no_ecm",
     "The peer does not use error correction; not accepted by configuration"},
    {T30_RESULT_STORE_FAILED, "store_failed", "A received page could not be stored safely"},
    {T30_RESULT_PAGE_INVALID, "page_invalid", "A received page does not decode"},
    {T30_RESULT_ABORTED, "aborted", "Ended from our side"},
    {T30_RESULT_HANGUP, "hangup", "The call was hung up before the fax ended"},
    {T30_RESULT_LIMIT, "limit", "The peer exceeded a limit"},
    {T30_RESULT_GUARD, "guard", "The engine was stopped before it broke a promise"},
    {T30_RESULT_SOURCE, "source", "A page to be sent could not be had"},
    {T30_RESULT_LINE_DIED, "line_died", "The process that ran the call ended unexpectedly"},
    {T30_RESULT_MEDIA_SILENT, "media_silent", "Nothing came from the peer for too long"},
    {T30_RESULT_HOLD_EXPIRED, "hold_expired",
     "Storing a page took longer than the peer was willing to wait"},
    {T30_RESULT_PAGE_REJECTED, "page_rejected", "The peer rejected a page that came badly"},
    {T30_RESULT_BAD_COPY, "bad_copy", "A page came too badly to be kept"},
    {T30_RESULT_PHASE_TIME, "phase_time", "A phase of the call took longer than it may"},
    {T30_RESULT_CPU_TIME, "cpu_time", "The call cost more computing time than it may"},
};

static const struct t30_result unknown = {-1, "unknown", "Unknown result"};

const struct t30_result *t30_result_get(int code)
{
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        if (results[i].code == code)
            return &results[i];
    return &unknown;
}

const char *t30_result_text(int code)
{
    return t30_result_get(code)->text;
}
