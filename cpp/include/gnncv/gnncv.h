// Everything gnncv offers to C++.
#pragma once

#include "gnncv/collective_variable.h"
