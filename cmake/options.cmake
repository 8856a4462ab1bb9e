# How everything here is compiled, and strandline_layer(), which makes a folder a library.
option(STRANDLINE_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)

# What would reach into somebody else's build stays out of it when Strandline is a part of that.
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
  endif()
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  endif()
  # Several sources are compiled as one file, in a third of the time; `./dev lint` sees that each stands alone.
  if(NOT DEFINED CMAKE_UNITY_BUILD)
    set(CMAKE_UNITY_BUILD ON)
  endif()
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(strandline_options INTERFACE)
target_compile_options(strandline_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual)
# g++ 12 sees overlapping copies in `"text" + string` where there are none (GCC bug 105651).
target_compile_options(strandline_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# Not under sanitizers: their instrumentation makes g++ 12 warn of things that are not there.
# Not in somebody else's build: their compiler may be one that we have never seen.
if(PROJECT_IS_TOP_LEVEL AND NOT STRANDLINE_SANITIZE)
  target_compile_options(strandline_options INTERFACE -Werror)
endif()
if(STRANDLINE_SANITIZE)
  add_compile_options(-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-fsanitize=address,undefined)
endif()

# One folder, one static library: strandline_layer(hlc SOURCES a.cpp USES watermarks LIBRARIES x)
function(strandline_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 LAYER "" "" "SOURCES;USES;LIBRARIES")
  add_library(strandline_${name} STATIC ${LAYER_SOURCES})
  target_include_directories(strandline_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:include>)
  target_compile_features(strandline_${name} PUBLIC cxx_std_20)
  target_link_libraries(strandline_${name} PRIVATE $<BUILD_INTERFACE:strandline_options>)
  foreach(used ${LAYER_USES})
    target_link_libraries(strandline_${name} PUBLIC strandline_${used})
  endforeach()
  target_link_libraries(strandline_${name} PUBLIC ${LAYER_LIBRARIES})
  set_target_properties(strandline_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY STRANDLINE_LAYERS strandline_${name})
endfunction()
