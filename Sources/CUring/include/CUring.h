/* io_uring by liburing: a ring with its buffers for receiving, as one object. No logic.
 * liburing's own header stays out of sight, since it brings much of the system's with it. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct apus_ring apus_ring;

typedef struct {
    uint64_t key;
    int32_t result;
    /* -1: none. */
    int32_t buffer;
    int is_last;
} apus_completion;

/* The call that failed. */
typedef enum { APUS_RING_MEMORY, APUS_RING_SETUP, APUS_RING_REGISTER, APUS_RING_ENTER } apus_ring_call;

/* 0 or a negative error number, and `call`. There may be `count` buffers (a power of two) of `size` bytes each; `used` of them are at first. */
int apus_ring_open(
    apus_ring **ring, unsigned requests, unsigned completions, unsigned count, unsigned size, unsigned used,
    apus_ring_call *call);
void apus_ring_close(apus_ring *ring);

/* Requests: 0 or a negative error number. A full queue is handed over early. */
int apus_ring_receive(apus_ring *ring, int fd, uint64_t key);
/* `waits`: nothing is expected to be there yet. */
int apus_ring_receive_once(apus_ring *ring, int fd, int waits, uint64_t key);
int apus_ring_accept(apus_ring *ring, int fd, uint64_t key);
int apus_ring_poll(apus_ring *ring, int fd, uint32_t events, uint64_t key);
/* Ends the request with the key `target`; only a failure completes with `key`. */
int apus_ring_cancel(apus_ring *ring, uint64_t target, uint64_t key);
/* Closes behind all that was asked of the descriptor before; only a failure completes. */
int apus_ring_close_descriptor(apus_ring *ring, int fd, uint64_t key);
/* Whether the kernel reads files for a ring. */
int apus_ring_can_read(apus_ring *ring);
/* Reads a part of a file, or its beginning, only to have it in the page cache. */
int apus_ring_read(apus_ring *ring, int fd, uint64_t offset, size_t count, uint64_t key);

/* Hands requests over and waits for a completion, at most so many milliseconds (-1: for ever). */
int apus_ring_wait(apus_ring *ring, int milliseconds);
/* Takes the next completion; 0: there is none. */
int apus_ring_take(apus_ring *ring, apus_completion *completion);

const void *apus_ring_buffer(const apus_ring *ring, unsigned number);
/* Takes so many more buffers into use, as far as there are any. */
void apus_ring_use_more(apus_ring *ring, unsigned more);
/* Gives a buffer to the kernel. */
void apus_ring_shelve(apus_ring *ring, unsigned number);
