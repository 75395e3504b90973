# The addon as a target of CMake. libuv and Node-API are symbols of the node that loads it: only headers are needed.
find_program(NODE_EXECUTABLE node REQUIRED)

function(ask_node expression result)
  execute_process(
    COMMAND ${NODE_EXECUTABLE} -p ${expression}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/..
    OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} "${answer}" PARENT_SCOPE)
endfunction()

ask_node("require('node:path').dirname(require.resolve('node-addon-api'))" NODE_ADDON_API_INCLUDE)
ask_node("require('./package.json').version" COFFERDAM_VERSION)

# cmake-js offers Node-API's headers only, without uv.h. So: where npm was told to look, beside the running node,
# or where node-gyp has put them.
if(NOT COFFERDAM_NODE_INCLUDE)
  ask_node("require('node:path').resolve(process.execPath, '../../include/node')" beside_node)
  ask_node("process.versions.node" node_version)
  find_path(COFFERDAM_NODE_INCLUDE_FOUND NAMES uv.h
    PATHS "$ENV{npm_config_nodedir}/include/node" "${beside_node}" "/usr/include/node"
          "$ENV{HOME}/.cache/node-gyp/${node_version}/include/node"
    NO_DEFAULT_PATH)
  if(NOT COFFERDAM_NODE_INCLUDE_FOUND)
    message(FATAL_ERROR "Node's headers were not found: `npx node-gyp install` fetches them, or give "
                        "-DCOFFERDAM_NODE_INCLUDE=DIR or -DCOFFERDAM_ADDON=OFF")
  endif()
  set(COFFERDAM_NODE_INCLUDE ${COFFERDAM_NODE_INCLUDE_FOUND})
endif()

add_library(addon MODULE
  addon/addon.cc
  addon/arguments.cc
  addon/cgroup_handle.cc
  addon/control_handle.cc
  addon/dispatch.cc
  addon/environment.cc
  addon/fd_handle.cc
  addon/file_name.cc
  addon/inotify_handle.cc
  addon/netlink_handle.cc
  addon/netlink_threads.cc
  addon/netlink_transfer.cc
  addon/netns.cc
  addon/pidfd_handle.cc
  addon/pipeline_handle.cc
  addon/poll.cc
  addon/poll_calls.cc
  addon/process_calls.cc
  addon/priority_handle.cc
  addon/shared_memory.cc
  addon/supervisor_seat.cc
  addon/terminal_calls.cc
  addon/wake.cc)
set_target_properties(addon PROPERTIES OUTPUT_NAME cofferdam PREFIX "" SUFFIX ".node")
target_include_directories(addon SYSTEM PRIVATE ${COFFERDAM_NODE_INCLUDE} ${NODE_ADDON_API_INCLUDE})
target_compile_definitions(addon PRIVATE
  NAPI_VERSION=8 NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
  COFFERDAM_VERSION="${COFFERDAM_VERSION}")
target_link_options(addon PRIVATE -Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro)
target_link_libraries(addon PRIVATE kernel)
