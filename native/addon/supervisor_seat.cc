#include "supervisor_seat.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

#include "../kernel/control_socket.h"
#include "../kernel/pidfd.h"
#include "../supervisor/protocol.h"

namespace cofferdam {

namespace {

// Milliseconds that its end is waited for where it has nothing left to do.
constexpr int kPatience = 20;

struct Seat {
  std::mutex mutex;
  // By which each connection is made, and nothing else said: it is never full of somebody's requests.
  OwnedFd link;
  OwnedFd pidfd;
  int connections = 0;
  // Of those that had systems left, and have yet to end.
  std::vector<OwnedFd> leaving;

  void Reap() {
    std::erase_if(leaving, [](const OwnedFd& one) {
      if (!HasEnded(one.get())) return false;
      ReapEnding(one.get());
      return true;
    });
  }
  void Forget(int patience) {
    link.Close();
    if (!pidfd.ok()) return;
    pollfd end = {pidfd.get(), POLLIN, 0};
    poll(&end, 1, patience);
    leaving.push_back(std::move(pidfd));
    Reap();
  }
};

Seat& TheSeat() {
  // Never destroyed: threads of Node's may outlive static objects.
  static Seat& seat = *new Seat;
  return seat;
}

SpawnFailure Start(Seat& seat, const std::string& program) {
  OwnedFd link, theirs;
  if (int error = ControlPair(&link, &theirs); error < 0) return {error, "socketpair", {}};
  Result<OwnedFd> self = OwnedFd::Pidfd(getpid());
  if (!self.ok()) return {self.error(), "pidfd_open", {}};
  SpawnRequest request;
  request.argv.emplace_back("cofferdam-supervisor");
  request.paths.push_back(program);
  request.stdio = {SpawnRequest::kNull, SpawnRequest::kNull, SpawnRequest::kNull, theirs.get(),
                   self.value().get()};
  // Whatever is mounted where we are may go.
  request.cwd.emplace("/");
  Spawned spawned;
  if (SpawnFailure failure = Spawn(request, &spawned); failure.error < 0) return failure;
  seat.link = std::move(link);
  seat.pidfd = std::move(spawned.pidfd);
  return {};
}

// Gives the other end of a new connection to whoever reads at `link`.
SpawnFailure Introduce(int link, OwnedFd* connection) {
  OwnedFd theirs;
  if (int error = ControlPair(connection, &theirs); error < 0) return {error, "socketpair", {}};
  MessageHeader join = {static_cast<uint32_t>(Kind::kJoin), 0, 0};
  int fd = theirs.get();
  int error = SendControl(link, std::string_view(reinterpret_cast<char*>(&join), sizeof join), &fd, 1);
  return {error, "sendmsg", {}};
}

}  // namespace

SpawnFailure JoinSupervisor(const std::string& program, OwnedFd* connection) {
  Seat& seat = TheSeat();
  std::lock_guard lock(seat.mutex);
  seat.Reap();
  if (seat.pidfd.ok() && HasEnded(seat.pidfd.get())) seat.Forget(0);
  if (!seat.link.ok()) {
    if (SpawnFailure failure = Start(seat, program); failure.error < 0) return failure;
  }
  SpawnFailure failure = Introduce(seat.link.get(), connection);
  if (failure.error == 0) {
    ++seat.connections;
  } else if (seat.connections == 0) {
    seat.Forget(kPatience);
  }
  return failure;
}

void LeaveSupervisor() {
  Seat& seat = TheSeat();
  std::lock_guard lock(seat.mutex);
  if (--seat.connections == 0) seat.Forget(kPatience);
}

SpawnFailure VisitSupervisor(int pidfd, OwnedFd* connection) {
  Result<OwnedFd> door = OwnedFd::OfProcess(pidfd, kDoor);
  if (!door.ok()) return {door.error(), "pidfd_getfd", {}};
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(door.value().get(), SOL_SOCKET, SO_TYPE, &type, &length) < 0)
    return {-errno, "getsockopt", {}};
  if (type != SOCK_SEQPACKET) return {-ENOTSOCK, "getsockopt", {}};
  return Introduce(door.value().get(), connection);
}

}  // namespace cofferdam
