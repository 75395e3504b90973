#pragma once

#include <string>

#include "pidfd.h"
#include "spawn.h"

namespace cofferdam::test {

// What the tests of Spawn() share: each says on stderr what is wrong, and exits.

// sh -c, whose output is a pipe.
SpawnRequest Shell(const char* script);

struct Ended {
  ProcessExit exit;
  std::string output;
};
// Reads all that it writes, and reaps it.
Ended Finish(Spawned* spawned);
Ended Run(const SpawnRequest& request);

void CheckText(const std::string& actual, const std::string& expected);
// No child is left: neither running nor to be reaped.
void CheckChildless();
// It is refused, and nothing is left of it.
void CheckFailure(const SpawnRequest& request, int error, const char* call, const char* path);

}  // namespace cofferdam::test
