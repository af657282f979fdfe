/*
 * What an allocator says of itself, written down by the process that uses it, without an allocation in between: the threads that
 * are waited for never return from here, and the accounts lie in static memory.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BLOCKS = 1 << 19, TEXT_BYTES = 1 << 17, BLOCKS_OF_WORKER = 3000, MOST_WORKERS = 8 };

/* tcmalloc: its properties. mimalloc: number of blocks found by visiting, of blocks freed behind that, then their addresses. */
uint64_t accounts[2 + MOST_BLOCKS];
char text[TEXT_BYTES];
char byte;

static void *(*allocate)(size_t);
static void (*release)(void *);
static void *library;
typedef bool visitor(const void *heap, const void *area, void *block, size_t bytes, void *argument);
static bool (*visit_blocks)(void *, bool, visitor *, void *);
static void *(*default_heap)(void);
static void (*collect)(bool);
static bool (*property)(const char *, size_t *);
static void (*statistics)(char *, int);
static atomic_int arrived, visited_by;
static atomic_bool all_arrived;
static void *blocks_of[MOST_WORKERS][BLOCKS_OF_WORKER];
static atomic_uint found;
static uint64_t visited[MOST_BLOCKS];

static const char *const PROPERTIES[] = {
    "generic.current_allocated_bytes",  "generic.heap_size",
    "tcmalloc.pageheap_free_bytes",     "tcmalloc.pageheap_unmapped_bytes",
    "tcmalloc.central_cache_free_bytes", "tcmalloc.transfer_cache_free_bytes",
    "tcmalloc.thread_cache_free_bytes",
};

/* Blocks that the allocator was asked for by hand, of all sizes, a third kept. */
void churn(const char *path, unsigned seed, int count)
{
    library = path[0] ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : RTLD_DEFAULT;
    allocate = dlsym(library, path[0] ? (strstr(path, "tcmalloc") ? "tc_malloc" : "mi_malloc") : "malloc");
    release = dlsym(library, path[0] ? (strstr(path, "tcmalloc") ? "tc_free" : "mi_free") : "free");
    if (allocate == NULL || release == NULL) abort();
    /* Now: what is not found allocates a message. */
    visit_blocks = (void *)dlsym(library, "mi_heap_visit_blocks");
    default_heap = (void *)dlsym(library, "mi_heap_get_default");
    collect = (void *)dlsym(library, "mi_collect");
    property = (void *)dlsym(library, "MallocExtension_GetNumericProperty");
    statistics = (void *)dlsym(library, "MallocExtension_GetStats");
    void **held = allocate(count * sizeof(void *));
    for (int at = 0; at < count; at++) {
        size_t bytes = 1 + rand_r(&seed) % (1u << (4 + rand_r(&seed) % (at % 50 ? 10 : 16)));
        held[at] = allocate(bytes);
        memset(held[at], 0x5a, bytes);
    }
    for (int at = 0; at < count; at++)
        if (rand_r(&seed) % 3) release(held[at]);
}

static bool note(const void *heap, const void *area, void *block, size_t bytes, void *argument)
{
    (void)heap, (void)area, (void)bytes, (void)argument;
    unsigned at = block == NULL ? MOST_BLOCKS : atomic_fetch_add(&found, 1);
    if (at < MOST_BLOCKS) visited[at] = (uint64_t)block;
    return true;
}

/* Every block of the calling thread, where the allocator can tell. */
static void visit(void)
{
    if (visit_blocks == NULL) return;
    /* What waits in the heap for its thread, freed by others, would be visited as in use. */
    collect(false);
    visit_blocks(default_heap(), true, note, NULL);
}

/* For threads: allocates, says what it has, and waits for ever. */
void work(int worker)
{
    unsigned seed = worker;
    for (int at = 0; at < BLOCKS_OF_WORKER; at++) blocks_of[worker][at] = allocate(1 + rand_r(&seed) % (at % 2 ? 64 : 4096));
    arrived++;
    /* Nobody runs Python any more, which might free what another one has visited. */
    while (!all_arrived) usleep(1000);
    visit();
    visited_by++;
    for (;;) pause();
}

/* Frees some blocks of every worker, fills the accounts, and reads for ever. */
void stand_still(int workers)
{
    while (arrived < workers) usleep(1000);
    all_arrived = true;
    while (visited_by < workers) usleep(1000);
    unsigned freed = 0;
    visit();
    for (int worker = 0; worker < workers; worker++)
        for (int at = 0; at < BLOCKS_OF_WORKER; at += 7) {
            accounts[2 + found + freed++] = (uint64_t)blocks_of[worker][at];
            release(blocks_of[worker][at]);
        }
    memcpy(accounts + 2, visited, found * sizeof(uint64_t));
    accounts[0] = found;
    accounts[1] = freed;
    if (property != NULL) {
        for (size_t at = 0; at < sizeof PROPERTIES / sizeof *PROPERTIES; at++) property(PROPERTIES[at], (size_t *)&accounts[at]);
        statistics(text, TEXT_BYTES);
    }
    while (read(0, &byte, 1) == 1) {
    }
}
