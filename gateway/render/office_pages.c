#include "gateway/render/render_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codecs/fax_error.h"
#include "gateway/file_octets.h"
#include "gateway/process/log.h"
#include "gateway/process/office_place.h"
#include "gateway/render/office_document.h"
#include "gateway/render/run_program.h"

enum {
    PATH_OCTETS = STATE_PATH_MAX + 64,
    ERRORS_OCTETS = 4096,
    FILE_OCTETS_MAX = 256 * 1024 * 1024, /* of each file that LibreOffice writes */
    EXIT_RESTART = 81, /* it has set its profile up, and wants to be started again */
    STARTS_MAX = 3,
};

/* The settings that LibreOffice starts with. None of them is what keeps a document in (the sandbox
 * is), but they say no before anything is tried: macros, links to other documents and pictures
 * elsewhere, recovery files. */
static const char settings[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<oor:items xmlns:oor=\"http://openoffice.org/2001/registry\""
                               " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\""
                               " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n"
#define SETTING(path, name, value)                                                                 \
    "<item oor:path=\"/org.openoffice.Office." path "\"><prop oor:name=\"" name                    \
    "\" oor:op=\"fuse\"><value>" value "</value></prop></item>\n"
    SETTING("Common/Security/Scripting", "MacroSecurityLevel", "3")
        SETTING("Common/Security/Scripting", "DisableMacrosExecution", "true")
            SETTING("Common/Security/Scripting", "BlockUntrustedRefererLinks", "true")
                SETTING("Common/Security/Scripting", "DisablePythonRuntime", "true")
                    SETTING("Common/Save/Document", "AutoSave", "false")
                        SETTING("Recovery/AutoSave", "Enabled", "false")
                            SETTING("Writer/Content/Update", "Link", "2")
                                SETTING("Calc/Content/Update", "Link", "1")
                                    SETTING("Common/Misc", "CrashReport", "false")
                                        SETTING("Common/Misc", "UseOpenCL", "false") SETTING(
                                            "Common/Java/ApplicationIsolation", "Enable", "false")
#undef SETTING
                                            "</oor:items>\n";

struct conversion {
    struct render_job *job;
    const struct office_place *place;
    const char *extension;
    char document[PATH_OCTETS], result[PATH_OCTETS], profile[PATH_OCTETS];
};

static int write_file(const char *path, const void *octets, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = fd < 0 ? -errno : file_write_all(fd, octets, length);

    if (fd >= 0)
        close(fd);
    return error;
}

static int make_below(const struct conversion *c, const char *name)
{
    char path[PATH_OCTETS];

    snprintf(path, sizeof path, "%s/%s", c->place->directory, name);
    return mkdir(path, 0700) < 0 ? -errno : 0;
}

static int lay_out(struct conversion *c)
{
    const struct render_document *document = &c->job->document;
    const char *directory = c->place->directory;
    char path[PATH_OCTETS];
    int error = make_below(c, "profile");

    snprintf(c->document, sizeof c->document, "%s/document.%s", directory, c->extension);
    snprintf(c->result, sizeof c->result, "%s/document.pdf", directory);
    snprintf(c->profile, sizeof c->profile, "-env:UserInstallation=file://%s/profile", directory);
    snprintf(path, sizeof path, "%s/profile/user/registrymodifications.xcu", directory);
    if (error == 0)
        error = make_below(c, "profile/user");
    if (error == 0)
        error = write_file(path, settings, sizeof settings - 1);
    if (error == 0)
        error = write_file(c->document, document->data, document->octets);
    if (error != 0)
        return render_fail(c->job, error, 0, "no room for the Office document in %s: %s", directory,
                           strerror(-error));
    return 0;
}

static int drop_output(void *user, const uint8_t *data, size_t length)
{
    (void)user;
    (void)data;
    (void)length;
    return 0;
}

static int fail_conversion(struct render_job *job, const struct program_result *result,
                           const char *errors)
{
    switch (result->end) {
    case PROGRAM_CPU_LIMIT:
        return render_fail(job, FAX_ELIMIT, 0,
                           "LibreOffice takes more than %llu s of processor time for the document",
                           (unsigned long long)job->program_limits.cpu_seconds);
    case PROGRAM_WALL_LIMIT:
        return render_fail(job, FAX_ELIMIT, 0,
                           "LibreOffice takes longer than %u s for the document",
                           job->request.wall_limit_ms / 1000);
    case PROGRAM_NOT_POSSIBLE:
        return render_fail(job, result->start_error, 0, "LibreOffice cannot be started: %s",
                           strerror(-result->start_error));
    case PROGRAM_KILLED:
        return render_fail(job, FAX_EFORMAT, 0, "LibreOffice crashed on the document (signal %d)",
                           result->signal_number);
    case PROGRAM_KILLED_OUTSIDE:
        return render_fail(job, FAX_ELIMIT, 0,
                           "LibreOffice was killed from outside while it read the document, as "
                           "happens when memory runs out");
    case PROGRAM_STOPPED:
    case PROGRAM_EXITED:
        break;
    }
    log_write(LOG_LEVEL_NOTICE, "LibreOffice ended with status %d: %.200s", result->exit_status,
              errors);
    return render_fail(job, FAX_EFORMAT, 0,
                       "LibreOffice cannot read the document: it is damaged or needs a password");
}

/* Leaves the PDF at c->result. */
static int convert(struct conversion *c)
{
    char errors[ERRORS_OCTETS];
    const char *const argv[] = {c->place->program,
                                "--headless",
                                "--norestore",
                                "--nologo",
                                "--nodefault",
                                "--nolockcheck",
                                "--nofirststartwizard",
                                "-env:OSL_SOCKET_PATH=.",
                                c->profile,
                                "--convert-to",
                                "pdf",
                                "--outdir",
                                c->place->directory,
                                c->document,
                                NULL};
    struct program program = {
        .argv = argv,
        .input_fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
        .limits = c->job->program_limits,
        .deadline_ms = c->job->deadline_ms,
        .output = drop_output,
        .errors = errors,
        .errors_capacity = sizeof errors,
        .walls = PROGRAM_OFFICE,
        .directory = c->place->directory,
    };
    struct program_result result;

    program.limits.file_bytes = FILE_OCTETS_MAX;
    if (program.input_fd < 0)
        return render_fail(c->job, -errno, 0, "/dev/null: %s", strerror(errno));
    for (int starts = 0; starts < STARTS_MAX; starts++) {
        program_run(&program, &result);
        if (result.end != PROGRAM_EXITED || result.exit_status != EXIT_RESTART)
            break;
    }
    close(program.input_fd);
    if (result.end != PROGRAM_EXITED || result.exit_status != 0 || access(c->result, F_OK) < 0)
        return fail_conversion(c->job, &result, errors);
    return 0;
}

/* The file is on the tmpfs, so mapped it costs nothing more; it has no name any longer when its
 * pages are rendered, and no memory when they are. */
static int render_result(struct conversion *c)
{
    struct render_document *document = &c->job->document;
    const struct render_document office = *document;
    struct stat status;
    void *map = MAP_FAILED;
    int fd = open(c->result, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), error;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (office_place_empty(c->place) != 0)
        log_write(LOG_LEVEL_WARNING, "%s cannot be emptied", c->place->directory);
    if (map == MAP_FAILED)
        return render_fail(c->job, FAX_EFORMAT, 0,
                           "LibreOffice's PDF of the document cannot be read");
    document->data = map;
    document->octets = (size_t)status.st_size;
    error = render_pdf(c->job);
    document->data = office.data;
    document->octets = office.octets;
    munmap(map, (size_t)status.st_size);
    return error;
}

/* That part of LibreOffice is a package of its own. */
static int check_reader(const struct render_job *job, enum office_format format)
{
    const char *program = job->office->program, *slash = strrchr(program, '/');
    char path[PATH_OCTETS];

    snprintf(path, sizeof path, "%.*s/%s", (int)(slash - program), program,
             office_format_library(format));
    return access(path, F_OK);
}

int render_office(struct render_job *job)
{
    struct conversion c = {.job = job, .place = job->office};
    char reason[OFFICE_DOCUMENT_REASON_MAX];
    enum office_format format;
    int error = office_document_examine(job->document.data, job->document.octets, &format, reason);

    if (error != 0)
        return render_fail(job, error, 0, "%s", reason);
    if (job->office->directory[0] == '\0')
        return render_fail(job, FAX_EUNSUPPORTED, 0,
                           "Office documents cannot be taken, make a PDF of it: %s",
                           job->office->refusal);
    if (check_reader(job, format) != 0)
        return render_fail(job, FAX_EUNSUPPORTED, 0,
                           "Office documents of this kind cannot be taken, make a PDF of it: %s is "
                           "not installed",
                           office_format_package(format));
    c.extension = office_format_extension(format);
    error = lay_out(&c);
    if (error == 0)
        error = convert(&c);
    if (error == 0)
        return render_result(&c);
    if (office_place_empty(c.place) != 0)
        log_write(LOG_LEVEL_WARNING, "%s cannot be emptied", c.place->directory);
    return error;
}
