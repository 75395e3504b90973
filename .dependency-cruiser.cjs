// The layer rule: a room of src/ imports only rooms below it. ARCHITECTURE.md draws the same picture.
const ROOMS = {
  handle: [],
  process: ['handle'],
  netns: ['handle', 'process'],
  cgroup: ['handle', 'process'],
  netlink: ['handle', 'netns'],
  route: ['handle', 'netns', 'netlink'],
  generic: ['handle', 'netns', 'netlink'],
  nftables: ['handle', 'netns', 'netlink'],
  system: ['handle', 'process', 'netns', 'cgroup', 'netlink', 'route', 'nftables'],
  testing: ['handle'],
  cli: ['handle', 'process', 'netns', 'cgroup', 'netlink', 'route', 'generic', 'system', 'testing', 'repl'],
  repl: ['handle', 'process', 'netns', 'cgroup', 'netlink', 'route', 'generic', 'system', 'testing'],
};

const layers = Object.entries(ROOMS).map(([room, below]) => ({
  name: `${room}-uses-only-rooms-below`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, ...below].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'every-room-is-known',
      comment: 'A new room is added to the list above, with the rooms that it may use.',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(ROOMS).join('|')})/` },
    },
    {
      name: 'no-cycles',
      comment:
        'What is loaded on demand comes after all that stands still: the table of commands leads to each of them.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    },
    {
      name: 'only-the-faces-use-faces-packages',
      comment: 'The library itself needs nothing but the loader of its addon, and what reads YAML.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|repl)/' },
      to: { path: 'node_modules/(commander|picocolors)/' },
    },
    {
      name: 'one-loader',
      comment: 'The addon is loaded in one place: everything else takes the binding from there.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/handle/native-binding' },
      to: { path: 'node_modules/(node-gyp-build|bindings)/' },
    },
    {
      name: 'one-reader-of-yaml',
      comment: 'It is loaded when the first configuration is read: by one module, for all.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/system/config/yaml' },
      to: { path: 'node_modules/yaml/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/testing/vitest' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
