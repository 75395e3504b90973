#pragma once

#include <string>

namespace cofferdam {

// Removes a directory and all that is in it, however deep, as long as nobody else writes there. 0, also where
// there is none, or a negative errno.
int RemoveFiles(const std::string& path);

}  // namespace cofferdam
