/* ffgan: what the parts of the stand-in for the driver share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_GPU_FAKECUDA_H
#define FFGAN_TESTS_GPU_FAKECUDA_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef int CUresult;
typedef unsigned long long CUdeviceptr;

enum {
    OK = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
};

/* Anything that is made and must go, and belongs to a context. */
typedef struct Thing {
    enum {
        CONTEXT,
        MEMORY,
        PINNED,
        STREAM,
        EVENT,
        MODULE,
        GRAPH,
        EXEC,
        KINDS
    } kind;
    struct Thing *context, *next;
    int device; /* of a context */
    char *at;   /* memory */
    size_t bytes;
    void *data; /* of a module, a graph */
    int us;     /* before an event, see $FAKECUDA_TIMES */
} Thing;

int fake_setting(const char *name, int def);
/* Ends the program: something that a driver would take for undefined. */
void fake_die(const char *what);
/* A new thing in the current context, NULL if there is none; and one's end,
 * which checks the kind and the context: OK, INVALID_CONTEXT, INVALID_HANDLE.
 */
Thing *fake_make(int kind);
CUresult fake_drop(int kind, void *thing);
/* A thing of that kind in the current context. */
int fake_is(int kind, const void *thing);
int fake_has_context(void);
/* The bytes of device memory from `at` on, in the current context; 0: none. */
size_t fake_memory(uint64_t at);
/* Enqueued work: done in order when something waits. arg is freed. */
CUresult fake_enqueue(const void *stream, void (*fn)(void *), void *arg);
/* What was enqueued on a stream in capture, which ends; -1: it is in none. The
 * list and each arg are the caller's then. */
typedef struct FakeWork {
    void (*fn)(void *);
    void *arg;
} FakeWork;
int fake_captured(const void *stream, FakeWork **work);
/* A launch of that name: it takes time, see $FAKECUDA_TIMES. */
void fake_spend(const char *name);
/* 719 once a launch or copy has failed, as a driver says it for ever. */
CUresult fake_lost(void);
void fake_lose(void);

extern atomic_int fake_launches;

#endif
