export { AttachedSystem } from './attached.ts';
export type { Command, RunOptions } from './command.ts';
export { ExportError, type ExportResult } from './exports.ts';
export { findSystem, listSystems, type SystemEntry } from './list.ts';
export type { SystemEvent, WatchedResource } from './monitor.ts';
export { reclaimSystems } from './orphans.ts';
export { SystemPool, type SystemPoolOptions } from './pool.ts';
export type { EndReason, RunResult, SystemEnd } from './result.ts';
export { type CreateSystemOptions, type StopOptions, System, type SystemEventsOptions } from './system.ts';
