# ak_folder(NAME [LINK folder...] [EXTERNAL lib...])
#   Makes library ak_NAME of all .cc beside the caller that are not tests or fuzz targets, and one
#   test program NAME_test of its *_test.cc. LINK is the folder's row of ARCHITECTURE.md's table.
# ak_program(NAME SOURCES ... LINK folder... [STATIC])
#   A program in build/bin, part of the target `programs`. STATIC links everything in: start-up
#   without a dynamic loader.
# ak_test_program(NAME SOURCES ... LINK folder... [STATIC])
#   A program that only tests start: in build/tests, never installed.
# ak_tests(NAME SOURCES ... LINK ...): a GoogleTest program registered with ctest, label "unit".
find_package(GTest REQUIRED)

# What ./agentkernel needs: every ak_program and none of the tests.
add_custom_target(programs)

function(ak_folder name)
  cmake_parse_arguments(A "" "" "LINK;EXTERNAL;TEST_EXTRA" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(libs ${A_LINK})
  list(TRANSFORM libs PREPEND ak_)
  if(sources)
    add_library(ak_${name} STATIC ${sources})
    target_link_libraries(ak_${name} PUBLIC ${libs} ${A_EXTERNAL})
  else()
    add_library(ak_${name} INTERFACE)
    target_link_libraries(ak_${name} INTERFACE ${libs} ${A_EXTERNAL})
  endif()
  if(tests)
    ak_tests(${name}_test SOURCES ${tests} LINK ${name} ${A_TEST_EXTRA})
  endif()
  ak_fuzz_targets(${name})
endfunction()

function(ak_tests name)
  cmake_parse_arguments(A "" "LABEL" "SOURCES;LINK;EXTERNAL" ${ARGN})
  if(NOT A_LABEL)
    set(A_LABEL unit)
  endif()
  set(libs ${A_LINK})
  list(TRANSFORM libs PREPEND ak_)
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${libs} ${A_EXTERNAL} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # A test is compiled once and runs once: parsing GoogleTest and optimising its macros would be half
  # of the whole build. The code under test is optimised; fortify would need it here too.
  target_compile_options(${name} PRIVATE -O0 -U_FORTIFY_SOURCE "SHELL:-Xclang -fno-pch-timestamp")
  if(name STREQUAL "base_test")
    target_precompile_headers(${name} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  else()
    target_precompile_headers(${name} REUSE_FROM base_test)
  endif()
  target_compile_definitions(${name} PRIVATE AK_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                             AK_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS ${A_LABEL} TIMEOUT 600)
endfunction()

function(ak_program name)
  ak_executable(${name} ${ARGN})
  add_dependencies(programs ${name})
endfunction()

function(ak_test_program name)
  ak_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

function(ak_executable name)
  cmake_parse_arguments(A "STATIC" "" "SOURCES;LINK;EXTERNAL" ${ARGN})
  set(libs ${A_LINK})
  list(TRANSFORM libs PREPEND ak_)
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${libs} ${A_EXTERNAL})
  if(AK_SANITIZE)
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/sanitizer_options.cc)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/cmake/sanitizer_options.cc PROPERTIES
      COMPILE_DEFINITIONS AK_SANITIZER_REPORTS="${CMAKE_BINARY_DIR}/test-reports")
  endif()
  if(A_STATIC AND NOT AK_SANITIZE)
    target_link_options(${name} PRIVATE -static-pie)
  else()
    target_link_options(${name} PRIVATE -pie)
  endif()
endfunction()

# Each x_fuzz.cc is a libFuzzer target in the fuzz preset; in every other build the same file is
# linked with a driver that replays tests/fuzz/corpus/x, so the corpus is an ordinary test.
function(ak_fuzz_targets name)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_fuzz.cc)
  foreach(source ${fuzzers})
    get_filename_component(target ${source} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" corpus ${target})
    if(AK_SANITIZE MATCHES "fuzzer")
      add_executable(${target} ${source})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
      add_executable(${target} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
      add_test(NAME ${target}_corpus
               COMMAND ${target} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
      set_tests_properties(${target}_corpus PROPERTIES LABELS unit TIMEOUT 120)
    endif()
    target_link_libraries(${target} PRIVATE ak_${name})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  endforeach()
endfunction()
