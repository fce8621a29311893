#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CUring.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct apus_ring {
    struct io_uring ring;
    /* What the kernel takes buffers from, and their memory: `count` of `size` bytes each. */
    struct io_uring_buf_ring *shelf;
    unsigned char *memory;
    unsigned count;
    unsigned size;
    /* So many are in use: the kernel takes them in turn, so that no memory beyond them is touched. */
    unsigned used;
};

/* The one group of buffers. */
enum { group = 0 };

static void *map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static size_t shelf_size(const apus_ring *ring) { return ring->count * sizeof(struct io_uring_buf); }
static size_t memory_size(const apus_ring *ring) { return (size_t)ring->count * ring->size; }

static int make_shelf(apus_ring *ring, unsigned used, apus_ring_call *call) {
    *call = APUS_RING_MEMORY;
    ring->shelf = map(shelf_size(ring));
    ring->memory = map(memory_size(ring));
    if (!ring->shelf || !ring->memory) return -ENOMEM;
    struct io_uring_buf_reg description = {
        .ring_addr = (uintptr_t)ring->shelf, .ring_entries = ring->count, .bgid = group};
    *call = APUS_RING_REGISTER;
    int code = io_uring_register_buf_ring(&ring->ring, &description, 0);
    if (code < 0) return code;
    io_uring_buf_ring_init(ring->shelf);
    apus_ring_use_more(ring, used);
    return 0;
}

int apus_ring_open(apus_ring **made, unsigned requests, unsigned completions, unsigned count, unsigned size,
    unsigned used, apus_ring_call *call) {
    *call = APUS_RING_MEMORY;
    apus_ring *ring = calloc(1, sizeof *ring);
    if (!ring) return -ENOMEM;
    /* One thread asks, and what there is to do for it is done while it waits. */
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE
            | IORING_SETUP_CLAMP,
        .cq_entries = completions,
    };
    *call = APUS_RING_SETUP;
    int code = io_uring_queue_init_params(requests, &ring->ring, &parameters);
    if (code < 0) {
        free(ring);
        return code;
    }
    ring->count = count;
    ring->size = size;
    code = make_shelf(ring, used, call);
    /* Whoever may make a ring may still be forbidden to wait in it. */
    if (code == 0) {
        *call = APUS_RING_ENTER;
        code = io_uring_submit_and_get_events(&ring->ring);
    }
    if (code < 0) {
        apus_ring_close(ring);
        return code;
    }
    *made = ring;
    return 0;
}

void apus_ring_close(apus_ring *ring) {
    io_uring_queue_exit(&ring->ring);
    if (ring->shelf) munmap(ring->shelf, shelf_size(ring));
    if (ring->memory) munmap(ring->memory, memory_size(ring));
    free(ring);
}

static struct io_uring_sqe *next_request(apus_ring *ring) {
    struct io_uring_sqe *request = io_uring_get_sqe(&ring->ring);
    if (request) return request;
    io_uring_submit(&ring->ring);
    return io_uring_get_sqe(&ring->ring);
}

/* The kernel takes a buffer of the group when there is something to receive. */
static void choose_buffer(struct io_uring_sqe *request, uint64_t key) {
    request->flags |= IOSQE_BUFFER_SELECT;
    request->buf_group = group;
    request->user_data = key;
}

int apus_ring_receive_once(apus_ring *ring, int fd, int waits, uint64_t key) {
    struct io_uring_sqe *request = next_request(ring);
    if (!request) return -EBUSY;
    io_uring_prep_recv(request, fd, NULL, 0, 0);
    if (waits) request->ioprio |= IORING_RECVSEND_POLL_FIRST;
    choose_buffer(request, key);
    return 0;
}

int apus_ring_receive(apus_ring *ring, int fd, uint64_t key) {
    struct io_uring_sqe *request = next_request(ring);
    if (!request) return -EBUSY;
    io_uring_prep_recv_multishot(request, fd, NULL, 0, 0);
    choose_buffer(request, key);
    return 0;
}

int apus_ring_accept(apus_ring *ring, int fd, uint64_t key) {
    struct io_uring_sqe *request = next_request(ring);
    if (!request) return -EBUSY;
    io_uring_prep_multishot_accept(request, fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    request->user_data = key;
    return 0;
}

int apus_ring_poll(apus_ring *ring, int fd, uint32_t events, uint64_t key) {
    struct io_uring_sqe *request = next_request(ring);
    if (!request) return -EBUSY;
    io_uring_prep_poll_add(request, fd, events);
    request->user_data = key;
    return 0;
}

int apus_ring_cancel(apus_ring *ring, uint64_t target, uint64_t key) {
    struct io_uring_sqe *request = next_request(ring);
    if (!request) return -EBUSY;
    io_uring_prep_cancel64(request, target, 0);
    request->flags |= IOSQE_CQE_SKIP_SUCCESS;
    request->user_data = key;
    return 0;
}

int apus_ring_close_descriptor(apus_ring *ring, int fd, uint64_t key) {
    struct io_uring_sqe *request = next_request(ring);
    if (!request) return -EBUSY;
    io_uring_prep_close(request, fd);
    request->flags |= IOSQE_CQE_SKIP_SUCCESS;
    request->user_data = key;
    return 0;
}

/* Where reads leave what nobody looks at, all of them at once. It is the process's, not a ring's: the kernel may be at a read for a
 * moment longer than there is the ring. */
static unsigned char unwanted[512 * 1024] __attribute__((aligned(4096)));

int apus_ring_can_read(apus_ring *ring) {
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring->ring);
    if (!probe) return 0;
    int can = io_uring_opcode_supported(probe, IORING_OP_READ);
    io_uring_free_probe(probe);
    return can;
}

int apus_ring_read(apus_ring *ring, int fd, uint64_t offset, size_t count, uint64_t key) {
    struct io_uring_sqe *request = next_request(ring);
    if (!request) return -EBUSY;
    unsigned size = (unsigned)(count < sizeof unwanted ? count : sizeof unwanted);
    io_uring_prep_read(request, fd, unwanted, size, offset);
    request->user_data = key;
    return 0;
}

int apus_ring_wait(apus_ring *ring, int milliseconds) {
    if (milliseconds == 0) return io_uring_submit_and_get_events(&ring->ring);
    if (milliseconds < 0) return io_uring_submit_and_wait(&ring->ring, 1);
    struct __kernel_timespec time = {
        .tv_sec = milliseconds / 1000, .tv_nsec = (long long)(milliseconds % 1000) * 1000000};
    struct io_uring_cqe *first;
    return io_uring_submit_and_wait_timeout(&ring->ring, &first, 1, &time, NULL);
}

int apus_ring_take(apus_ring *ring, apus_completion *completion) {
    struct io_uring_cq *queue = &ring->ring.cq;
    unsigned head = *queue->khead;
    if (head == io_uring_smp_load_acquire(queue->ktail)) return 0;
    const struct io_uring_cqe *entry = &queue->cqes[head & queue->ring_mask];
    completion->key = entry->user_data;
    completion->result = entry->res;
    completion->buffer = entry->flags & IORING_CQE_F_BUFFER ? (int32_t)(entry->flags >> IORING_CQE_BUFFER_SHIFT) : -1;
    completion->is_last = !(entry->flags & IORING_CQE_F_MORE);
    io_uring_cq_advance(&ring->ring, 1);
    return 1;
}

const void *apus_ring_buffer(const apus_ring *ring, unsigned number) {
    return ring->memory + (size_t)number * ring->size;
}

void apus_ring_use_more(apus_ring *ring, unsigned more) {
    for (; more > 0 && ring->used < ring->count; more--) apus_ring_shelve(ring, ring->used++);
}

void apus_ring_shelve(apus_ring *ring, unsigned number) {
    void *memory = ring->memory + (size_t)number * ring->size;
    io_uring_buf_ring_add(
        ring->shelf, memory, ring->size, (unsigned short)number, io_uring_buf_ring_mask(ring->count), 0);
    io_uring_buf_ring_advance(ring->shelf, 1);
}
