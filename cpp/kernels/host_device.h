// Attributes of functions that are compiled for more than one kind of processor.
#pragma once

// Mathematics that kernels of every processor share.
#if defined(__CUDACC__)
#define GNNCV_INLINE __host__ __device__ __forceinline__
#else
#define GNNCV_INLINE __attribute__((always_inline)) inline
#endif

// One clone of the function per instruction set, chosen when the library is loaded.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define GNNCV_MULTIVERSION __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define GNNCV_MULTIVERSION
#endif
