/*
 * A malloc like no other: it takes a piece of anonymous memory, hands it out once from the front, and never again. The first bytes
 * of a page belong to no block below a page's size, and nothing lies on the first page: a library that points there would be taken
 * for the owner of it all.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

static const size_t PIECE = (size_t)1 << 30;
static const size_t PAGE = 4096;
static const size_t STEP = 32;
static char *next;
static char *end;

void *malloc(size_t bytes) {
    size_t whole = ((bytes + STEP - 1) & ~(STEP - 1)) + STEP;
    if (next == NULL) {
        /* Between two pages that keep it apart from other mappings. */
        char *piece = mmap(NULL, PIECE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        end = piece + PIECE - PAGE;
        mprotect(piece + PAGE, (size_t)(end - piece) - PAGE, PROT_READ | PROT_WRITE);
        next = piece + 2 * PAGE + STEP;
    }
    /* Threads do not share a byte: the place is taken in one step, if nobody was faster. */
    char *mine, *from = __atomic_load_n(&next, __ATOMIC_RELAXED);
    do {
        char *page = (char *)(((size_t)from + PAGE - 1) & ~(PAGE - 1));
        mine = from + whole > page && whole < PAGE ? page + STEP : from;
    } while (!__atomic_compare_exchange_n(&next, &from, mine + whole, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    if (mine + whole > end) return NULL;
    *(size_t *)mine = bytes;
    return mine + 16;
}

void free(void *block) { (void)block; }

void *calloc(size_t count, size_t bytes) { return malloc(count * bytes); }

void *realloc(void *block, size_t bytes) {
    void *moved = malloc(bytes);
    if (block != NULL && moved != NULL) {
        size_t before = *(size_t *)((char *)block - 16);
        memcpy(moved, block, before < bytes ? before : bytes);
    }
    return moved;
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    size_t place = ((size_t)malloc(bytes + alignment) + alignment - 1) & ~(alignment - 1);
    if (alignment > 16) *(size_t *)(place - 16) = bytes;
    return (void *)place;
}

void *memalign(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }

int posix_memalign(void **block, size_t alignment, size_t bytes) {
    *block = aligned_alloc(alignment, bytes);
    return 0;
}
