import unittest

import support  # noqa: F401  (finds the scripts)
import check_bans


def found(path, text):
    return [line for line, _ in check_bans.check_text(path, text)]


class BansTest(unittest.TestCase):
    def test_each_banned_construct_is_found(self):
        for code in ("pid = fork();", "::fork();", "::unshare(CLONE_NEWNS);", "setns(fd, 0);",
                     "syscall(SYS_clone3, &a, n);", "getenv(\"HOME\");", "std::getenv(x);",
                     "std::cout << 1;", "printf(\"x\");", "std::printf(\"x\");",
                     "std::fprintf(stderr, x);", "system(cmd);", "popen(cmd, mode);",
                     "thread.detach();", "std::thread(f).detach();", "co_spawn(io, run(), asio::detached);", "std::regex r;",
                     "#include <regex>", "co_await f(T{1, 2});", "co_await a.send({1, 2});",
                     "strcpy(a, b);", "catch (...) {}", "// TODO later", "int x; // FIXME"):
            with self.subTest(code):
                self.assertEqual(found("src/manager/a.cc", "\n" + code + "\n"), [2])

    def test_what_only_looks_like_one_is_left_alone(self):
        for code in ("box.fork();", "backend->clone(spec);", "Fork(x);", "snprintf(a, n, f);",
                     "// never fork() here", "\"call system(x)\"", "R\"(printf(\"x\"))\"",
                     "file_system(x);", "co_await f(named);", "co_await f(T(1));",
                     "auto s = filesystem(x);", "child.unshareNetwork();", "plan.detach();", "'\"'; // printf(1)"):
            with self.subTest(code):
                self.assertEqual(found("src/manager/a.cc", code), [])

    def test_allowed_folders_may(self):
        self.assertEqual(found("src/launch/clone.cc", "::clone3(x); ::setns(a, b);"), [])
        self.assertEqual(found("src/env/env.cc", "getenv(x);"), [])
        self.assertEqual(found("src/cli/output/table.cc", "std::cout << x;"), [])
        self.assertEqual(found("src/os/ns_test.cc", "::fork();"), [])

    def test_sleeping_is_banned_in_tests_alone(self):
        code = "std::this_thread::sleep_for(1ms);"
        self.assertEqual(found("src/os/a_test.cc", code), [1])
        self.assertEqual(found("src/os/a.cc", code), [])
        self.assertEqual(found("src/os/a_test.cc", code + "  // not synchronisation: any time"), [])

    def test_a_library_is_included_where_its_wrapper_is_and_declared(self):
        self.assertEqual(found("bench/a.cc", "#include <fmt/core.h>\n"), [1])
        self.assertEqual(found("src/api/a.cc", "#include <sqlite3.h>\n"), [1])
        self.assertEqual(found("src/store/a.cc", "#include <sqlite3.h>\n#include <sys/stat.h>\n"), [])

    def test_line_numbers_survive_comments_and_raw_strings(self):
        text = '/* a\nb */ auto s = R"x(\n\n)x";\nstd::regex r;\n'
        self.assertEqual(found("src/api/a.cc", text), [5])


if __name__ == "__main__":
    unittest.main()
