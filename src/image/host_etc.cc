#include "image/host_etc.h"

#include "base/text.h"

namespace ak::image {

// Debian's base accounts (base-passwd), because packages' programs name them, and one plain user.
// No password field can match: there is no shadow file.
const std::array<SyntheticFile, 6> kSyntheticEtc = {{
    {"passwd",
     "root:x:0:0:root:/root:/bin/sh\n"
     "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
     "bin:x:2:2:bin:/bin:/usr/sbin/nologin\n"
     "sys:x:3:3:sys:/dev:/usr/sbin/nologin\n"
     "games:x:5:60:games:/usr/games:/usr/sbin/nologin\n"
     "man:x:6:12:man:/var/cache/man:/usr/sbin/nologin\n"
     "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"
     "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
     "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n"
     "user:x:1000:1000:user:/home/user:/bin/sh\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"group",
     "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nmail:x:8:\n"
     "man:x:12:\nkmem:x:15:\nsudo:x:27:\nwww-data:x:33:\nshadow:x:42:\nutmp:x:43:\nvideo:x:44:\n"
     "staff:x:50:\ngames:x:60:\nusers:x:100:\nuser:x:1000:\nnogroup:x:65534:\n"},
    // No name service daemon of the host can be reached from a box: files and DNS are all there is.
    {"nsswitch.conf",
     "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\n"
     "protocols: files\nservices: files\nethers: files\nrpc: files\n"},
    {"hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"},
    {"hostname", "sandbox\n"},
    {"networks", "loopback 127.0.0.0\n"},
}};

std::string resolverFile(std::string_view host_text) {
  constexpr int kMaxServers = 3;  // MAXNS of resolv.h
  std::string text;
  int servers = 0;
  for (const std::string_view line : split(host_text, '\n')) {
    const std::string_view words = trim(line);
    if (!words.starts_with("nameserver") || servers == kMaxServers) {
      continue;
    }
    const std::string_view address = trim(words.substr(10));
    const bool plain = !address.empty() && address.find_first_not_of("0123456789abcdefABCDEF.:") ==
                                               std::string_view::npos;
    if (plain && !address.starts_with("127.") && address != "::1") {
      text += cat("nameserver ", address, "\n");
      ++servers;
    }
  }
  return text;
}

}  // namespace ak::image
