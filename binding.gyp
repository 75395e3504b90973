{
  'variables': {
    # Warnings fail the build, except where somebody builds with a compiler we have not seen: COFFERDAM_WERROR=0.
    'cofferdam_werror%': "<!(node -p \"process.env.COFFERDAM_WERROR || 1\")",
  },
  'targets': [
    {
      'target_name': 'cofferdam',
      'sources': [
        'native/addon/addon.cc',
        'native/addon/arguments.cc',
        'native/addon/cgroup_handle.cc',
        'native/addon/dispatch.cc',
        'native/addon/environment.cc',
        'native/addon/fd_handle.cc',
        'native/addon/inotify_handle.cc',
        'native/addon/netlink_handle.cc',
        'native/addon/netlink_threads.cc',
        'native/addon/netlink_transfer.cc',
        'native/addon/netns.cc',
        'native/addon/pidfd_handle.cc',
        'native/addon/pipeline_handle.cc',
        'native/addon/poll.cc',
        'native/addon/priority_handle.cc',
        'native/addon/process_calls.cc',
        'native/addon/shared_memory.cc',
        'native/addon/wake.cc',
        'native/kernel/cgroup_dir.cc',
        'native/kernel/fd_table.cc',
        'native/kernel/netlink_io.cc',
        'native/kernel/netlink_netns.cc',
        'native/kernel/netns_entry.cc',
        'native/kernel/netns_socket.cc',
        'native/kernel/owned_fd.cc',
        'native/kernel/own_thread.cc',
        'native/kernel/packet_group.cc',
        'native/kernel/pidfd.cc',
        'native/kernel/pressure_trigger.cc',
        'native/kernel/read_ahead.cc',
        'native/kernel/send_aside.cc',
        'native/kernel/shared_inotify.cc',
        'native/kernel/spawn.cc',
        'native/kernel/spawn_child.cc',
        'native/kernel/window_exchange.cc',
      ],
      'defines': [
        'NAPI_VERSION=8',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        # A Worker that is being terminated cannot take an exception any more: that is no reason to abort the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        'COFFERDAM_VERSION="<!(node -p "require(\'./package.json\').version")"',
      ],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'cflags_cc': [
        '-std=c++20', '-Wall', '-Wextra', '-fno-exceptions', '-fno-rtti',
        '-fvisibility=hidden', '-fvisibility-inlines-hidden',
      ],
      # Node's own headers ask for the standard that Node was built with.
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-std=c++17'],
      'ldflags': ['-Wl,-z,nodelete', '-Wl,-z,now', '-Wl,-z,relro', '-pthread'],
      'conditions': [
        ['cofferdam_werror==1', { 'cflags_cc': ['-Werror'] }],
      ],
      'configurations': {
        'Debug': { 'defines': ['COFFERDAM_DEBUG'] },
      },
    },
  ],
}
