#include "supervisor.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "../kernel/pidfd.h"

namespace cofferdam {

// A thread of the owner.
class Supervisor::Connection final : public Client {
 public:
  Connection(OwnedFd socket, uint64_t number) : socket_(std::move(socket)), number_(number) {}

  bool Say(const MessageWriter& message, const int* fds, size_t fd_count) override {
    return socket_.ok() && SendControl(socket_.get(), message.bytes(), fds, fd_count) == 0;
  }
  void Close() {
    watch_.reset();
    socket_.Close();
  }

  OwnedFd socket_;
  const uint64_t number_;
  std::unique_ptr<EventLoop::Watch> watch_;
};

Supervisor::Supervisor(OwnedFd connection, OwnedFd owner)
    : owner_(std::move(owner)), first_(std::move(connection)) {}

int Supervisor::Begin() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  prctl(PR_SET_NAME, "cofferdam-super", 0, 0, 0);
  // A mount namespace of its own, which sees what the host mounts, and shows it nothing. Without the
  // privilege systems have to do without an overlay over the host's root.
  if (unshare(CLONE_NEWNS) == 0) mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr);
  ledger_ = Ledger::Create();
  if (ledger_ == nullptr) return -ENOMEM;
  pollfd owner = {owner_.get(), POLLIN, 0};
  // It has died already, and nothing has been made.
  if (poll(&owner, 1, 0) != 0) return -ESRCH;
  KeepJanitor();
  if (janitor_.pid < 0) return -EAGAIN;
  owner_watch_ = loop_.Add(owner_.get(), [this] { OnOwnerEnd(); });
  Accept(std::move(first_));
  return 0;
}

// Starts one, and another one whenever it ends: without a janitor our own death would leave things behind.
void Supervisor::KeepJanitor() {
  Result<Janitor> janitor = StartJanitor(ledger_);
  janitor_watch_.reset();
  janitor_ = Janitor();
  if (!janitor.ok()) return;
  janitor_ = std::move(janitor).value();
  janitor_watch_ = loop_.Add(janitor_.pidfd.get(), [this] {
    ReapEnding(janitor_.pidfd.get());
    KeepJanitor();
  });
}

void Supervisor::Accept(OwnedFd socket) {
  auto connection = std::make_shared<Connection>(std::move(socket), ++connection_count_);
  std::weak_ptr<Connection> weak = connection;
  connection->watch_ = loop_.Add(connection->socket_.get(), [this, weak] {
    for (int i = 0; i < 64; ++i) {
      std::shared_ptr<Connection> from = weak.lock();
      if (from == nullptr || !from->socket_.ok()) return;
      Result<ControlMessage> message = ReceiveControl(from->socket_.get());
      if (!message.ok() && message.error() == -EAGAIN) return;
      if (!message.ok() || message.value().bytes.empty()) {
        // The thread has ended. Its systems live on, as long as its process does.
        from->Close();
        connections_.remove(from);
        return;
      }
      OnMessage(from, message.value());
    }
  });
  connections_.push_back(std::move(connection));
}

System* Supervisor::Find(uint64_t connection, uint32_t id) {
  for (const Seat& seat : systems_)
    if (seat.connection == connection && seat.system->id() == id) return seat.system.get();
  return nullptr;
}

void Supervisor::OnMessage(const std::shared_ptr<Connection>& from, const ControlMessage& message) {
  std::optional<MessageReader> request = MessageReader::Of(message.bytes);
  if (!request) return;
  if (request->kind() == Kind::kJoin) {
    // Taken out of a message that is read only.
    if (!message.fds.empty()) {
      Result<OwnedFd> socket = OwnedFd::Duplicate(message.fds[0].get());
      if (socket.ok()) Accept(std::move(socket).value());
    }
    return;
  }
  auto refuse = [&](const Failure& failure) {
    MessageWriter answer(Kind::kFailed, request->serial(), request->system());
    from->Say(answer.AddFailure(failure), nullptr, 0);
  };
  if (request->kind() == Kind::kCreate) {
    if (owner_ended_) return;
    auto system = std::make_unique<System>(&loop_, ledger_, &covers_, from, request->system());
    if (Failure failure = system->Create(*request, message.fds)) {
      refuse(failure);
      return;
    }
    systems_.push_back({from->number_, std::move(system)});
    return;
  }
  System* system = Find(from->number_, request->system());
  if (system == nullptr || system->gone()) {
    refuse({-ESRCH, "sendmsg", {}});
    return;
  }
  switch (request->kind()) {
    case Kind::kRun:
    case Kind::kSignal:
      system->Forward(message, *request);
      return;
    case Kind::kHostLink:
      system->SetHostLink(request->Text(Tag::kIfname));
      return;
    case Kind::kEnd:
      system->End(request->Text(Tag::kReason).c_str(), request->Number(Tag::kGrace));
      return;
    default:
      refuse({-EINVAL, "sendmsg", {}});
  }
}

void Supervisor::OnOwnerEnd() {
  owner_ended_ = true;
  owner_watch_.reset();
  for (const std::shared_ptr<Connection>& connection : connections_) connection->Close();
  connections_.clear();
  for (const Seat& seat : systems_) seat.system->End("owner", 0);
}

uint64_t Supervisor::NextDeadline() const {
  uint64_t next = 0;
  for (const Seat& seat : systems_) {
    uint64_t deadline = seat.system->deadline();
    if (deadline != 0 && (next == 0 || deadline < next)) next = deadline;
  }
  return next;
}

void Supervisor::Tidy() {
  uint64_t now = EventLoop::Now();
  for (const Seat& seat : systems_)
    if (seat.system->deadline() != 0 && seat.system->deadline() <= now) seat.system->OnDeadline();
  systems_.remove_if([](const Seat& seat) { return seat.system->gone(); });
}

int Supervisor::Run() {
  if (int error = Begin(); error < 0) return error;
  while (!connections_.empty() || !systems_.empty()) {
    loop_.Turn(NextDeadline());
    Tidy();
  }
  return 0;
}

}  // namespace cofferdam
