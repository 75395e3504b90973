// OwnedFd: one owner, close-on-exec at birth, one close. With COFFERDAM_DEBUG, death to second owners.
#include "owned_fd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "check.h"
#include "fd_table.h"
#include "support.h"

using namespace cofferdam;
using namespace cofferdam::test;

namespace {

// What only the factories may do: adopt a bare number.
class Adopted : public OwnedFd {
 public:
  explicit Adopted(int fd) : OwnedFd(fd) {}
};

void EveryFactorySetsCloseOnExec() {
  int before = CountFds();
  {
    Result<OwnedFd> file = OwnedFd::Open("/dev/null", O_RDONLY);
    Result<OwnedFd> socket = OwnedFd::Socket(AF_UNIX, SOCK_STREAM, 0);
    Result<OwnedFd> copy = OwnedFd::Duplicate(STDERR_FILENO);
    Result<OwnedFd> pidfd = OwnedFd::Pidfd(getpid());
    for (Result<OwnedFd>* fd : {&file, &socket, &copy, &pidfd}) {
      CHECK(fd->ok());
      CHECK_EQ(fcntl(fd->value().get(), F_GETFD), FD_CLOEXEC);
    }
    CHECK(copy.value().get() >= 3);
    CHECK_EQ(CountFds(), before + 4);
  }
  CHECK_EQ(CountFds(), before);
}

void FailuresCarryTheErrno() {
  CHECK_EQ(OwnedFd::Open("/nonexistent/file", O_RDONLY).error(), -ENOENT);
  CHECK_EQ(OwnedFd::Socket(AF_UNIX, 99, 0).error(), -EINVAL);
  CHECK_EQ(OwnedFd::Duplicate(-1).error(), -EBADF);
  CHECK_EQ(OwnedFd::Pidfd(-1).error(), -EINVAL);
  CHECK_EQ(OwnedFd::NetnsOfSocket(-1).error(), -EBADF);
  WithFdLimit(0, [] {
    CHECK_EQ(OwnedFd::Open("/dev/null", O_RDONLY).error(), -EMFILE);
    CHECK_EQ(OwnedFd::Socket(AF_UNIX, SOCK_STREAM, 0).error(), -EMFILE);
  });
}

void MovesAndClosesOnce() {
  int before = CountFds();
  OwnedFd first = OwnedFd::Open("/dev/null", O_RDONLY).value();
  int number = first.get();
  OwnedFd second = std::move(first);
  CHECK_EQ(first.get(), -1);  // NOLINT: a moved-from OwnedFd owns nothing, by contract
  CHECK_EQ(second.get(), number);
  second = OwnedFd::Open("/dev/zero", O_RDONLY).value();
  CHECK_EQ(CountFds(), before + 1);
  OwnedFd& itself = second;
  second = std::move(itself);
  CHECK(second.ok());
  CHECK_EQ(second.Close(), 0);
  CHECK_EQ(second.get(), -1);
  CHECK_EQ(second.Close(), 0);
  CHECK_EQ(CountFds(), before);
}

#ifdef COFFERDAM_DEBUG

void ExpectAbort(const Outcome& outcome, const char* words) {
  CHECK_EQ(outcome.signal, SIGABRT);
  CHECK(outcome.errors.find(words) != std::string::npos);
  // The stack: at least the frames of the table itself and of main.
  CHECK(outcome.errors.find("owned_fd_test") != std::string::npos);
}

void SecondOwnerAborts() {
  ExpectAbort(RunInChild([] {
                OwnedFd owner = OwnedFd::Open("/dev/null", O_RDONLY).value();
                Adopted thief(owner.get());
              }),
              "adopted by a second owner");
}

void CloseBehindTheOwnersBackAborts() {
  ExpectAbort(RunInChild([] {
                OwnedFd owner = OwnedFd::Open("/dev/null", O_RDONLY).value();
                close(owner.get());
                owner.Close();
              }),
              "behind its owner's back");
}

// The dangerous order: the number has been reused, and the late close would hit the new owner.
void ReuseAfterForeignCloseAborts() {
  ExpectAbort(RunInChild([] {
                OwnedFd owner = OwnedFd::Open("/dev/null", O_RDONLY).value();
                close(owner.get());
                OwnedFd next = OwnedFd::Open("/dev/zero", O_RDONLY).value();
              }),
              "adopted by a second owner");
}

void ForgettingWhatIsNotOwnedAborts() {
  ExpectAbort(RunInChild([] { fd_table::Forget(STDERR_FILENO); }), "does not own it");
}

void TableIsExact() {
  int before = fd_table::Count();
  {
    OwnedFd fd = OwnedFd::Open("/dev/null", O_RDONLY).value();
    CHECK_EQ(fd_table::Count(), before + 1);
  }
  CHECK_EQ(fd_table::Count(), before);
}

#endif

}  // namespace

int main() {
  EveryFactorySetsCloseOnExec();
  FailuresCarryTheErrno();
  MovesAndClosesOnce();
#ifdef COFFERDAM_DEBUG
  SecondOwnerAborts();
  CloseBehindTheOwnersBackAborts();
  ReuseAfterForeignCloseAborts();
  ForgettingWhatIsNotOwnedAborts();
  TableIsExact();
#endif
  return 0;
}
