/* Allocates and frees at random, writes mallinfo2's answer into its memory and waits; without a break of its own where "blocked". */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HELD 6000

static struct mallinfo2 accounts;
static void *held[HELD];
static uint32_t seed = 1;

static uint32_t draw(void)
{
    seed = seed * 1103515245 + 12345;
    return seed >> 8;
}

static void block_break(void)
{
    uintptr_t end = ((uintptr_t)sbrk(0) + 4095) & ~(uintptr_t)4095;
    if (mmap((void *)end, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)end)
        exit(2);
}

int main(int count, char **words)
{
    static const size_t sizes[] = {24, 100, 900, 5000, 40000};
    char byte;

    if (count > 1 && strcmp(words[1], "blocked") == 0)
        block_break();
    for (int turn = 0; turn < 40 * HELD; turn++) {
        size_t place = draw() % HELD;
        free(held[place]);
        held[place] = malloc(sizes[draw() % 5] + draw() % 400);
    }
    printf("%p 0x0 %p\n", (void *)&accounts, (void *)&byte);
    fflush(stdout);
    accounts = mallinfo2();
    while (read(0, &byte, 1) == 1)
        ;
    return 0;
}
