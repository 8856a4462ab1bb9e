# The libraries that Strandline links; cmake/strandline-config.cmake asks for the same.
find_package(tl-expected REQUIRED)  # tl::expected
find_package(SQLite3 REQUIRED)      # SQLite::SQLite3
find_package(Threads REQUIRED)      # Threads::Threads
find_package(PkgConfig REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)  # PkgConfig::sodium
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)      # PkgConfig::zstd
