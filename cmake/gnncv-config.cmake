# gnncv's CMake package, relative to itself: find_package(gnncv) defines the target gnncv::gnncv.
# libgnncv.so finds libtorch and vesin by its own RPATH (they are installed beside it); nothing else is needed.
get_filename_component(_gnncv_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET gnncv::gnncv)
    add_library(gnncv::gnncv SHARED IMPORTED)
    set_target_properties(gnncv::gnncv PROPERTIES
        IMPORTED_LOCATION "${_gnncv_root}/lib/libgnncv.so"
        INTERFACE_INCLUDE_DIRECTORIES "${_gnncv_root}/include"
        INTERFACE_COMPILE_FEATURES cxx_std_17)
endif()
unset(_gnncv_root)
