# Compiler, warnings and hardening, once for all folders. clang-19 only: g++ 12 miscompiles
# coroutines (docs/adr/0001-toolchain.md).
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "agentkernel builds with clang 19 or newer; use ./dev build or a CMake preset")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(AK_CCACHE ccache)
if(AK_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${AK_CCACHE})
endif()

set(AK_SANITIZE "" CACHE STRING "address,undefined | thread | fuzzer: empty for none")

add_compile_options(
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wundef
  -Wno-gnu-statement-expression-from-macro-expansion -Wno-missing-field-initializers
  -ffunction-sections -fdata-sections -fno-strict-aliasing)
# -iquote, not -I: our folder sys/ must never stand in for the system's <sys/...>.
add_compile_options("SHELL:-iquote ${CMAKE_SOURCE_DIR}/src")
add_link_options(-fuse-ld=lld -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack)

if(AK_SANITIZE)
  string(REPLACE "fuzzer" "fuzzer-no-link,address,undefined" AK_SANITIZE_FLAGS "${AK_SANITIZE}")
  add_compile_options(-fsanitize=${AK_SANITIZE_FLAGS} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AK_SANITIZE_FLAGS})
else()
  add_compile_options(-fstack-protector-strong -fcf-protection=full -ftrivial-auto-var-init=zero)
  # Fortify needs optimisation; the dev preset has -O1.
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
add_compile_definitions(_GNU_SOURCE _GLIBCXX_ASSERTIONS AK_VERSION="${PROJECT_VERSION}")
