// R20: no filter, or one that the kernel does not take, is a start or an exec that fails.
#include <linux/filter.h>

#include <array>

#include "base/text.h"
#include "fixture.h"

namespace ak::conformance {
namespace {

class NativeFilterTest : public NativeTest {
 protected:
  // A jump beyond the program's end: the kernel's checker refuses it.
  static std::string broken() {
    const std::array<sock_filter, 2> program{
        {BPF_JUMP(BPF_JMP | BPF_JA, 1000, 0, 0), BPF_STMT(BPF_RET | BPF_K, 0x7fff0000U)}};
    return {reinterpret_cast<const char*>(program.data()), sizeof program};
  }
};

TEST_F(NativeFilterTest, ABoxDoesNotStartWithoutItsFilter) {
  for (const std::string& filter : {std::string(), broken(), std::string("half")}) {
    bench().native_options.base_filter = filter;
    bench().restartDaemon();
    const auto box = bench().start(bench().request(kBox));
    ASSERT_FALSE(box) << "started with a filter of " << filter.size() << " bytes";
    EXPECT_NE(box.error().message.find("filter"), std::string::npos) << box.error().message;
  }
}

TEST_F(NativeFilterTest, ACommandDoesNotRunWithoutItsFilter) {
  int number = 0;
  for (const std::string& filter : {std::string(), broken()}) {
    auto request = bench().request(cat(kBox, "-", ++number));
    request.rules.child_filter = filter;
    auto box = bench().start(std::move(request));
    ASSERT_TRUE(box) << box.error().message;
    wire::ExecRequest exec;
    exec.argv = {"true"};
    const auto ran = bench().wait(box->agent->exec(std::move(exec)));
    ASSERT_FALSE(ran) << "ran with a filter of " << filter.size() << " bytes";
    EXPECT_NE(ran.error().message.find("filter"), std::string::npos) << ran.error().message;
  }
}

}  // namespace
}  // namespace ak::conformance
