/* udp_replay.h: records when which datagrams of one call pass, and sends as many of the same sizes
 * at the same pace for many calls through bare sockets: what media costs without any fax in it. */
#ifndef TESTS_DOUBLES_UDP_REPLAY_H
#define TESTS_DOUBLES_UDP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { UDP_TRACE_MAX = 20000 };

struct udp_trace_entry {
    uint32_t at_ms; /* since the first one */
    uint16_t length;
    uint8_t side; /* 0: from the first party, 1: from the second */
};

struct udp_trace {
    uint32_t count;
    uint64_t started_ms;
    struct udp_trace_entry entries[UDP_TRACE_MAX];
};

/* A process that passes datagrams on between two parties and writes them down. */
struct udp_relay {
    pid_t pid;
    struct udp_trace *trace;            /* shared memory */
    struct sockaddr_storage address[2]; /* which the party 0 or 1 has to send to */
};

/* Starts the relay between two parties. Aborts on failure, as everything here. */
void udp_relay_start(struct udp_relay *relay, const struct sockaddr_storage *first,
                     const struct sockaddr_storage *second);

/* Ends the process; the trace stays. */
void udp_relay_stop(struct udp_relay *relay);

/* What one side of a replay cost. */
struct udp_replay_side {
    double cpu_us;
    uint64_t sent, received;
    uint64_t longest_stall_us; /* of its 5 ms tick */
    uint64_t longest_busy_us;  /* most CPU between two ticks */
    long memory_kb;            /* growth of resident memory */
};

struct udp_replay {
    struct udp_replay_side sides[2];
    double call_seconds; /* of each side */
};

/* Replays the trace for `calls` calls, each stagger_ms after the one before, between two processes
 * with a connected socket a call, an epoll set of their own and one 5 ms tick, as a line has. */
void udp_replay_run(struct udp_replay *replay, const struct udp_trace *trace, unsigned calls,
                    uint32_t stagger_ms);

/* For other things that are measured so: pairs of connected sockets on 127.0.0.1 (an array of one
 * side's each, closed and freed by the second), the steady clock and the process's CPU time in
 * microseconds, and waiting for a moment of that clock. */
void udp_replay_open_pairs(int *sockets[2], unsigned calls);
void udp_replay_close_pairs(int *sockets[2], unsigned calls);
uint64_t udp_replay_now_us(void);
double udp_replay_cpu_us(void);
void udp_replay_sleep_until(uint64_t due_us);

/* Resident memory of a process in kB; 0 when it cannot be read. */
long udp_replay_memory_kb(pid_t pid);

#endif
