/* The kernel's and the C library's interfaces that the platform layer uses, with inline shims for what
 * Swift cannot import: variadic functions, macros, fork. No logic. */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <crypt.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Hidden from Swift. */
static inline pid_t apus_fork(void) { return fork(); }

/* Variadic in C. */
static inline int apus_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }
static inline int apus_openat(int at, const char *path, int flags, mode_t mode) {
    return openat(at, path, flags, mode);
}
static inline int apus_fcntl(int fd, int command, long argument) { return fcntl(fd, command, argument); }
static inline int apus_ioctl_int(int fd, unsigned long request, int *argument) {
    return ioctl(fd, request, argument);
}
static inline int apus_prctl(int option, unsigned long a, unsigned long b) {
    return prctl(option, a, b, 0, 0);
}

/* A macro in glibc (thread-local). */
static inline int apus_errno(void) { return errno; }
static inline void apus_set_errno(int value) { errno = value; }
