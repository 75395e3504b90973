export { BaseCore, FdCore, type HandleCore } from './core.ts';
export {
  AbortError,
  abortError,
  ClosedError,
  CofferdamError,
  errnoMessage,
  errnoName,
  fromNodeError,
  InvalidArgumentError,
  SystemError,
  type SystemErrorInfo,
  systemError,
  TimeoutError,
} from './errors.ts';
export { countFds, fdKind, readFdTable } from './fd-table.ts';
export { fileName } from './file-name.ts';
export {
  describeHandle,
  type HandleCounters,
  type HandleDetail,
  type HandleDiff,
  type HandleInfo,
  type HandleSnapshot,
  type HandleState,
  type LeakReport,
  type OnLeak,
} from './handle-info.ts';
export { IN, type InodeWatch, watchInode } from './inotify.ts';
export { KernelHandle } from './kernel-handle.ts';
export { ResourceLeakWarning } from './leak.ts';
export { type MountEntry, parseMountinfo } from './mountinfo.ts';
export type {
  NativeBinding,
  NativeCgroup,
  NativeControl,
  NativeFd,
  NativeNetlink,
  NativePriority,
  NativeSpawnFailure,
  NetlinkOpenOptions,
  Result,
} from './native.ts';
export { loadBinding, packageRoot, packageVersion } from './native-binding.ts';
export { type HandleRegistry, handles } from './registry.ts';
