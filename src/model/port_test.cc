#include "model/port.h"

#include <gtest/gtest.h>

namespace ak::model {
namespace {

TEST(PortTest, FormsAreReadAndWrittenAgain) {
  struct Case {
    const char* text;
    PortMapping mapping;
    const char* again;
    const char* shown;
  };
  using enum PortProtocol;
  for (const Case& it : {
           Case{"80", {"127.0.0.1", 0, true, 80, Tcp}, "80", "80/tcp"},
           Case{"80/tcp", {"127.0.0.1", 0, true, 80, Tcp}, "80", "80/tcp"},
           Case{"53/UDP", {"127.0.0.1", 0, true, 53, Udp}, "53/udp", "53/udp"},
           Case{
               "8080:80", {"127.0.0.1", 8080, false, 80, Tcp}, "8080:80", "127.0.0.1:8080->80/tcp"},
           Case{"127.0.0.1:8080:80",
                {"127.0.0.1", 8080, false, 80, Tcp},
                "8080:80",
                "127.0.0.1:8080->80/tcp"},
           Case{"0.0.0.0:8080:80/udp",
                {"0.0.0.0", 8080, false, 80, Udp},
                "0.0.0.0:8080:80/udp",
                "0.0.0.0:8080->80/udp"},
           Case{"10.1.2.3::80", {"10.1.2.3", 0, true, 80, Tcp}, "10.1.2.3::80", "80/tcp"},
           Case{"[0:0::1]:8080:80",
                {"::1", 8080, false, 80, Tcp},
                "[::1]:8080:80",
                "[::1]:8080->80/tcp"},
           Case{"[::]::65535", {"::", 0, true, 65535, Tcp}, "[::]::65535", "65535/tcp"},
       }) {
    const auto mapping = parsePortMapping(it.text);
    ASSERT_TRUE(mapping) << it.text << ": " << mapping.error().message;
    EXPECT_EQ(*mapping, it.mapping) << it.text;
    EXPECT_EQ(toText(*mapping), it.again);
    EXPECT_EQ(describe(*mapping), it.shown);
    EXPECT_EQ(parsePortMapping(it.again).value(), it.mapping) << it.again;
  }
}

TEST(PortTest, WhatIsNoMappingIsRefusedWithTheForms) {
  for (const char* text : {"",
                           "0",
                           "80:0",
                           "0:80",
                           ":80",
                           "80:",
                           "65536",
                           "-1",
                           "+80",
                           " 80",
                           "80 ",
                           "http",
                           "80/",
                           "80/sctp",
                           "80/tcp/udp",
                           "1:2:3",
                           "localhost:8080:80",
                           "::1:8080:80",
                           "[::1]:80",
                           "[127.0.0.1]:8080:80",
                           "[::1:8080:80",
                           "127.1:8080:80",
                           "1.2.3.4:x:80",
                           "8080:80-90",
                           "8000-8010:80",
                           "80,81",
                           "\x1b[2J",
                           "[::1%lo]:1:2"}) {
    const auto mapping = parsePortMapping(text);
    ASSERT_FALSE(mapping) << text;
    EXPECT_EQ(mapping.error().code, ErrorCode::InvalidArgument) << text;
    EXPECT_FALSE(mapping.error().remedy.empty());
    EXPECT_FALSE(mapping.error().message.contains('\x1b'));
  }
}

Status check(std::initializer_list<const char*> texts) {
  std::vector<PortMapping> ports;
  for (const char* text : texts) {
    ports.push_back(parsePortMapping(text).value());
  }
  return validatePorts(ports);
}

TEST(PortTest, WhatCannotBeHadTogetherIsRefusedWhenItIsSet) {
  EXPECT_FALSE(check({"80", "80"}));
  EXPECT_FALSE(check({"8080:80", "8080:81"}));
  EXPECT_FALSE(check({"8080:80", "0.0.0.0:8080:80"}));
  EXPECT_FALSE(check({"[::]:8080:80", "[::1]:8080:80"}));
  EXPECT_TRUE(check({"80", "80/udp"}));
  EXPECT_TRUE(check({"80", "8080:80", "8081:80"})) << "one port at several of the host";
  EXPECT_TRUE(check({"8080:80", "8080:80/udp"}));
  EXPECT_TRUE(check({"0.0.0.0:8080:80", "[::]:8080:80"}));
  std::vector<PortMapping> many;
  for (std::uint16_t port = 1; port <= kMaxPorts; ++port) {
    many.push_back({.automatic = true, .container = port});
  }
  EXPECT_TRUE(validatePorts(many));
  many.push_back({.automatic = true, .container = 9999});
  EXPECT_EQ(validatePorts(many).error().code, ErrorCode::TooLarge);
}

TEST(PortTest, AnAddressThatOthersReachMustBeSaid) {
  EXPECT_TRUE(onLoopback(parsePortMapping("80").value()));
  EXPECT_TRUE(onLoopback(parsePortMapping("127.3.0.1:1:80").value()));
  EXPECT_TRUE(onLoopback(parsePortMapping("[::1]:1:80").value()));
  EXPECT_FALSE(onLoopback(parsePortMapping("0.0.0.0:1:80").value()));
  EXPECT_FALSE(onLoopback(parsePortMapping("[::ffff:127.0.0.1]:1:80").value())) << "rather not";
}

TEST(PortTest, CopiesHaveHostPortsOfTheirOwnOnTheLoopback) {
  const auto inherited = inheritedPorts(
      {parsePortMapping("8080:80").value(), parsePortMapping("8081:80").value(),
       parsePortMapping("0.0.0.0:53:53/udp").value(), parsePortMapping("[::]:9000:90").value()});
  std::vector<std::string> texts;
  for (const PortMapping& mapping : inherited) {
    texts.push_back(toText(mapping));
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"80", "53/udp", "[::1]::90"}));
}

TEST(PortTest, WhatWasAskedIsNotWhatWasChosen) {
  PortMapping mapping = parsePortMapping("80").value();
  mapping.host = 49153;
  EXPECT_EQ(toText(mapping), "49153:80");
  EXPECT_EQ(askedText(mapping), "80");
  EXPECT_EQ(askedText(parsePortMapping("8080:80").value()), "8080:80");
}

}  // namespace
}  // namespace ak::model
