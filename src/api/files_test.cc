// Files of sandboxes over a real socket: JSON, raw and upgraded.
#include "api/testing/api_fixture.h"
#include "model/base64.h"
#include "model/stream_frame.h"

namespace ak::api {
namespace {

using model::StreamFrame;
using model::StreamKind;
using net::testing::RawClient;
using net::testing::RawResponse;
using nlohmann::json;

class FilesTest : public testing::ApiFixture {
 protected:
  std::map<std::string, std::string>& contents() { return files().contents; }

  testing::FakeFiles& files() { return manager_.fake_files; }

  RawResponse get(std::string_view target) { return client().get(target); }

  RawResponse put(std::string_view target, const json& body) {
    return client().call("PUT", target, body.dump());
  }

  static RawResponse sendRaw(RawClient& client, std::string_view head, std::string_view body = {}) {
    return client.ask(
        cat(head, "Host: localhost\r\nContent-Length: ", body.size(), "\r\n\r\n", body));
  }

  static std::string upgrade(std::string_view method, std::string_view target) {
    return cat(method, " ", target,
               " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: agentkernel\r\n"
               "Content-Length: 0\r\n\r\n");
  }

  static std::string frame(StreamKind kind, std::string_view payload) {
    std::string out;
    model::appendStreamFrame(out, kind, payload);
    return out;
  }

  // All frames up to the last one, whose payload is JSON.
  static json lastOf(RawClient& client, std::string& content) {
    model::StreamDecoder decoder;
    StreamFrame frame;
    for (;;) {
      const Result<bool> ready = decoder.next(frame);
      if (ready && *ready && frame.kind != StreamKind::Stdout) {
        return json::parse(frame.payload, nullptr, false);
      }
      if (ready && *ready) {
        content += frame.payload;
        continue;
      }
      if (!ready || (client.buffer().empty() && !client.fill())) {
        ADD_FAILURE() << "the stream ended without its last frame";
        return {};
      }
      decoder.feed(client.buffer());
      client.buffer().clear();
    }
  }
};

TEST_F(FilesTest, TextAndBytesComeAsJson) {
  contents()["/tmp/text"] = "caf\xc3\xa9\n";
  contents()["/tmp/bytes"] = std::string("\0\xff\x01", 3);
  contents()["/tmp/empty"] = "";
  const json text = data(get("/sandboxes/a/files/tmp/text"));
  EXPECT_EQ(text["content"], "caf\xc3\xa9\n");
  EXPECT_EQ(text["encoding"], "utf8");
  EXPECT_EQ(text["size"], 6);
  EXPECT_EQ(text["sha256"], "digest of 6");
  const json bytes = data(get("/sandboxes/a/files/tmp/bytes"));
  EXPECT_EQ(bytes["content"], "AP8B");
  EXPECT_EQ(bytes["encoding"], "base64");
  EXPECT_EQ(data(get("/sandboxes/a/files/tmp/empty"))["content"], "");
}

// As the npm client sends them: spaces and other bytes encoded once, doubled slashes, `..` kept.
TEST_F(FilesTest, PathsAreDecodedOnceAndTakenWhole) {
  contents()["/tmp/a b"] = "1";
  contents()["/abs/x"] = "2";
  contents()["/tmp/%41"] = "3";
  contents()["/tmp/caf\xc3\xa9"] = "4";
  contents()["/tmp/../x"] = "5";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"tmp/a%20b", "1"},   {"/abs/x", "2"},        {"//abs//x/", "2"},    {"tmp/%2541", "3"},
      {"tmp%2fa%20b", "1"}, {"tmp/caf%C3%A9", "4"}, {"tmp/%2e%2e/x", "5"},  // the manager judges
                                                                            // what it means
  };
  for (const auto& [path, content] : cases) {
    EXPECT_EQ(data(get(cat("/sandboxes/a/files/", path)))["content"], content) << path;
  }
  EXPECT_EQ(get("/sandboxes/a/files/tmp/a%00b").status, 400);
  EXPECT_EQ(get("/sandboxes/a/files/tmp/none").status, 404);
  EXPECT_EQ(get("/sandboxes/b/files/abs/x").status, 404);
}

TEST_F(FilesTest, PutWritesTextAndBase64) {
  const json said = data(put("/sandboxes/a/files/tmp/x", {{"content", "hello"}}));
  EXPECT_EQ(said, "Wrote 5 bytes to /tmp/x");
  EXPECT_EQ(contents()["/tmp/x"], "hello");
  EXPECT_EQ(files().last_target.parents, manager::MissingParents::Make);
  put("/sandboxes/a/files/tmp/x?mode=0750&parents=false",
      {{"content", "AP8B"}, {"encoding", "base64"}});
  EXPECT_EQ(contents()["/tmp/x"], std::string("\0\xff\x01", 3));
  EXPECT_EQ(files().last_target.mode, 0750U);
  EXPECT_EQ(files().last_target.parents, manager::MissingParents::Refuse);
  put("/sandboxes/a/files/tmp/x", {{"content", ""}, {"encoding", nullptr}});
  EXPECT_EQ(contents()["/tmp/x"], "");
}

TEST_F(FilesTest, WhatIsWrongIsRefusedAndNothingIsWritten) {
  for (const json& body :
       {json::object(), json{{"content", 1}}, json{{"content", nullptr}},
        json{{"content", "A"}, {"encoding", "base64"}},
        json{{"content", "A"}, {"encoding", "rot13"}}, json{{"content", "A"}, {"encoding", 7}}}) {
    EXPECT_EQ(put("/sandboxes/a/files/tmp/x", body).status, 400) << body;
  }
  EXPECT_EQ(put("/sandboxes/a/files/tmp/x?mode=4755", {{"content", "A"}}).status, 400);
  for (const json& body : {json::object(), json{{"files", json::object()}}, json{{"files", {"x"}}},
                           json{{"files", {{"/a", "1"}, {"/b", 2}}}}}) {
    EXPECT_EQ(client().call("POST", "/sandboxes/a/files", body.dump()).status, 400) << body;
  }
  EXPECT_TRUE(contents().empty());
  EXPECT_EQ(put("/sandboxes/b/files/tmp/x", {{"content", "A"}}).status, 404);
}

TEST_F(FilesTest, SeveralFilesAreWrittenAtOnce) {
  const json body = {{"files", {{"/a", "1"}, {"/b/c", "2"}}}};
  const json said = data(client().call("POST", "/sandboxes/a/files", body.dump()));
  EXPECT_EQ(said, (json{{"written", 2}}));
  EXPECT_EQ(contents()["/b/c"], "2");
}

TEST_F(FilesTest, DeleteRemovesOneAndByNameAllBelow) {
  contents()["/tmp/x"] = "1";
  const json said = data(client().call("DELETE", "/sandboxes/a/files/tmp/x", ""));
  EXPECT_EQ(said, "Removed /tmp/x");
  EXPECT_TRUE(contents().empty());
  EXPECT_EQ(files().last_recursively, manager::Recursively::No);
  EXPECT_EQ(client().call("DELETE", "/sandboxes/a/files/tmp/x?recursive=true", "").status, 404);
  EXPECT_EQ(files().last_recursively, manager::Recursively::Yes);
}

TEST_F(FilesTest, ListingsAndStatesSayWhatThereIs) {
  contents()["/caf\xe9"] = "12";
  const json list = data(get("/sandboxes/a/files?list=true"));
  EXPECT_EQ(list["path"], "/");
  ASSERT_EQ(list["entries"].size(), 1U);
  EXPECT_EQ(list["entries"][0]["kind"], "file");
  EXPECT_EQ(list["entries"][0]["size"], 2);
  EXPECT_EQ(list["entries"][0]["mode"], 0640);
  EXPECT_EQ(list["entries"][0]["name_base64"], model::toBase64("caf\xe9"));
  const json state = data(get("/sandboxes/a/files/caf%E9?stat=true"));
  EXPECT_EQ(state["size"], 2);
  EXPECT_EQ(files().last_link, manager::FinalLink::Keep);
  data(get("/sandboxes/a/files/caf%E9?stat=true&follow=true"));
  EXPECT_EQ(files().last_link, manager::FinalLink::Follow);
}

TEST_F(FilesTest, DirectoriesAndLinksAreMade) {
  EXPECT_EQ(data(put("/sandboxes/a/files/d?directory=true&mode=700", {}))["kind"], "directory");
  EXPECT_EQ(files().last_target.mode, 0700U);
  const json link = data(put("/sandboxes/a/files/l?link=..%2Fx%20y", {}));
  EXPECT_EQ(link["target"], "../x y");
  EXPECT_EQ(link["path"], "/l");
}

TEST_F(FilesTest, RawBytesGoBothWays) {
  RawClient client = this->client();
  const std::string content("\0\xff raw \r\n\r\n", 10);
  const RawResponse put = sendRaw(
      client, "PUT /sandboxes/a/files/x HTTP/1.1\r\nContent-Type: application/octet-stream\r\n",
      content);
  EXPECT_EQ(data(put)["sha256"], "digest of 10");
  EXPECT_EQ(contents()["/x"], content);
  const RawResponse got =
      sendRaw(client, "GET /sandboxes/a/files/x HTTP/1.1\r\nAccept: application/octet-stream\r\n");
  EXPECT_EQ(got.body, content);
  EXPECT_EQ(got.headers.at("content-type"), "application/octet-stream");
}

TEST_F(FilesTest, RawBytesThatStopAreNotTakenForTheWhole) {
  contents()["/x"] = std::string(5000, 'x');
  files().cut = true;
  RawClient client = this->client();
  client.send(
      "GET /sandboxes/a/files/x HTTP/1.1\r\nAccept: application/octet-stream\r\n"
      "Host: localhost\r\n\r\n");
  while (client.fill()) {
  }
  EXPECT_NE(client.buffer().find("200 OK"), std::string::npos);
  EXPECT_EQ(client.buffer().find("\r\n0\r\n\r\n"), std::string::npos) << "no last chunk";
}

TEST_F(FilesTest, FramesGoBothWays) {
  RawClient in = client();
  in.send(cat(upgrade("PUT", "/sandboxes/a/files/x?mode=600"), frame(StreamKind::Stdin, "one "),
              frame(StreamKind::Stdin, "two"), frame(StreamKind::StdinEnd, "")));
  EXPECT_EQ(in.readHead().status, 101);
  std::string nothing;
  const json written = lastOf(in, nothing);
  EXPECT_EQ(written["size"], 7);
  EXPECT_EQ(written["sha256"], "digest of 7");
  EXPECT_EQ(contents()["/x"], "one two");
  EXPECT_EQ(files().last_target.mode, 0600U);
  RawClient out = client();
  out.send(upgrade("GET", "/sandboxes/a/files/x"));
  EXPECT_EQ(out.readHead().status, 101);
  std::string content;
  const json read = lastOf(out, content);
  EXPECT_EQ(content, "one two");
  EXPECT_EQ(read["mode"], 0640);
}

TEST_F(FilesTest, AWriterThatLeavesWritesNothing) {
  contents()["/x"] = "old";
  {
    RawClient in = client();
    in.send(cat(upgrade("PUT", "/sandboxes/a/files/x"), frame(StreamKind::Stdin, "half")));
    EXPECT_EQ(in.readHead().status, 101);
  }
  // Whoever comes later is answered later.
  EXPECT_EQ(data(get("/sandboxes/a/files/x"))["content"], "old");
}

TEST_F(FilesTest, RefusalsComeBeforeTheStream) {
  for (const char* method : {"GET", "PUT"}) {
    RawClient unknown = client();
    unknown.send(upgrade(method, "/sandboxes/b/files/x"));
    EXPECT_EQ(unknown.readResponse().status, 404) << method;
  }
}

TEST_F(FilesTest, WhatIsTooLargeForJsonNamesTheOtherWay) {
  contents()["/x"] = std::string((16U << 20U) + 1, 'x');
  const RawResponse got = get("/sandboxes/a/files/x");
  EXPECT_EQ(got.status, 413);
  EXPECT_NE(failureOf(got)["remedy"].get<std::string>().find("octet-stream"), std::string::npos);
  RawClient raw = client();
  EXPECT_EQ(
      sendRaw(raw, "GET /sandboxes/a/files/x HTTP/1.1\r\nAccept: application/octet-stream\r\n")
          .body.size(),
      (16U << 20U) + 1);
  const RawResponse put =
      client().call("PUT", "/sandboxes/a/files/y", std::string((16U << 20U) + 1, ' '));
  EXPECT_EQ(put.status, 413);
  EXPECT_NE(failureOf(put)["remedy"].get<std::string>().find("upgraded"), std::string::npos);
}

TEST_F(FilesTest, HeadSaysWhetherItIsThere) {
  contents()["/x"] = "1";
  for (const auto& [path, status] : {std::pair("x", 200), std::pair("y", 404)}) {
    RawClient head = client();
    head.send(cat("HEAD /sandboxes/a/files/", path, " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    EXPECT_EQ(head.readHead().status, status) << path;
  }
}

}  // namespace
}  // namespace ak::api
