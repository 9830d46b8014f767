/* replay.c: feeds every file of the folders given to a libFuzzer entry point, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    size_t capacity = 1 << 20, length = 0;
    uint8_t *data = malloc(capacity);
    if (data)
        length = fread(data, 1, capacity, f);
    fclose(f);
    /* A copy of the exact size, so that the address sanitizer sees reads past the end. */
    uint8_t *exact = data ? malloc(length ? length : 1) : NULL;
    if (exact) {
        memcpy(exact, data, length);
        LLVMFuzzerTestOneInput(exact, length);
    }
    free(exact);
    free(data);
    return exact ? 0 : -1;
}

static int replay_folder(const char *folder)
{
    char path[4096];
    int count = 0;
    DIR *d = opendir(folder);
    if (!d) {
        fprintf(stderr, "%s: cannot be opened\n", folder);
        return -1;
    }
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= sizeof path ||
            replay_file(path) < 0) {
            fprintf(stderr, "%s: cannot be read\n", path);
            closedir(d);
            return -1;
        }
        count++;
    }
    closedir(d);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int n = replay_folder(argv[i]);
        if (n < 0)
            return 1;
        total += n;
    }
    printf("%d inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
