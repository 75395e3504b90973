export { type NamedNetns, NETNS_DIRECTORY } from './names.ts';
export { type CreateNetnsOptions, Netns } from './netns.ts';
export { type NetnsReference, type ResolvedNetns, resolveNetns } from './reference.ts';
