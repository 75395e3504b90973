export type { NamedNetns } from './names.ts';
export { type CreateNetnsOptions, Netns, type NetnsReference } from './netns.ts';
export { type ResolvedNetns, resolveNetns } from './reference.ts';
