/* Counts what a process allocates and frees: loaded before the C library by LD_PRELOAD. Both counts lie in the file that
 * ALLOCATION_COUNTS names, which all processes of a server share. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own names for what is counted here. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

struct counts {
    uint64_t allocated, freed;
};
static struct counts before_main;
static struct counts *counts = &before_main;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("ALLOCATION_COUNTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(0, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) counts = shared;
}

static void *made(void *block) {
    if (block) __atomic_add_fetch(&counts->allocated, 1, __ATOMIC_RELAXED);
    return block;
}

static void gone(void *block) {
    if (block) __atomic_add_fetch(&counts->freed, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) { return made(__libc_malloc(size)); }

void *calloc(size_t members, size_t size) { return made(__libc_calloc(members, size)); }

void *memalign(size_t alignment, size_t size) { return made(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *block = memalign(alignment, size);
    if (!block) return ENOMEM;
    *result = block;
    return 0;
}

void *realloc(void *old, size_t size) {
    void *block = __libc_realloc(old, size);
    if (block || size == 0) gone(old);
    return made(block);
}

void free(void *block) {
    gone(block);
    __libc_free(block);
}
