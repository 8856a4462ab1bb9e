# `cmake --install build` puts the command, the headers and the libraries where find_package(strandline) looks.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY STRANDLINE_LAYERS)
install(TARGETS strandline ${layers} EXPORT strandline-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(PROGRAMS ${CMAKE_BINARY_DIR}/bin/strandline DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/strandline DESTINATION include)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/strandline)
install(EXPORT strandline-targets NAMESPACE strandline:: DESTINATION ${package_folder})
write_basic_package_version_file(strandline-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/strandline-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/strandline-config-version.cmake
        DESTINATION ${package_folder})
