// Which names libgnncv.so shows to others.
#pragma once

#if defined(_WIN32)
#define GNNCV_API
#else
#define GNNCV_API __attribute__((visibility("default")))
#endif
