#pragma once

#include <napi.h>

#include <memory>
#include <optional>

#include "dispatch.h"
#include "environment.h"
#include "poll.h"

namespace cofferdam {

// What handles with a poll do alike when JavaScript calls them.

// setRef(on): `poll` is null where the handle is closed.
Napi::Value SetPollRef(const Napi::CallbackInfo& info, Poll* poll);

// close(onClosed?): whom to tell; nobody where nothing is open, or nobody asks. Nothing, with a TypeError,
// for what is no function.
std::optional<std::shared_ptr<Dispatch>> OnClosedArgument(const Napi::CallbackInfo& info, bool open,
                                                          const std::shared_ptr<Environment>& environment);

}  // namespace cofferdam
