#pragma once

#include <cstdint>

namespace cofferdam {

// What is said between an owner (src/system/supervisor), its supervisor, and pid 1 of each system.
//
// A message is a header and fields. A field is a tag and a length, 32 bits each in the host's order, and its
// bytes, padded to four. src/system/wire.ts has the same numbers; a test compares them.

// Grows with every change. An owner is of one build with its supervisor; a visitor need not be.
constexpr uint64_t kProtocol = 2;

// The fd of the supervisor that a visitor duplicates, pidfd_getfd(2), to send kJoin with an end of a new
// connection. Beyond those in use when it starts.
constexpr int kDoor = 63;

struct MessageHeader {
  uint32_t kind;
  // Of the request that this is, or answers; 0 for news.
  uint32_t serial;
  // Chosen by who asks, unique among the systems of his connection.
  uint32_t system;
};

enum class Kind : uint32_t {
  // Owner to supervisor.
  kCreate = 1,
  kRun = 2,
  kSignal = 3,
  kEnd = 4,
  // By the first socket, which takes nothing else, or by the door: the end of a new connection comes with it.
  kJoin = 5,
  // The name of a link on the host that is about to be made for a system, and goes with it.
  kHostLink = 6,
  // A visitor's first: which system he is about to name, by the inode of its cgroup.
  kAttach = 7,
  // Supervisor to pid 1: the id maps are written.
  kGo = 8,
  // The time of a system that was made ahead of its use counts from now.
  kBegin = 9,
  // Where a system keeps what its programs write: kDone carries it.
  kLogs = 10,
  // Supervisor, or pid 1, to who asked.
  kCreated = 16,
  kStarted = 17,
  kFailed = 18,
  kDone = 19,
  // News.
  kExited = 24,
  kGone = 25,
  kStuck = 26,
};

enum class Tag : uint32_t {
  // Of what failed: a negative errno, the system call, and its path.
  kErrno = 1,
  kCall = 2,
  kPath = 3,

  // Left out where the system has none: it ends with its pid 1 alone then.
  // The directory of the hierarchy, the group below it ("." for itself), and the name of the new cgroup.
  kCgroupRoot = 16,
  kCgroupGroup = 17,
  kCgroupName = 18,
  // "name\0value": extended attributes of the new cgroup.
  kAttribute = 19,
  // "file\0text": what is written to its files.
  kWrite = 20,
  // "+cpu +memory", for cgroup.subtree_control of the groups above.
  kControllers = 21,
  // CLONE_NEW*, 64 bits.
  kNamespaces = 22,
  kUidMap = 23,
  kGidMap = 24,
  // setgroups(2) is denied, without which an unprivileged user may write no gid_map.
  kDenySetgroups = 25,
  kHostname = 26,
  // A MountStep.
  kStep = 27,
  // Milliseconds, 64 bits.
  kTimeout = 28,
  kGrace = 29,
  // The network namespace that comes with the request is entered, rather than a new one made.
  kGivenNetns = 30,
  // The answer carries the network namespace of the system.
  kWantNetns = 31,
  // Pid 1 moves into its cgroup rather than being born there: before Linux 6.3 who is born in a cgroup need
  // not heed its cpuset.
  kMoveIn = 32,
  kIfname = 33,
  kProtocol = 34,
  kInode = 35,
  // "inside\0outside": what is copied to the host at the end.
  kExport = 36,
  // Who it is read as, as the host counts.
  kExportUid = 37,
  kExportGid = 38,
  // The most that is copied, and milliseconds.
  kExportBytes = 39,
  kExportFiles = 40,
  kExportTimeout = 41,
  // What programs write is kept, in a memory file that the owner writes and whoever asks by kLogs reads.
  kKeepLogs = 42,
  // A directory that goes with the system, and with it the record beside it: where its owner cannot remove
  // it.
  kUpper = 43,

  kArgument = 48,
  // Of a program; of its system for what the program says nothing of.
  kEnvironment = 49,
  kDirectory = 50,
  kUid = 51,
  kGid = 52,
  // What all programs of a system are confined by. A mask of 64 bits.
  kDroppedCapabilities = 53,
  kNoNewPrivileges = 54,
  // struct sock_filter[].
  kSeccomp = 55,
  kApparmor = 56,
  // Of a program: fd 0 is a terminal, which becomes the controlling one.
  kTerminal = 57,
  // Supplementary groups are given up, which not everybody may do.
  kClearGroups = 58,
  // Of a system: paths inside that its programs read and execute, and that they write as well; nothing else.
  kLandlockRead = 59,
  kLandlockWrite = 60,
  // Of a program: a new terminal of the system's, for the fds of this mask; those that came with the request
  // take the places in between. It becomes the controlling one, and kStarted carries its other side.
  kPty = 61,
  // Its size: columns, and rows times 65,536.
  kWindow = 62,

  // Chosen by the owner, unique within its system; 0 for all of it.
  kCommand = 64,
  kSignalNumber = 65,
  // As waitid(2) says them: CLD_*, and the exit code or signal.
  kCode = 66,
  kStatus = 67,
  // Nine numbers of 64 bits; see Usage.
  kUsage = 68,
  // Why a system ended.
  kReason = 69,
  // "file\0text" of the cgroup, as it was at the end.
  kStatistics = 70,
  // The pid as the host has it.
  kPid = 71,
  // "files\0bytes\0left out\0errno\0call\0path": what became of an export.
  kExported = 72,
};

enum class Step : uint32_t {
  // fstype, target, options.
  kMount = 1,
  // target, upper, work, place, where its cover is attached if it has one, lower...
  kOverlay = 2,
  // source, target.
  kBind = 3,
  // path, mode in octal, uid and gid as the host counts, of root where there are none.
  kDirectory = 4,
  // path, mode in octal: an empty file.
  kFile = 5,
  // path, an empty directory of the host's: nothing is seen of the path.
  kMask = 7,
  // path: it and all below cannot be written.
  kReadonly = 8,
  // path: the root of what follows.
  kRoot = 9,
  // The root becomes that of the system, and the host's goes out of sight.
  kPivot = 10,
  // path: what comes before is done by the supervisor, in its own mount namespace, and what is mounted on
  // `path` goes there once pid 1 has been born with a copy of it. In a user namespace of its own pid 1 may
  // not have the host's root as a layer, since that would show what lies below other mounts.
  kBirth = 12,
  // place, lower...: an overlay to be, and what covers its lower layers: all until kLink.
  kLayer = 13,
  // path: not seen.
  kHide = 14,
  // path, mode in octal, uid, gid: the system has an empty directory of its own there.
  kOwn = 15,
  // path, mode in octal, a device of the host's: the same device.
  kNode = 16,
  // path, what it leads to.
  kLink = 17,
  // path: what follows is looked up in it. For places of binds, which pid 1 may not be allowed to make.
  kInside = 18,
};

// Flags of a step.
constexpr uint32_t kStepOptional = 1;  // What is not there is left out.
constexpr uint32_t kStepReadonly = 2;
constexpr uint32_t kStepNosuid = 4;
constexpr uint32_t kStepNodev = 8;
constexpr uint32_t kStepNoexec = 16;
constexpr uint32_t kStepRecursive = 32;
constexpr uint32_t kStepUserxattr = 64;  // An overlay keeps its marks where a user namespace may write them.

}  // namespace cofferdam
