#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "message.h"

namespace cofferdam {

// A connection to a thread of the owner, or to a visitor: another process, who has asked for a system by
// name.
class Client {
 public:
  virtual ~Client() = default;
  // Nobody hears where it has gone.
  virtual void Say(const MessageWriter& message, const int* fds = nullptr, size_t fd_count = 0) = 0;
};

// Who hears of a system, and the number that he knows it by.
struct Party {
  std::weak_ptr<Client> client;
  uint32_t system = 0;

  bool Is(const Party& other) const {
    std::shared_ptr<Client> one = client.lock();
    return one != nullptr && one == other.client.lock() && system == other.system;
  }
  // Nobody hears where he has gone.
  void Say(const MessageWriter& message, const int* fds = nullptr, size_t fd_count = 0) const {
    if (std::shared_ptr<Client> one = client.lock()) one->Say(message, fds, fd_count);
  }
};

}  // namespace cofferdam
