# find_package(strandline) gives strandline::strandline. The libraries are those of cmake/dependencies.cmake.
include(CMakeFindDependencyMacro)
find_dependency(tl-expected)
find_dependency(SQLite3)
find_dependency(Threads)
find_dependency(PkgConfig)
pkg_check_modules(sodium REQUIRED QUIET IMPORTED_TARGET libsodium)
pkg_check_modules(zstd REQUIRED QUIET IMPORTED_TARGET libzstd)
include(${CMAKE_CURRENT_LIST_DIR}/strandline-targets.cmake)
