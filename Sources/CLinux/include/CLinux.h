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
#include <linux/sockios.h>
#include <linux/tls.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
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
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
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

/* The data path's calls in the kernel's own convention: a count, or a negative error number. A call that a signal
 * interrupted is made again. */
#define APUS_RESULT(type, call)               \
    type code;                                \
    do code = (call);                         \
    while (code < 0 && errno == EINTR);       \
    return code < 0 ? -(long)errno : (long)code

static inline long apus_k_socket(int family, int type) {
    APUS_RESULT(int, socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}
static inline long apus_k_accept(int fd, void *address, socklen_t *length) {
    APUS_RESULT(int, accept4(fd, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}
static inline long apus_k_socket_name(int fd, void *address, socklen_t *length) {
    APUS_RESULT(int, getsockname(fd, (struct sockaddr *)address, length));
}
static inline long apus_k_peer_name(int fd, void *address, socklen_t *length) {
    APUS_RESULT(int, getpeername(fd, (struct sockaddr *)address, length));
}
static inline long apus_k_bind(int fd, const void *address, size_t length) {
    APUS_RESULT(int, bind(fd, (const struct sockaddr *)address, (socklen_t)length));
}
static inline long apus_k_connect(int fd, const void *address, size_t length) {
    APUS_RESULT(int, connect(fd, (const struct sockaddr *)address, (socklen_t)length));
}
static inline long apus_k_set_option(int fd, int level, int name, int value) {
    APUS_RESULT(int, setsockopt(fd, level, name, &value, sizeof value));
}
/* Closing throws away what is unsent and tells the peer so by a reset. */
static inline long apus_k_reset_on_close(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    APUS_RESULT(int, setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}
/* A descriptor that becomes readable every so many milliseconds. */
static inline long apus_k_ticker(long milliseconds) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return -(long)errno;
    struct timespec period = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    struct itimerspec times = {.it_interval = period, .it_value = period};
    if (timerfd_settime(fd, 0, &times, NULL) == 0) return fd;
    long code = -(long)errno;
    close(fd);
    return code;
}
/* Takes the ticks that have come: without that the descriptor would stay readable. */
static inline void apus_k_take_ticks(int fd) {
    uint64_t count;
    ssize_t code = read(fd, &count, sizeof count);
    (void)code;
}
static inline long apus_k_read_ahead(int fd) {
    return -(long)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}
static inline long apus_k_recv(int fd, void *space, size_t size, int flags) {
    APUS_RESULT(ssize_t, recv(fd, space, size, flags));
}
static inline long apus_k_send(int fd, const void *bytes, size_t size, int more) {
    APUS_RESULT(ssize_t, send(fd, bytes, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
}
static inline long apus_k_send_vector(int fd, const struct iovec *parts, size_t count, int more) {
    struct msghdr message = {0};
    message.msg_iov = (struct iovec *)parts;
    message.msg_iovlen = count;
    APUS_RESULT(ssize_t, sendmsg(fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
}
static inline long apus_k_sendfile(int fd, int file, off_t offset, size_t count) {
    APUS_RESULT(ssize_t, sendfile(fd, file, &offset, count));
}
static inline long apus_k_pipe(int *input, int *output) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -(long)errno;
    *output = ends[0];
    *input = ends[1];
    return 0;
}
/* The room that a pipe has, after more was asked for. */
static inline long apus_k_grow_pipe(int fd, int size) {
    int room = fcntl(fd, F_SETPIPE_SZ, size);
    if (room >= 0) return room;
    APUS_RESULT(int, fcntl(fd, F_GETPIPE_SZ));
}
static inline long apus_k_splice(int from, int to, size_t count) {
    APUS_RESULT(ssize_t, splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}
/* Kernel TLS: what is sent from now on is sealed by the kernel. `keys` is one of the structs of linux/tls.h. That the socket has
 * the layer already is as good; without keys the layer does nothing. */
static inline long apus_k_seal(int fd, const void *keys, size_t size) {
    if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") != 0 && errno != EEXIST) return -(long)errno;
    APUS_RESULT(int, setsockopt(fd, SOL_TLS, TLS_TX, keys, (socklen_t)size));
}
/* The number of the record that is sealed next: the last eight bytes of the keys' struct, big end first. */
static inline long apus_k_next_record(int fd, size_t size) {
    unsigned char keys[sizeof(struct tls12_crypto_info_aes_gcm_256)];
    socklen_t length = (socklen_t)size;
    if (size < 8 || size > sizeof keys) return -(long)EINVAL;
    if (getsockopt(fd, SOL_TLS, TLS_TX, keys, &length) != 0) return -(long)errno;
    unsigned long number = 0;
    for (size_t index = size - 8; index < size; index++) number = number << 8 | keys[index];
    explicit_bzero(keys, sizeof keys);
    return (long)(number & LONG_MAX);
}
/* Sends a record of another type than data's. */
static inline long apus_k_send_record(int fd, unsigned char type, const void *bytes, size_t size) {
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(1)];
    } control = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {0};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = CMSG_LEN(1);
    control.head.cmsg_level = SOL_TLS;
    control.head.cmsg_type = TLS_SET_RECORD_TYPE;
    control.head.cmsg_len = CMSG_LEN(1);
    *CMSG_DATA(&control.head) = type;
    APUS_RESULT(ssize_t, sendmsg(fd, &message, MSG_NOSIGNAL));
}
/* How many bytes TCP was given on a connection, and how many of them were not acknowledged yet. What was acknowledged is asked for
 * first: an acknowledgement between the two questions makes the sum smaller, never larger. */
static inline long apus_k_tcp_total(int fd, long *waiting) {
    struct {
        struct tcp_info known;
        uint64_t pacing_rate, max_pacing_rate, bytes_acked;
    } info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return -(long)errno;
    if (length < sizeof info) return -(long)ENOPROTOOPT;
    int count = 0;
    if (ioctl(fd, SIOCOUTQ, &count) != 0) return -(long)errno;
    *waiting = count;
    return (long)info.bytes_acked + count;
}
static inline long apus_k_shutdown_sending(int fd) { APUS_RESULT(int, shutdown(fd, SHUT_WR)); }
static inline long apus_k_epoll_create(void) { APUS_RESULT(int, epoll_create1(EPOLL_CLOEXEC)); }
static inline long apus_k_epoll_control(int poll, int operation, int fd, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data.u64 = key};
    APUS_RESULT(int, epoll_ctl(poll, operation, fd, &event));
}
/* Not made again when interrupted: the signal is what the caller waits for. */
static inline long apus_k_epoll_wait(int poll, struct epoll_event *events, int count, int timeout) {
    int code = epoll_wait(poll, events, count, timeout);
    return code < 0 ? -(long)errno : (long)code;
}
static inline long apus_k_open(const char *path, int flags, mode_t mode) {
    APUS_RESULT(int, open(path, flags | O_CLOEXEC, mode));
}
/* Opens a name in an open folder, or in the working directory (AT_FDCWD), links followed or not: what is to be read (0), a folder to
 * go on from (1), which need not be readable, or what is to be written to its end, made where there is none (2). */
static inline long apus_k_open_in(int at, const char *name, int purpose, int follow) {
    int flags = O_RDONLY | O_NONBLOCK;
    if (purpose == 1) flags |= O_PATH | O_DIRECTORY;
    if (purpose == 2) flags = O_WRONLY | O_APPEND | O_CREAT;
    APUS_RESULT(int, openat(at, name, flags | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), 0644));
}
static inline int apus_working_folder(void) { return AT_FDCWD; }
static inline long apus_k_stat_in(int at, const char *name, struct stat *status) {
    APUS_RESULT(int, fstatat(at, name, status, AT_SYMLINK_NOFOLLOW));
}
static inline long apus_k_fstat(int fd, struct stat *status) { APUS_RESULT(int, fstat(fd, status)); }
static inline long apus_k_stat(const char *path, struct stat *status, int follow) {
    APUS_RESULT(int, follow ? stat(path, status) : lstat(path, status));
}
// Resolves links and dots; `resolved` has room for PATH_MAX bytes. Returns the length.
static inline long apus_k_realpath(const char *path, char *resolved) {
    return realpath(path, resolved) ? (long)strlen(resolved) : -(long)errno;
}
// 0: the round-trip time, 1: its variation, 2: the congestion window, 3: the receive space.
static inline long apus_k_tcp_figure(int fd, int index) {
    struct tcp_info info;
    socklen_t length = sizeof(info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return -(long)errno;
    switch (index) {
    case 0: return (long)info.tcpi_rtt;
    case 1: return (long)info.tcpi_rttvar;
    case 2: return (long)info.tcpi_snd_cwnd;
    default: return (long)info.tcpi_rcv_space;
    }
}
static inline long apus_k_read(int fd, void *space, size_t size, off_t offset) {
    APUS_RESULT(ssize_t, pread(fd, space, size, offset));
}
/* Reads only what is in the page cache: -EAGAIN when nothing of it is, -EOPNOTSUPP where the file system cannot tell. */
static inline long apus_k_read_present(int fd, void *space, size_t size, off_t offset) {
    struct iovec part = {.iov_base = space, .iov_len = size};
    APUS_RESULT(ssize_t, preadv2(fd, &part, 1, offset, RWF_NOWAIT));
}
static inline long apus_k_drop_pages(int fd, off_t offset, off_t size) {
    return -(long)posix_fadvise(fd, offset, size, POSIX_FADV_DONTNEED);
}
static inline long apus_k_read_exactly(int fd) { return -(long)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); }
static inline long apus_k_begin_reading(int fd, off_t offset, off_t size) {
    return -(long)posix_fadvise(fd, offset, size, POSIX_FADV_WILLNEED);
}
/* A descriptor that is readable from apus_notify on until its notice is taken. */
static inline long apus_k_notice(void) { APUS_RESULT(int, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }
static inline void apus_k_notify(int fd) {
    uint64_t one = 1;
    ssize_t code = write(fd, &one, sizeof one);
    (void)code;
}
/* For a thread that signals are not for: only what it causes itself reaches it. */
static inline void apus_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGTRAP);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}
/* Starts a thread that nobody waits for, with a small stack; 0 or an error number. */
static inline int apus_start_thread(void *(*run)(void *), void *argument) {
    pthread_attr_t attributes;
    pthread_t thread;
    int code = pthread_attr_init(&attributes);
    if (code != 0) return code;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    code = pthread_create(&thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    return code;
}
static inline long apus_k_write(int fd, const void *bytes, size_t size) {
    APUS_RESULT(ssize_t, write(fd, bytes, size));
}
static inline long apus_k_write_at(int fd, const void *bytes, size_t size, off_t offset) {
    APUS_RESULT(ssize_t, pwrite(fd, bytes, size, offset));
}
static inline long apus_k_mkdir(const char *path, mode_t mode) { APUS_RESULT(int, mkdir(path, mode)); }
static inline long apus_k_unlink(const char *path) { APUS_RESULT(int, unlink(path)); }

/* A macro in glibc (thread-local). */
static inline int apus_errno(void) { return errno; }
static inline void apus_clear_errno(void) { errno = 0; }
static inline void apus_set_errno(int value) { errno = value; }

/* Shared zones: a mutex that processes share and that outlives its holder. */
static inline int apus_mutex_initialise(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    int code = pthread_mutexattr_init(&attributes);
    if (code != 0) return code;
    code = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (code == 0) code = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (code == 0) code = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    if (code == 0) code = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return code;
}
/* Keeps the compiler from moving stores over this point: a process may be killed between any two. */
static inline void apus_compiler_barrier(void) { __asm__ volatile("" ::: "memory"); }
static inline int64_t apus_atomic_add(int64_t *cell, int64_t delta) {
    return __atomic_add_fetch(cell, delta, __ATOMIC_RELAXED);
}
static inline int64_t apus_atomic_load(const int64_t *cell) { return __atomic_load_n(cell, __ATOMIC_RELAXED); }

/* Process titles and arguments (process.c). */
int apus_argument_count(void);
const char *apus_argument(int index);
void apus_set_title(const char *title);
char **apus_environment(void);
void apus_replace_environment(char **entries);
int apus_exec_again(char **environment);

/* A signal of the set, waited for without end (negative) or so long; -1 with EAGAIN when none came. */
int apus_signal_wait(const sigset_t *signals, long milliseconds, int *sender);

/* Macros. */
static inline int apus_exit_status(int status) { return WEXITSTATUS(status); }
static inline int apus_exit_signal(int status) { return WTERMSIG(status); }
static inline int apus_dumped_core(int status) { return WCOREDUMP(status) ? 1 : 0; }
static inline void apus_ignore_signal(int number) { signal(number, SIG_IGN); }
static inline void apus_default_signal(int number) { signal(number, SIG_DFL); }

/* Variadic, or their first parameter is an enumeration that Swift imports as a type of its own. */
static inline void apus_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
static inline int apus_set_priority(int nice) { return setpriority(PRIO_PROCESS, 0, nice); }
static inline int apus_set_limit(int resource, unsigned long long value) {
    struct rlimit limit = {value, value};
    return setrlimit((__rlimit_resource_t)resource, &limit);
}
static inline int apus_get_limit(int resource, unsigned long long *soft, unsigned long long *hard) {
    struct rlimit limit;
    int result = getrlimit((__rlimit_resource_t)resource, &limit);
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return result;
}
static inline int apus_socket(int family, int type, int protocol) { return socket(family, type, protocol); }

/* Socket addresses are a union of pointers in glibc. */
static inline int apus_bind(int fd, const void *address, socklen_t length) {
    return bind(fd, (const struct sockaddr *)address, length);
}
static inline int apus_getsockname(int fd, void *address, socklen_t *length) {
    return getsockname(fd, (struct sockaddr *)address, length);
}

/* Processor masks as words. */
static inline int apus_set_affinity(const unsigned long *words, size_t bytes) {
    return sched_setaffinity(0, bytes, (const cpu_set_t *)words);
}
static inline int apus_get_affinity(unsigned long *words, size_t bytes) {
    return sched_getaffinity(0, bytes, (cpu_set_t *)words);
}
