# CUDA kernels, where nvcc is found: they need no GPU to be compiled, and no CUDA torch. The runtime is linked
# statically, so that the library loads where there is none.
#
# Sets GNNCV_HAS_CUDA and GNNCV_CUDA_ARCHITECTURES. -D GNNCV_CUDA=ON makes a missing compiler an error, OFF leaves the kernels out;
# -D CMAKE_CUDA_ARCHITECTURES says for which GPUs.
set(GNNCV_CUDA AUTO CACHE STRING "compile the CUDA kernels: AUTO (where nvcc is found), ON or OFF")
set_property(CACHE GNNCV_CUDA PROPERTY STRINGS AUTO ON OFF)
set(GNNCV_HAS_CUDA FALSE)
set(oldest_cuda 12.1) # C++20, and kernel arguments of more than 4 kB

function(gnncv_without_cuda reason)
    if(GNNCV_CUDA STREQUAL "ON")
        message(FATAL_ERROR "gnncv: GNNCV_CUDA is ON, but ${reason}")
    endif()
    message(STATUS "gnncv: no CUDA kernels: ${reason}")
endfunction()

if(GNNCV_CUDA STREQUAL "OFF")
    gnncv_without_cuda("GNNCV_CUDA is OFF")
    return()
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
    gnncv_without_cuda("no nvcc was found (set CUDACXX, or put it on PATH)")
    return()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    # Machine code for Hopper; what the driver compiles when it is first used for Turing and all that came since.
    set(CMAKE_CUDA_ARCHITECTURES 75-virtual 90)
endif()
enable_language(CUDA)
find_package(CUDAToolkit QUIET)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS oldest_cuda)
    gnncv_without_cuda("nvcc is ${CMAKE_CUDA_COMPILER_VERSION}, and ${oldest_cuda} is needed")
elseif(NOT TARGET CUDA::cudart_static)
    gnncv_without_cuda("there is no static CUDA runtime (libcudart_static.a) beside ${CMAKE_CUDA_COMPILER}")
else()
    set(GNNCV_HAS_CUDA TRUE)
    set(GNNCV_CUDA_ARCHITECTURES ${CMAKE_CUDA_ARCHITECTURES})
    message(STATUS
        "gnncv: CUDA kernels by nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
endif()
