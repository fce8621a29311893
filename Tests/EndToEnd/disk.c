/* Preloaded into a server: a disk that is slow, or full. Only writes at an offset count, as temporary files are written. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long delay, room = -1;

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("DISK_DELAY");
    if (text) delay = atol(text);
    text = getenv("DISK_ROOM");
    if (text) room = atol(text);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
    if (delay) usleep((useconds_t)delay);
    if (room >= 0 && offset >= room) {
        errno = ENOSPC;
        return -1;
    }
    if (room >= 0 && offset + (off_t)size > room) size = (size_t)(room - offset);
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) { return pwrite64(fd, bytes, size, offset); }
