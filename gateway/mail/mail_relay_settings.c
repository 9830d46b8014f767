#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/mail/mail_relay_private.h"
#include "policy/secret.h"

int mail_relay_url(const struct config *config, const char *host, char url[MAIL_URL_TEXT],
                   char connect_to[MAIL_CONNECT_TEXT])
{
    const char *relay = config->mail.out_relay, *name = config->mail.out_tls_name;
    bool implicit = strncmp(relay, "smtps://", 8) == 0;
    const char *place = relay + (implicit ? 8 : 7), *port = strrchr(place, ':');
    if (port && strchr(port, ']'))
        port = NULL; /* of an address */
    int length = port ? (int)(port - place) : (int)strlen(place);
    const char *number = port ? port + 1 : implicit ? "465" : "25";
    const char *scheme = implicit ? "smtps" : "smtp";
    int n, m = 0;
    connect_to[0] = '\0';
    if (name[0]) {
        n = snprintf(url, MAIL_URL_TEXT, "%s://%s:%s/%s", scheme, name, number, host);
        m = snprintf(connect_to, MAIL_CONNECT_TEXT, "%s:%s:%.*s:%s", name, number, length, place,
                     number);
    } else {
        n = snprintf(url, MAIL_URL_TEXT, "%s://%.*s:%s/%s", scheme, length, place, number, host);
    }
    return n < 0 || n >= MAIL_URL_TEXT || m < 0 || m >= MAIL_CONNECT_TEXT ? -EINVAL : 0;
}

int mail_relay_password(const char *path, char *out, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t length = read(fd, out, capacity - 1);
    int rc = length < 0 ? -errno : 0;
    close(fd);
    if (rc == 0) {
        out[length] = '\0';
        out[strcspn(out, "\r\n")] = '\0';
        if (!out[0] || (size_t)length == capacity - 1)
            rc = -EINVAL;
    }
    if (rc < 0)
        secret_wipe(out, capacity);
    return rc;
}
