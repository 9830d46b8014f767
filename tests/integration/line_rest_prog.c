/* Calls whose sockets rest in the middle of a page (gateway/line/line_rest.c), between two real
 * lines and through a relay that then does to each of them something else: nothing; a second
 * without a datagram; a flood; the end by control, of either end; another port of the peer's, told
 * to either line; datagrams of a stranger. use: line_rest_prog DIRECTORY */
#include "t38/t30_result.h"
#include "tests/doubles/line_driver.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum what { NOTHING, SILENCE, FLOOD, STOP, MOVE, STRANGER, SENDER_STOPS, SENDER_MOVES, WHATS };

enum {
    ROWS = 300,
    CALL_MS = 100000,
    MID_PAGE_MS = 3000, /* after the training: datagrams of the page have come for two seconds */
    FOR_MS = 1000,
    FLOOD_PER_MS = 10,
    DATAGRAM_MAX = 2048,
    AHEAD_LEAST = 50, /* packets of a call */
};

struct path {
    int from_fd, to_fd; /* what the sender, and what the receiver has for its peer */
    int other_fd;       /* likewise one of them, once it moved; before it is a stranger's */
    struct sockaddr_storage from_address, to_address, other_address;
    atomic_bool silent, moved;
};

struct scene {
    struct line_driver driver;
    struct line_process sending, receiving;
    struct driver_call from[WHATS], to[WHATS];
    struct path paths[WHATS];
    atomic_bool over;
    uint64_t trained_ms, stopped_ms;
    unsigned failures;
};

static void check(struct scene *scene, bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    scene->failures++;
}

static void draw(struct raster *page, uint32_t number, void *user)
{
    (void)user;
    vault_file_draw_page(page, ROWS, number);
}

static int open_socket(struct sockaddr_storage *here)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof *here;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memset(here, 0, sizeof *here);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) != 0 ||
        getsockname(fd, (struct sockaddr *)here, &length) != 0)
        abort();
    return fd;
}

static void send_to(int fd, const struct sockaddr_storage *to, const uint8_t *data, size_t length)
{
    (void)!sendto(fd, data, length, MSG_DONTWAIT, (const struct sockaddr *)to,
                  sizeof(struct sockaddr_in));
}

static void pass_on(struct scene *scene, unsigned i, bool back)
{
    struct path *path = &scene->paths[i];
    const struct driver_call *to = back ? &scene->from[i] : &scene->to[i];
    bool moved = atomic_load(&path->moved);
    int to_fd = moved && i == MOVE ? path->other_fd : path->to_fd;
    int from_fd = moved && i == SENDER_MOVES ? path->other_fd : path->from_fd;
    uint8_t datagram[DATAGRAM_MAX];
    ssize_t n = recv(back ? to_fd : from_fd, datagram, sizeof datagram, MSG_DONTWAIT);

    if (n >= 0 && !atomic_load(&path->silent))
        send_to(back ? from_fd : to_fd, &to->address, datagram, (size_t)n);
}

static void *relay(void *user)
{
    struct scene *scene = user;
    struct pollfd polled[2 * WHATS];

    while (!atomic_load(&scene->over)) {
        for (unsigned i = 0; i < WHATS; i++) {
            struct path *path = &scene->paths[i];

            bool moved = atomic_load(&path->moved);

            polled[2 * i] = (struct pollfd){
                moved && i == SENDER_MOVES ? path->other_fd : path->from_fd, POLLIN, 0};
            polled[2 * i + 1] =
                (struct pollfd){moved && i == MOVE ? path->other_fd : path->to_fd, POLLIN, 0};
        }
        (void)poll(polled, 2 * WHATS, 50);
        for (unsigned i = 0; i < 2 * WHATS; i++)
            if (polled[i].revents != 0)
                pass_on(scene, i / 2, i % 2);
    }
    return NULL;
}

static void prepare(struct scene *scene)
{
    for (unsigned i = 0; i < WHATS; i++) {
        struct path *path = &scene->paths[i];
        struct raster page;

        driver_call_prepare(&scene->driver, &scene->from[i], &scene->sending, true);
        driver_call_prepare(&scene->driver, &scene->to[i], &scene->receiving, false);
        draw(&page, 1, NULL);
        driver_call_add_page(&scene->from[i], 1, &page);
        raster_free(&page);
        path->from_fd = open_socket(&path->from_address);
        path->to_fd = open_socket(&path->to_address);
        path->other_fd = open_socket(&path->other_address);
        driver_call_start(&scene->from[i]);
        driver_call_start(&scene->to[i]);
    }
    check(scene, line_driver_run(&scene->driver, driver_all_ready, &scene->driver, 10000),
          "all are ready");
    for (unsigned i = 0; i < WHATS; i++) {
        driver_call_media(&scene->from[i], &scene->paths[i].from_address);
        driver_call_media(&scene->to[i], &scene->paths[i].to_address);
    }
}

static bool are_mid_page(void *user)
{
    struct scene *scene = user;

    for (unsigned i = 0; i < WHATS; i++)
        if (scene->to[i].trained == 0)
            return false;
    if (scene->trained_ms == 0)
        scene->trained_ms = driver_now_ms();
    return driver_now_ms() >= scene->trained_ms + MID_PAGE_MS;
}

/* From whom the call has its own datagrams, or from somebody else: no UDPTL, and much of it. */
static void send_many(struct scene *scene, enum what what, int fd)
{
    static const uint8_t nothing[200];

    for (unsigned i = 0; i < FLOOD_PER_MS; i++)
        send_to(fd, &scene->to[what].address, nothing, sizeof nothing);
}

static bool flood_is_over(void *user)
{
    struct scene *scene = user;
    uint64_t until_ms = scene->trained_ms + MID_PAGE_MS + FOR_MS;

    send_many(scene, FLOOD, scene->paths[FLOOD].to_fd);
    send_many(scene, STRANGER, scene->paths[STRANGER].other_fd);
    if (scene->stopped_ms == 0 && scene->to[STOP].is_done)
        scene->stopped_ms = driver_now_ms();
    return driver_now_ms() >= until_ms;
}

static void disturb(struct scene *scene)
{
    uint64_t now_ms = driver_now_ms();

    atomic_store(&scene->paths[SILENCE].silent, true);
    driver_call_stop(&scene->to[STOP], "enough");
    driver_call_media(&scene->to[MOVE], &scene->paths[MOVE].other_address);
    atomic_store(&scene->paths[MOVE].moved, true);
    driver_call_stop(&scene->from[SENDER_STOPS], "enough");
    driver_call_media(&scene->from[SENDER_MOVES], &scene->paths[SENDER_MOVES].other_address);
    atomic_store(&scene->paths[SENDER_MOVES].moved, true);
    (void)line_driver_run(&scene->driver, flood_is_over, scene, CALL_MS);
    atomic_store(&scene->paths[SILENCE].silent, false);
    check(scene, scene->stopped_ms != 0 && scene->stopped_ms < now_ms + FOR_MS,
          "a call ends at once when control says so");
}

static bool logged_some(struct line_process *line, const char *name, unsigned least)
{
    char text[8192] = "";
    const char *at;

    (void)!pread(line->log_fd, text, sizeof text - 1, 0);
    at = strstr(text, name);
    return at != NULL && strtoul(at + strlen(name), NULL, 10) >= least;
}

static void judge(struct scene *scene)
{
    static const char *const names[WHATS] = {"with nothing",
                                             "with a silence",
                                             "with a flood",
                                             "that was stopped",
                                             "that moved",
                                             "with a stranger",
                                             "whose sender was stopped",
                                             "whose sender moved"};

    for (unsigned i = 0; i < WHATS; i++) {
        const struct msg_call_done *from = &scene->from[i].done, *to = &scene->to[i].done;
        bool delivered = from->result == T30_RESULT_OK && to->result == T30_RESULT_OK &&
                         driver_call_stored(&scene->to[i], draw, NULL, 1);
        unsigned again = from->ecm_retransmissions;

        printf("rest: the call %s: %s, %u times asked again, %u bad and %u foreign datagrams\n",
               names[i], delivered ? "delivered" : to->text, again, to->packets_bad,
               to->packets_foreign);
        check(scene, scene->to[i].dones == 1 && scene->from[i].dones == 1, "each ends once");
        if (i == STOP || i == SENDER_STOPS)
            check(scene, strcmp(i == STOP ? to->text : from->text, "enough") == 0,
                  "it ends for control's reason");
        else
            check(scene, delivered, "it is delivered");
        if (i == NOTHING || i == STRANGER || i == SENDER_MOVES)
            check(scene, again == 0 && to->packets_lost == 0, "nothing is lost by resting");
        if (i == MOVE) /* what came between the last look and the move */
            check(scene, to->packets_foreign <= 1, "what waited when the peer moved is heard");
        if (i == SILENCE)
            check(scene, again > 0, "what fell into the silence is asked for again");
        if (i == FLOOD)
            check(scene, to->packets_bad > 0, "the flood reached it");
    }
}

int main(int argc, char **argv)
{
    int status = line_driver_child(argc, argv);
    static struct scene scene;
    pthread_t thread;

    if (status >= 0)
        return status;
    if (argc != 2) {
        fprintf(stderr, "use: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    line_driver_init(&scene.driver, argv[1]);
    line_driver_start_line(&scene.driver, &scene.sending);
    line_driver_start_line(&scene.driver, &scene.receiving);
    prepare(&scene);
    if (pthread_create(&thread, NULL, relay, &scene) != 0)
        abort();
    check(&scene, line_driver_run(&scene.driver, are_mid_page, &scene, CALL_MS),
          "all come to their page");
    disturb(&scene);
    check(&scene, line_driver_run(&scene.driver, driver_all_done, &scene.driver, CALL_MS),
          "all end");
    atomic_store(&scene.over, true);
    pthread_join(thread, NULL);
    for (int i = 0; i < 2; i++) {
        struct line_process *line = i == 0 ? &scene.sending : &scene.receiving;

        status = line_process_stop(line);
        check(&scene, WIFEXITED(status) && WEXITSTATUS(status) == 0, "the line lives");
        check(&scene, logged_some(line, " rests=", WHATS), "sockets rested");
        if (line == &scene.sending)
            check(&scene, logged_some(line, " ahead=", WHATS * AHEAD_LEAST), "packets were ahead");
    }
    judge(&scene);
    for (unsigned i = 0; i < scene.driver.call_count; i++)
        driver_call_free(scene.driver.calls[i]);
    printf("rest: %s\n", scene.failures == 0 ? "as it must be" : "FAILED");
    return scene.failures == 0 ? 0 : 1;
}
